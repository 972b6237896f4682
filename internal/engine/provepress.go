package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/siege"
)

// press runs parts of package siege in the subject, visits the neighbour meanwhile, and watches what the subject uses.
func (p *proof) press(ctx context.Context, l *pressure) (*toll, error) {
	parts := l.parts(p)
	name := p.subject.Record.Name()
	c := p.live(name).snapshot().container
	if c == nil {
		return nil, fmt.Errorf("%s does not run", name)
	}
	s := &toll{parts: parts}
	var err error
	if s.before, err = c.Usage(); err != nil {
		return nil, err
	}
	s.top = s.before
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	edges, ended, stop, err := p.besiege(ctx, name, parts)
	if err != nil {
		return nil, err
	}
	var visitors sync.WaitGroup
	visitors.Go(func() { p.visitNeighbour(ctx, &s.visitors) })
	if l.beside != nil {
		visitors.Go(func() { l.beside(ctx, p) })
	}
	count := func() (int64, error) { return 0, nil }
	if l.count != nil {
		count = func() (int64, error) { return l.count(ctx, p) }
	}
	err = s.watch(ctx, c, count, edges, ended)
	stop()
	cancel()
	visitors.Wait()
	if err != nil {
		return nil, err
	}
	if shown, err := p.Show(context.WithoutCancel(ctx), name); err == nil {
		s.disk = shown.Usage.Disk
	}
	return s, calm(c, s.before.PIDs)
}

// besiege starts the program. edges tells what its parts have said so far; stop ends it.
func (p *proof) besiege(ctx context.Context, name string, parts []string) (edges func() map[string]string, ended <-chan error, stop func(), err error) {
	conn, err := p.Exec(ctx, name, control.Exec{Command: siege.Command(parts...)})
	if err != nil {
		return nil, nil, nil, err
	}
	wanted := map[string]bool{}
	for _, part := range parts {
		wanted[part] = true
	}
	var mu sync.Mutex
	said := map[string]string{}
	out, in := io.Pipe()
	go func() { // ends with the pipe
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if part, words, ok := siege.Edge(lines.Text()); ok && wanted[part] {
				mu.Lock()
				said[part] = words
				mu.Unlock()
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	done := make(chan error, 1)
	go func() {
		err := copyOutput(conn, in)
		in.CloseWithError(err)
		done <- err
	}()
	edges = func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(said)
	}
	return edges, done, func() {
		_ = frame.NewWriter(conn).Write(frame.Stdin, nil) // the end of its input is its own
		_ = conn.Close()
	}, nil
}

// watch looks at what is used until every part is at its edge, and a little longer.
func (s *toll) watch(ctx context.Context, c *container.Container, count func() (int64, error), edges func() map[string]string, ended <-chan error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(edgeTime)
	var at time.Time // when all were at their edge
	var spent float64
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			return errors.Join(errors.New("the program in the site ended"), err)
		case <-tick.C:
		}
		u, err := c.Usage()
		if err != nil {
			return err
		}
		s.top.Memory, s.top.Swap = max(s.top.Memory, u.Memory), max(s.top.Swap, u.Swap)
		s.top.PIDs, s.top.OOMKills = max(s.top.PIDs, u.PIDs), max(s.top.OOMKills, u.OOMKills)
		s.edges = edges()
		now := time.Now()
		switch {
		case at.IsZero() && (len(s.edges) == len(s.parts) || now.After(deadline)):
			at, spent = now, u.CPUSeconds
			if s.first, err = count(); err != nil {
				return err
			}
		case !at.IsZero() && now.Sub(at) >= atEdgeTime:
			s.cpus = (u.CPUSeconds - spent) / now.Sub(at).Seconds()
			s.last, err = count()
			s.took = time.Since(at) // from before the first count until after the last
			return err
		}
	}
}

// calm waits until the program has left the site, so that the next can begin.
func calm(c *container.Container, tasks int64) error {
	for deadline := time.Now().Add(calmTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if u, err := c.Usage(); err != nil || u.PIDs <= tasks+2 {
			return err
		}
	}
	return errors.New("the program did not leave the site")
}

// visits is how requests to a site came out.
type visits struct {
	answered, failed int
	slowest          time.Duration
	first            error // of those that failed
}

// visitNeighbour asks the neighbour for its page by the host's proxy until ctx ends.
func (p *proof) visitNeighbour(ctx context.Context, v *visits) {
	visitor := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer visitor.CloseIdleConnections()
	url := "http://127.0.0.1:" + strconv.Itoa(p.network.ProxyPort()) + "/"
	for ctx.Err() == nil {
		began := time.Now()
		err := visitPage(visitor, url, p.neighbour.Record.Name()+"."+p.config.BaseDomain)
		if took := time.Since(began); took > v.slowest {
			v.slowest = took
		}
		if err == nil {
			v.answered++
		} else if v.failed++; v.first == nil {
			v.first = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func visitPage(visitor *http.Client, url, host string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Host = host
	res, err := visitor.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}

func (v *visits) sum() (string, error) {
	if v.answered == 0 {
		return "", fmt.Errorf("%w: the proxy does not answer for the neighbour: %w", errLacking, v.first)
	}
	if v.failed > 0 {
		return fmt.Sprintf("NOT all of %d answered: %v", v.answered+v.failed, v.first), nil
	}
	return fmt.Sprintf("%s: %d, the slowest in %v", answeredAll, v.answered, v.slowest.Round(time.Millisecond)), nil
}
