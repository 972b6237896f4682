package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/probe"
)

// maxComplaint bounds what logis-probe says on its standard error, in bytes.
const maxComplaint = 1 << 10

// maxOutput bounds all that it says: a site of somebody's may have it say more than the results.
const maxOutput = 8 << 20

// maxScene bounds the addresses and ports of the host that are tried.
const maxScene = 32

// sharedKey is the key of the neighbour's shared memory: it has no meaning but between the two sites.
const sharedKey = 0x6c6f6769

// setScene starts the neighbour's part and says what the attempts are told. stop ends the neighbour's part.
func (p *proof) setScene(ctx context.Context) (stop func(), err error) {
	name := "logis-" + p.neighbour.Record.Name()
	// In the host's network namespace, where abstract sockets live: a site must not find it.
	outside, err := net.Listen("unix", "@"+name+"-host")
	if err != nil {
		return nil, fmt.Errorf("hold an abstract socket: %w", err)
	}
	defer func() {
		if err != nil {
			outside.Close()
		}
	}()
	addresses, err := p.network.HostAddresses()
	if err != nil {
		return nil, err
	}
	ports, err := p.network.ClosedPorts()
	if err != nil {
		return nil, err
	}
	p.scene = probe.Scene{
		Proxy: p.network.ProxyPort(), Host: addresses[:min(len(addresses), maxScene)], Ports: ports[:min(len(ports), maxScene)],
		Redirect: int(p.neighbour.Record.SSHPort), Mail: p.config.Network.SMTP,
		Resolver:     p.network.ResolverAnswers(ctx, probe.Question()),
		NeighbourPID: p.neighbour.PID, SharedMemory: sharedKey, HostSocket: name + "-host",
		Daemons:   []string{p.config.Socket(), p.config.ProxySocket()},
		Socket:    name,
		Neighbour: []string{p.neighbour.Record.Address4.String(), p.neighbour.Record.Address6.String()},
		Gateway:   []string{p.network.Gateway4().String(), p.network.Gateway6().String()},
	}
	if !p.throwaway { // root of a named site reads whatever it is told
		p.scene.Named, p.scene.Host, p.scene.Ports, p.scene.Daemons, p.scene.NeighbourPID, p.scene.Redirect = true, nil, nil, nil, 0, 0
	}
	ctx, cancel := context.WithCancel(ctx)
	held, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	var part sync.WaitGroup
	part.Go(func() {
		ended <- p.probe(ctx, p.neighbour.Record.Name(), "hold", func(probe.Result) error {
			once.Do(func() { close(held) })
			return nil
		})
	})
	select {
	case <-held:
		return func() { cancel(); part.Wait(); outside.Close() }, nil
	case err := <-ended:
		cancel()
		return nil, fmt.Errorf("prepare the neighbour: %w", errors.Join(err, context.Cause(ctx)))
	}
}

// probe runs logis-probe as root of a site until it ends, or ctx does, or each returns an error.
func (p *proof) probe(ctx context.Context, name, mode string, each func(probe.Result) error) error {
	scene, err := json.Marshal(p.scene)
	if err != nil {
		return fmt.Errorf("encode scene: %w", err)
	}
	conn, err := p.Exec(ctx, name, control.Exec{
		Command: []string{"logis-probe", mode}, Program: int64(len(p.program)),
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write(p.program); err != nil {
		return fmt.Errorf("hand logis-probe over: %w", err)
	}
	if err := frame.NewWriter(conn).Write(frame.Stdin, scene); err != nil { // not an argument: those are everybody's to read
		return fmt.Errorf("tell logis-probe the scene: %w", err)
	}
	results, pipe := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := copyOutput(conn, pipe)
		pipe.CloseWithError(err)
		ended <- err
	}()
	err = probe.Read(results, each)
	results.CloseWithError(io.ErrClosedPipe)
	conn.Close()
	return errors.Join(err, <-ended)
}

// copyOutput copies what a command says to out until it ends. What it complains of is the error.
func copyOutput(conn net.Conn, out io.Writer) error {
	var complaint bytes.Buffer
	for left := maxOutput; ; {
		kind, payload, err := frame.Read(conn)
		if err != nil {
			return fmt.Errorf("the site broke off: %w", err)
		}
		if left -= len(payload) + 1; left < 0 {
			return errors.New("the site says too much")
		}
		switch kind {
		case frame.Stdout:
			if _, err := out.Write(payload); err != nil {
				return err
			}
		case frame.Stderr, frame.Error:
			complaint.Write(payload[:min(len(payload), maxComplaint-complaint.Len())])
		case frame.Exit:
			if len(payload) == 1 && payload[0] == 0 {
				return nil
			}
			return fmt.Errorf("logis-probe ended with status %v: %s", payload, complaint.Bytes())
		}
	}
}
