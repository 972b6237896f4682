//go:build root

package network

import (
	"fmt"
	"net"
	"os"
	"testing"
)

func TestRedirect(t *testing.T) { bothFilters(t, testRedirect) }

func testRedirect(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	serveTCP(t, site, ":22")
	try(t, h.Redirect(t.Context(), p))
	try(t, h.Redirect(t.Context(), p)) // again: changes nothing
	at := func(addr string) string { return net.JoinHostPort(addr, fmt.Sprint(p.SSHPort)) }
	for _, tt := range []struct {
		name string
		from *os.File
		to   string
		want string // the client as the site's sshd sees it
	}{
		{"from another machine", h.other, at(hostAddr4), otherAddr4},
		{"from another machine, IPv6", h.other, at(hostAddr6), otherAddr6},
		{"from the host's own address", nil, at(hostAddr4), hostAddr4},
		{"from the host's own address, IPv6", nil, at(hostAddr6), hostAddr6},
		{"from 127.0.0.1", nil, at("127.0.0.1"), h.Gateway4().String()},
		{"from 127.0.0.2", nil, at("127.0.0.2"), h.Gateway4().String()},
		{"from ::1, which clients fall back from", nil, at("::1"), "refused"},
		{"from the host, by the site's address", nil, p.Addr4.String() + ":22", h.Gateway4().String()},
		{"past the host", h.other, p.Addr4.String() + ":22", "silence"},
		{"past the host, IPv6", h.other, "[" + p.Addr6.String() + "]:22", "silence"},
		{"another port of the host", h.other, hostAddr4 + ":22", "refused"},
	} {
		wait := patience
		if tt.want == "silence" {
			wait = impatience
		}
		if got := askTCP(t, tt.from, tt.to, wait); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}

	moved := testPort(1)
	moved.SSHPort = p.SSHPort
	_, neighbour := h.attachSite(t, 1)
	try(t, h.Redirect(t.Context(), moved)) // replaces
	if got := askTCP(t, h.other, at(hostAddr4), patience); got != "refused" {
		t.Errorf("redirect to a site without sshd: got %q, want refused", got)
	}
	if got := askTCP(t, neighbour, at(hostAddr4), impatience); got != "silence" {
		t.Errorf("from a site: got %q, want silence", got)
	}
	try(t, h.RemoveRedirect(t.Context(), moved))
	try(t, h.RemoveRedirect(t.Context(), moved))
	if got := askTCP(t, h.other, at(hostAddr6), patience); got != "refused" {
		t.Errorf("redirect removed: got %q, want refused", got)
	}
}

func TestPortFree(t *testing.T) {
	h := newHost(t)
	if !h.PortFree(22001) {
		t.Error("22001 is free, but PortFree says no")
	}
	for i, addr := range []string{"0.0.0.0", "127.0.0.1", "[::]", "[::1]", hostAddr4} {
		port := uint16(23001 + i)
		serveTCP(t, nil, fmt.Sprintf("%s:%d", addr, port))
		if h.PortFree(port) {
			t.Errorf("a program listens on %s:%d, but PortFree says it is free", addr, port)
		}
	}
}
