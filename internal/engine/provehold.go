package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/logis-project/logis/internal/network"
)

// Times of filling the subject's share of the host's table of connections.
const (
	fillTime  = 70 * time.Second // within which it is full: 2,000 at 50 a second
	fillLook  = time.Second      // between two looks at the host's table
	fillStill = 3                // looks after which nothing more is expected
)

// filling is that the subject holds as many connections as it gets, beside the rows that are tried meanwhile: at the rate at
// which a site may open them it takes most of a minute.
type filling struct {
	ended <-chan error
	stop  func()
	tasks int64 // of the subject before
}

// flowCounts is what the subject holds in the host's table, by IPv4 and by IPv6.
type flowCounts [2]int

// fill begins. Pings of the host are what the subject holds: the host lets every site ping it, nobody else is needed, and each
// is a connection to the kernel. They are more than the bound, so that more come through where that does not hold.
func fill(ctx context.Context, p *proof) error {
	name, most := p.subject.Record.Name(), network.ShareOfSite().Open*5/4
	c := p.live(name).snapshot().container
	if c == nil {
		return fmt.Errorf("%s does not run", name)
	}
	u, err := c.Usage()
	if err != nil {
		return err
	}
	parts := []string{fmt.Sprintf("ping=%s:%d", p.network.Gateway4(), most), fmt.Sprintf("ping=[%s]:%d", p.network.Gateway6(), most)}
	edges, ended, stop, err := p.besiege(ctx, name, parts)
	if err != nil {
		return err
	}
	p.filling = &filling{ended: ended, stop: stop, tasks: u.PIDs}
	// Until all its processes are there: the rows beside it wait for the subject to have as many tasks as before them.
	for deadline := time.Now().Add(edgeTime); len(edges()) < len(parts); {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			return errors.Join(errors.New("the program in the site ended"), err)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("the program in the site does not begin")
		}
	}
	return nil
}

// filled waits until the subject's share is full, by the host's own count, or is exceeded.
func filled(ctx context.Context, p *proof) error {
	if p.filling == nil {
		return errors.New("the subject has not begun to hold connections")
	}
	bound := network.ShareOfSite().Open
	var before flowCounts
	still := 0
	for deadline := time.Now().Add(fillTime); time.Now().Before(deadline); {
		held, err := p.flows()
		if err != nil {
			return err
		}
		if still++; held != before {
			before, still = held, 0
		}
		if max(held[0], held[1]) > bound || held.nearly(bound) && still >= fillStill {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-p.filling.ended:
			return errors.Join(errors.New("the program in the site ended"), err)
		case <-time.After(fillLook):
		}
	}
	return nil // it is judged by what was reached
}

// unfill ends it, and makes room for what the subject opens next.
func (p *proof) unfill() error {
	if p.filling == nil {
		return nil
	}
	f := p.filling
	p.filling = nil
	f.stop()
	var calmed error
	if c := p.live(p.subject.Record.Name()).snapshot().container; c != nil {
		calmed = calm(c, f.tasks)
	}
	return errors.Join(calmed, p.network.ForgetFlows(p.subject.Record.Address4, p.subject.Record.Address6))
}

func (p *proof) flows() (held flowCounts, err error) {
	for i, addr := range []netip.Addr{p.subject.Record.Address4, p.subject.Record.Address6} {
		if held[i], err = p.network.Flows(addr); err != nil {
			return held, err
		}
	}
	return held, nil
}

// nearly tells whether the bound was reached by both, or so nearly that one which did not hold would have been passed: what is
// listed may just have ended.
func (c flowCounts) nearly(bound int) bool { return min(c[0], c[1]) > bound*9/10 }

// connections are the pressure of connections held open.
func connections() *pressure {
	bound := network.ShareOfSite().Open
	want := fmt.Sprintf("at most %d", bound)
	var held flowCounts
	return &pressure{
		name: "connections held open", want: want, ready: filled, then: func(_ context.Context, p *proof) error { return p.unfill() },
		parts: func(*proof) []string { return nil },
		count: func(_ context.Context, p *proof) (_ int64, err error) {
			held, err = p.flows()
			return int64(max(held[0], held[1])), err
		},
		judge: func(s *toll) string {
			ok := held.nearly(bound) && max(s.first, s.last) <= int64(bound)
			return within(ok, want, "the host counts %d by IPv4, %d by IPv6", held[0], held[1])
		},
	}
}

// proxyless is why nothing can be opened to the host's proxy.
func proxyless(p *proof) string {
	port := p.network.ProxyPort()
	if port == 0 {
		return "the proxy has no port"
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(p.network.Gateway4().String(), strconv.Itoa(port)), 5*time.Second)
	if err != nil {
		return "the proxy does not answer: " + err.Error()
	}
	conn.Close()
	return ""
}
