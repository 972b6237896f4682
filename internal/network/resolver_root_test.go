//go:build root

package network

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/linux"
)

// serveNames runs a nameserver that is known by name.
func serveNames(t *testing.T, ns *os.File, addr, name string) {
	t.Helper()
	var udp net.PacketConn
	var tcp net.Listener
	inNS(t, ns, func() (err error) {
		if udp, err = net.ListenPacket("udp", addr); err != nil {
			return err
		}
		tcp, err = net.Listen("tcp", addr)
		return err
	})
	nameserver(t, udp, tcp, name)
}

// TestResolver asks the gateway for names from inside a site while the host's resolv.conf changes.
func TestResolver(t *testing.T) { bothFilters(t, testResolver) }

func testResolver(t *testing.T) {
	h := newHost(t)
	write := func(text string) {
		t.Helper()
		try(t, os.WriteFile(h.resolvConf+".new", []byte(text), 0o644))
		try(t, os.Rename(h.resolvConf+".new", h.resolvConf))
	}
	serveNames(t, h.other, otherAddr4+":53", "outside")
	serveNames(t, h.other, "["+otherAddr6+"]:53", "outside6")
	serveNames(t, nil, "127.0.0.1:53", "stub")
	inNS(t, h.other, func() error { return addAddr("eth0", "169.254.169.254/32") })
	serveNames(t, h.other, "169.254.169.254:53", "cloud")
	run(t, "ip", "route", "add", "169.254.0.0/16", "dev", "uplink")

	if h.ResolverAnswers(t.Context(), []byte(query)) {
		t.Error("the host gets answers of no nameserver")
	}
	write("nameserver " + otherAddr4 + "\n")
	h.ensure(t)
	_, site := h.attachSite(t, 0)
	expect := func(want string) {
		t.Helper()
		defer func() {
			if !h.ResolverAnswers(t.Context(), []byte(query)) {
				t.Errorf("%s: the host itself gets no answer", want)
			}
		}()
		pause := time.NewTicker(10 * time.Millisecond)
		defer pause.Stop()
		for _, network := range []string{"udp", "tcp"} {
			got := ""
			for end := deadline(); got != query+want && time.Now().Before(end); { // the change is seen at the next look
				err := linux.InNetNS(site, func() error {
					c, err := (&net.Dialer{Timeout: patience}).Dial(network, h.Gateway4().String()+":53")
					if err != nil {
						return err
					}
					got, err = askName(c)
					return err
				})
				if err != nil {
					got = err.Error()
				}
				if got != query+want {
					<-pause.C // each question is a connection, of which a site has its share only
				}
			}
			if got != query+want {
				t.Errorf("%s: got %q, want %q", network, got, query+want)
			}
		}
	}
	expect("outside") // before logisd serves, as while it restarts

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.ServeResolver(ctx) }()
	defer func() {
		stop()
		try(t, <-done)
	}()
	expect("outside")
	write("nameserver 127.0.0.1\n")
	expect("stub")
	write("nameserver 169.254.169.254\n")
	expect("cloud")
	write("nameserver " + otherAddr6 + "\n")
	expect("outside6")
	write("nameserver " + otherAddr4 + "\n")
	expect("outside")
	// Only names pass to the nameserver's other ports.
	serveTCP(t, h.other, "169.254.169.254:80")
	if got := askTCP(t, site, "169.254.169.254:80", impatience); got != "silence" {
		t.Errorf("the nameserver's other port: %q", got)
	}
}
