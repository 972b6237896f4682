//go:build root

package network

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// TestTraffic: what a site sends counts as sent, and nobody else's as its own.
func TestTraffic(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	_, alice := h.attachSite(t, 0)
	h.attachSite(t, 3)
	before, err := h.Traffic(t.Context())
	try(t, err)
	const datagrams, size = 100, 1000
	inNS(t, alice, func() error {
		conn, err := net.Dial("udp", net.JoinHostPort(h.Gateway4().String(), "9"))
		if err != nil {
			return err
		}
		defer conn.Close()
		for range datagrams {
			// An answer of the host, port unreachable, comes as the error of the next write.
			if _, err := conn.Write(bytes.Repeat([]byte("x"), size)); err != nil {
				continue
			}
		}
		return nil
	})
	for until := time.Now().Add(patience); ; {
		after, err := h.Traffic(t.Context())
		try(t, err)
		sent, received := after[0].Sent-before[0].Sent, after[0].Received-before[0].Received
		if sent >= datagrams*size/2 {
			if received > sent/2 {
				t.Errorf("alice sent %d bytes and received %d", sent, received)
			}
			if other := after[3].Sent - before[3].Sent; other > sent/2 {
				t.Errorf("her neighbour sent %d bytes", other)
			}
			if len(after) != 2 {
				t.Errorf("%d sites: %+v", len(after), after)
			}
			return
		}
		if time.Now().After(until) {
			t.Fatalf("alice sent %d bytes, received %d: %+v", sent, received, after)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the test has ended")
		}
	}
}
