//go:build root

package network

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// bandwidth fails unless the kernel holds a site to a rate, each way.
func (h *host) bandwidth(t *testing.T, p Port, ns *os.File, want int64) {
	t.Helper()
	from, to, err := h.Bandwidth(p, ns)
	try(t, err)
	if from != want || to != want {
		t.Errorf("bandwidth is %d from the site, %d to it, want %d", from, to, want)
	}
}

func TestBandwidth(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	q, neighbour := h.attachSite(t, 1)
	set := func(bytes int64) {
		t.Helper()
		try(t, h.SetBandwidth(t.Context(), p, site, bytes))
		h.bandwidth(t, p, site, bytes)
		try(t, h.SetBandwidth(t.Context(), p, site, bytes)) // again: changes nothing
		h.bandwidth(t, p, site, bytes)
	}
	before := run(t, "tc", "qdisc", "show", "dev", h.vethName(0))
	const rate, bytes = 1 << 20, 2 << 20
	set(0)
	set(rate)
	h.bandwidth(t, q, neighbour, 0)
	// What the bucket and, with TCP, the queue hold is there early. Nothing else can be before its time: this needs no
	// luck on a busy machine, which only makes it slower.
	least := time.Duration(bytes-leastBurst) * time.Second / rate
	for name, ends := range map[string][2]*os.File{"to the site": {h.other, site}, "from the site": {site, h.other}} {
		to := internet4
		if ends[1] == site {
			to = p.Addr4.String()
		}
		if took := h.transfer(t, ends[0], ends[1], p, to, bytes); took < least {
			t.Errorf("%s: %d bytes took %s, at %d a second they take %s", name, bytes, took, int64(rate), least)
		}
	}
	set(1 << 16)
	set(3 << 30) // beyond 32 bits in bits, not in bytes
	set(5 << 30) // beyond both
	set(0)
	if after := run(t, "tc", "qdisc", "show", "dev", h.vethName(0)); after != before {
		t.Errorf("without a limit: %q, at first %q", after, before)
	}
	if err := h.SetBandwidth(t.Context(), testPort(7), site, rate); err == nil {
		t.Error("a site that is not attached was given a bandwidth")
	}
}

// transfer returns how long it takes until n bytes, from one end, have arrived at the other. A site is reached by its redirect.
func (h *host) transfer(t *testing.T, from, at *os.File, p Port, to string, n int64) time.Duration {
	t.Helper()
	port := "6000"
	if to == p.Addr4.String() {
		try(t, h.Redirect(t.Context(), p))
		port, to = "22", hostAddr4
	}
	var l net.Listener
	inNS(t, at, func() (err error) {
		l, err = net.Listen("tcp", ":"+port)
		return err
	})
	defer l.Close()
	if port == "22" {
		port = fmt.Sprint(p.SSHPort)
	}
	var c net.Conn
	inNS(t, from, func() (err error) {
		c, err = net.DialTimeout("tcp", net.JoinHostPort(to, port), patience)
		return err
	})
	defer c.Close()
	server, err := l.Accept()
	try(t, err)
	defer server.Close()
	begin := time.Now()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyN(c, zeros{}, n)
		sent <- err
	}()
	if got, err := io.CopyN(io.Discard, server, n); err != nil {
		t.Fatalf("%d of %d bytes arrived: %v", got, n, err)
	}
	took := time.Since(begin)
	try(t, <-sent)
	return took
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestBandwidthIsMended: one end that lost its limit is seen, and set again.
func TestBandwidthIsMended(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, ns := h.attachSite(t, 0)
	try(t, h.SetBandwidth(t.Context(), p, ns, 1<<20))
	run(t, "tc", "qdisc", "del", "dev", h.vethName(0), "root")
	from, to, err := h.Bandwidth(p, ns)
	try(t, err)
	if from != 1<<20 || to != 0 {
		t.Errorf("%d from the site, %d to it", from, to)
	}
	try(t, h.SetBandwidth(t.Context(), p, ns, 1<<20))
	h.bandwidth(t, p, ns, 1<<20)
}
