//go:build root

package network

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/linux"
)

// linkedHost has groups of sites that are linked: alice with bob, and bob with carol.
func linkedHost(t *testing.T) *host {
	t.Helper()
	h := newHost(t)
	o := testOptions()
	o.ResolvConf, o.Links = h.resolvConf, [][]string{{"alice", "bob", "nobody"}, {"bob", "carol"}}
	n, err := New(o)
	try(t, err)
	h.Network = n
	h.ensure(t)
	return h
}

// attachNamed attaches a site with a name, and serves its port 80.
func (h *host) attachNamed(t *testing.T, index int, name string) (Port, *os.File) {
	t.Helper()
	p, ns := testPort(index), newNetNS(t, syscall.CLONE_NEWUSER)
	p.Name = name
	try(t, h.Attach(t.Context(), p, ns))
	t.Cleanup(func() { try(t, h.Detach(context.Background(), Port{Index: index})) })
	serveTCP(t, ns, ":80")
	return p, ns
}

func TestLinkedSites(t *testing.T) { bothFilters(t, testLinkedSites) }

func testLinkedSites(t *testing.T) {
	h := linkedHost(t)
	names := []string{"alice", "bob", "carol", "dave"}
	linked := map[string]bool{"alice bob": true, "bob alice": true, "bob carol": true, "carol bob": true}
	ports, spaces := map[string]Port{}, map[string]*os.File{}
	for i, name := range names {
		ports[name], spaces[name] = h.attachNamed(t, i, name)
	}
	matrix := func(linked map[string]bool) {
		t.Helper()
		var all sync.WaitGroup // at the same time: what is not answered takes its time
		for _, from := range names {
			for _, to := range names {
				if from != to {
					all.Go(func() {
						h.reach(t, from+" "+to, ports[from], spaces[from], ports[to], linked[from+" "+to])
					})
				}
			}
		}
		all.Wait()
	}
	matrix(linked)

	// As logisd does when it starts while sites run, and when rules were flushed.
	run(t, "nft", "flush", "ruleset")
	try(t, h.Reload(t.Context()))
	all := []Port{ports["alice"], ports["bob"], ports["carol"], ports["dave"]}
	try(t, h.Ensure(t.Context(), all, nil))
	matrix(linked)

	// The next site with bob's address is linked with nobody, nor does a connection of his pass to it.
	old := openBetween(t, spaces["alice"], spaces["bob"], ports["bob"].Addr4)
	try(t, h.Detach(t.Context(), ports["bob"]))
	if rules := run(t, "nft", "list", "table", "inet", "logis"); strings.Contains(rules, ports["bob"].Addr4.String()) {
		t.Errorf("bob is gone, but not his address:\n%s", rules)
	}
	ports["bob"], spaces["bob"] = h.attachNamed(t, 1, "erin")
	matrix(map[string]bool{})
	heard := openRaw(t, spaces["bob"], "eth0")
	_, err := old.Write([]byte("a secret"))
	try(t, err)
	// The sentinel of the host comes after it, since it is sent after it.
	inNS(t, nil, func() error {
		c, err := net.Dial("udp", ports["bob"].Addr4.String()+":7")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("sentinel"))
		return err
	})
	for _, frame := range heard.receiveUntil(t, func(f []byte) bool { return strings.Contains(string(f), "sentinel") }) {
		if strings.Contains(string(frame), "a secret") {
			t.Error("a connection to bob went on to the next site with his address")
		}
	}
}

// TestLinkEnds: a link that the configuration has no more ends also for the connections that are open.
func TestLinkEnds(t *testing.T) {
	h := linkedHost(t)
	alice, from := h.attachNamed(t, 0, "alice")
	bob, to := h.attachNamed(t, 1, "bob")
	c := openBetween(t, from, to, bob.Addr4)
	without := testOptions()
	without.ResolvConf = h.resolvConf
	n, err := New(without)
	try(t, err)
	try(t, n.Ensure(t.Context(), []Port{alice, bob}, nil))
	try(t, c.SetDeadline(time.Now().Add(impatience)))
	if _, err := c.Write([]byte("more")); err == nil {
		_, err = c.Read(make([]byte, 4))
		if err == nil {
			t.Error("the connection goes on")
		}
	}
	h.reach(t, "alice bob", alice, from, bob, false)
}

// reach tries TCP and ping, over IPv4 and IPv6.
func (h *host) reach(t *testing.T, what string, p Port, from *os.File, to Port, want bool) {
	t.Helper()
	for _, pair := range [][2]netip.Addr{{p.Addr4, to.Addr4}, {p.Addr6, to.Addr6}} {
		addr := pair[1].String()
		wait, expect := impatience, "silence"
		if want {
			wait, expect = patience, pair[0].String()
		}
		if got := askTCP(t, from, net.JoinHostPort(addr, "80"), wait); got != expect {
			t.Errorf("%s, TCP to %s: %q, want %q", what, addr, got, expect)
		}
		if got := ping(from, addr, wait); got != want {
			t.Errorf("%s, ping of %s: %v, want %v", what, addr, got, want)
		}
	}
}

// ping reports whether an echo request is answered; what is prohibited says so at once.
func ping(from *os.File, addr string, wait time.Duration) bool {
	ok := false
	_ = linux.InNetNS(from, func() error {
		if err := linux.WriteSysctl("net/ipv4/ping_group_range", "0 65535"); err != nil {
			return err
		}
		ok = pingHere(addr, wait) == nil
		return nil
	})
	return ok
}

func pingHere(addr string, wait time.Duration) error {
	ip := netip.MustParseAddr(addr)
	family, proto, request := syscall.AF_INET6, syscall.IPPROTO_ICMPV6, byte(128)
	var to syscall.Sockaddr = &syscall.SockaddrInet6{Addr: ip.As16()}
	if ip.Is4() {
		family, proto, request = syscall.AF_INET, syscall.IPPROTO_ICMP, 8
		to = &syscall.SockaddrInet4{Addr: ip.As4()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, proto)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	tv := syscall.NsecToTimeval(int64(wait))
	if err := errors.Join(
		syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv),
		syscall.Connect(fd, to),
	); err != nil {
		return err
	}
	if _, err := syscall.Write(fd, append([]byte{request, 0, 0, 0, 0, 0, 0, 1}, "hello"...)); err != nil {
		return err
	}
	n, err := syscall.Read(fd, make([]byte, 64))
	if err == nil && n == 0 {
		err = io.EOF
	}
	return err
}

// openBetween opens a connection from one site to another that both ends keep.
func openBetween(t *testing.T, from, to *os.File, addr netip.Addr) net.Conn {
	t.Helper()
	var l net.Listener
	var c net.Conn
	inNS(t, to, func() (err error) {
		l, err = net.Listen("tcp", ":9000")
		return err
	})
	defer l.Close()
	inNS(t, from, func() (err error) {
		c, err = net.DialTimeout("tcp", net.JoinHostPort(addr.String(), "9000"), patience)
		return err
	})
	server, err := l.Accept()
	try(t, err)
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}
