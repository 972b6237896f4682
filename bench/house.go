package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/bench/report"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/testhost"
)

const socket = "/run/logis/logis.sock"

// house is where a part is measured: logis's daemons with the image, and the peers beside them on the same pool.
type house struct {
	options
	dir      string
	client   *client.Client
	daemons  []*exec.Cmd
	peers    *peers
	subjects []subject         // those that can run here
	versions map[string]string // of each of them
	missing  map[string]string // why another cannot
}

func openHouse(ctx context.Context, o options) (_ *house, err error) {
	h := &house{
		options: o, dir: testhost.Dir(), client: client.New(socket), versions: map[string]string{}, missing: map[string]string{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := os.WriteFile(h.path("logis.toml"), []byte(h.config()), 0o644); err != nil {
		return h, err
	}
	for _, daemon := range []string{"logisd", "logis-proxy"} {
		if err := h.launch(daemon); err != nil {
			return h, err
		}
	}
	if err := h.await(ctx); err != nil {
		return h, err
	}
	if _, err := h.logis(ctx, "image", "import", h.image); err != nil {
		return h, err
	}
	if h.peers, err = openPeers(ctx, h); err != nil {
		return h, fmt.Errorf("make ready what peers need: %w", err)
	}
	for _, s := range []subject{newFloor(h.peers), newLogis(h), newLogisAPI(h), newLXC(h.peers), newNspawn(h.peers), newPodman(h.peers)} {
		if h.only != "" && !slices.Contains(strings.Split(h.only, ","), s.name()) {
			continue
		}
		version, err := s.version(ctx)
		if err != nil {
			h.missing[s.name()] = err.Error()
			continue
		}
		if err := h.try(ctx, s); err != nil {
			h.missing[s.name()] = err.Error()
			continue
		}
		h.versions[s.name()] = version
		h.subjects = append(h.subjects, s)
	}
	return h, nil
}

// try has a peer run a site once: that its programs are there does not say that they work on this machine. logis and the floor do, or
// there is nothing to measure.
func (h *house) try(ctx context.Context, s subject) (err error) {
	if s.name() == report.Logis || s.name() == report.LogisAPI || s.name() == report.Floor {
		return nil
	}
	i, _, err := h.open(ctx, s, 0)
	if i != nil {
		err = errors.Join(err, s.destroy(context.WithoutCancel(ctx), i))
	}
	return err
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// pool is where the image and all sites lie.
func (h *house) pool() string { return h.path("state/pool") }

// config leaves to their defaults the limits of a site, which the peers have too (limits.go).
func (h *house) config() string {
	return fmt.Sprintf(`instance = %q
state_dir = %q
run_dir = %q
first_id = 1_500_000_000
[pool]
size = "64GiB"
[network]
subnet4 = "10.185.0.0/16"
subnet6 = "fd85:6c6f:6769::/64"
`, testhost.Instance(), h.path("state"), filepath.Dir(socket))
}

// launch starts a daemon.
func (h *house) launch(name string) error {
	log, err := os.OpenFile(h.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(h.bin, name), "--config", h.path("logis.toml"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	h.daemons = append(h.daemons, cmd)
	return nil
}

// await returns when logisd answers.
func (h *house) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return poll(ctx, time.Millisecond, func() error {
		_, err := h.client.Version(ctx)
		return err
	})
}

// close ends the daemons; what else is left ends with the box.
func (h *house) close() error {
	var errs []error
	if h.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		sites, _ := h.client.Sites(ctx)
		errs = append(errs, atOnce(len(sites), growAtOnce, func(n int) error { return h.client.Destroy(ctx, sites[n].Name) }))
	}
	if h.peers != nil {
		errs = append(errs, h.peers.close())
	}
	for _, d := range h.daemons {
		errs = append(errs, h.end(d))
	}
	return errors.Join(errs...)
}

// atOnce does n things, so many at the same time.
func atOnce(n, most int, do func(int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, most)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// end ends a daemon; if it ends badly, with its last words.
func (h *house) end(d *exec.Cmd) error {
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := d.Wait()
	if err == nil || d.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		return nil
	}
	name := filepath.Base(d.Path)
	log, _ := os.ReadFile(h.path(name + ".log"))
	return fmt.Errorf("%s: %w: %s", name, err, log[max(0, len(log)-1000):])
}

// logis runs the command line.
func (h *house) logis(ctx context.Context, args ...string) (string, error) {
	return command(ctx, filepath.Join(h.bin, "logis"), append([]string{"--socket", socket}, args...)...)
}

// settle lets the disk end what went before, which is not the next one's work, and the kernel forget where addresses were.
func (h *house) settle(ctx context.Context) error {
	for _, b := range []string{bridge, podmanBridge} {
		_, _ = command(ctx, "ip", "neighbour", "flush", "dev", b) // the second may not be there yet
	}
	f, err := os.Open(h.pool())
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// command runs a program and returns what it says. Its words go to a file and not into a pipe, which what it leaves running in the
// background would hold open.
func command(ctx context.Context, program string, args ...string) (string, error) {
	fd, err := unix.MemfdCreate("output", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	words := os.NewFile(uintptr(fd), "output")
	defer words.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = words, words
	err = cmd.Run()
	out, readErr := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err = errors.Join(err, readErr); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// poll calls try until it returns nil, or returns its last error when ctx ends.
func poll(ctx context.Context, pause time.Duration, try func() error) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}
