//go:build root

package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/logis-project/logis/internal/linux"
)

// TestMain runs the tests in a network namespace of their own: there, this process is the host.
func TestMain(m *testing.M) {
	const inside = "LOGIS_TEST_HOST"
	if os.Getenv(inside) != "" {
		lo := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "lo"}}
		if err := netlink.LinkSetUp(lo); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// The host's uplink leads to another machine, which is also its gateway.
const (
	hostAddr4, hostAddr6   = "192.0.2.2", "2001:db8::2"
	otherAddr4, otherAddr6 = "192.0.2.1", "2001:db8::1"
	internet4, internet6   = "198.51.100.7", "2001:db8:7::7"
	uplinkMTUForTest       = 1400
)

// host is a fresh host with a network and another machine.
type host struct {
	*Network
	other      *os.File // network namespace
	resolvConf string
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{other: newNetNS(t, 0), resolvConf: filepath.Join(t.TempDir(), "resolv.conf")}
	o := testOptions()
	o.ResolvConf = h.resolvConf
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.Network = n
	h.layCable(t)
	return h
}

// layCable connects host and other machine.
func (h *host) layCable(t *testing.T) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "uplink", uplinkMTUForTest
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerNamespace = "eth0", netlink.NsFd(int(h.other.Fd()))
	try(t, netlink.LinkAdd(veth))
	t.Cleanup(func() { try(t, netlink.LinkDel(veth)) })
	try(t, configure("uplink", otherAddr4, otherAddr6, hostAddr4+"/24", hostAddr6+"/64"))
	inNS(t, h.other, func() error {
		return configure("eth0", hostAddr4, hostAddr6, otherAddr4+"/24", otherAddr6+"/64", internet4+"/32", internet6+"/128")
	})
}

// configure brings up lo and a link with addresses and default routes, in the namespace of the calling thread.
func configure(link, via4, via6 string, addrs ...string) error {
	for _, name := range []string{"lo", link} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return err
		}
	}
	for _, a := range addrs {
		if err := addAddr(link, a); err != nil {
			return err
		}
	}
	return errors.Join(addRoute(link, "0.0.0.0/0", via4), addRoute(link, "::/0", via6))
}

func addAddr(link, addr string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	return netlink.AddrAdd(l, address(netip.MustParsePrefix(addr)))
}

func addRoute(link, dst, via string) error {
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{
		LinkIndex: l.Attrs().Index, Dst: ipNet(netip.MustParsePrefix(dst)), Gw: net.ParseIP(via),
	})
}

// bothFilters runs a test where the bridge's packets also pass the host's IP rules while they are still frames
// (br_netfilter, as Docker loads it) and where they do not.
func bothFilters(t *testing.T, test func(t *testing.T)) {
	const sysctl = "net/bridge/bridge-nf-call-"
	if _, err := linux.ReadSysctl(sysctl + "iptables"); err != nil {
		test(t)
		return
	}
	for _, value := range []string{"0", "1"} {
		t.Run("br_netfilter="+value, func(t *testing.T) {
			for _, of := range []string{"iptables", "ip6tables", "arptables"} {
				try(t, linux.WriteSysctl(sysctl+of, value))
			}
			test(t)
		})
	}
}

// newNetNS makes a network namespace; flags may add a user namespace that owns it.
func newNetNS(t testing.TB, flags uintptr) *os.File {
	t.Helper()
	cmd := exec.Command("cat") // lives until its input closes
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | flags}
	if flags != 0 {
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1_000_000, Size: 65_536}}
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
	}
	in, err := cmd.StdinPipe()
	try(t, err)
	try(t, cmd.Start())
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid))
	try(t, err)
	t.Cleanup(func() { ns.Close() })
	try(t, in.Close())
	try(t, cmd.Wait())
	return ns
}

// attachSite attaches a new site, whose namespace belongs to a user namespace, as a container's does.
func (h *host) attachSite(t *testing.T, index int) (Port, *os.File) {
	t.Helper()
	p, ns := testPort(index), newNetNS(t, syscall.CLONE_NEWUSER)
	try(t, h.Attach(t.Context(), p, ns))
	t.Cleanup(func() { try(t, h.Detach(context.Background(), p)) })
	return p, ns
}

func (h *host) ensure(t *testing.T) {
	t.Helper()
	try(t, h.Ensure(t.Context(), nil, nil))
	t.Cleanup(func() { try(t, h.Down(context.Background())) })
}

func deadline() time.Time { return time.Now().Add(patience) }

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inNS runs fn in a namespace; a nil namespace is the host's.
func inNS(t *testing.T, ns *os.File, fn func() error) {
	t.Helper()
	if ns == nil {
		try(t, fn())
		return
	}
	try(t, linux.InNetNS(ns, fn))
}

// serveTCP answers every connection to addr in ns with the client's address as the server sees it.
func serveTCP(t *testing.T, ns *os.File, addr string) {
	t.Helper()
	var l net.Listener
	inNS(t, ns, func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, c.RemoteAddr().(*net.TCPAddr).IP)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

const (
	patience   = 5 * time.Second        // for what must work
	impatience = 400 * time.Millisecond // for what must not
)

// askTCP connects from ns and returns what the server answered, "refused" or "silence".
func askTCP(t *testing.T, ns *os.File, addr string, wait time.Duration) string {
	t.Helper()
	var answer []byte
	err := func() (err error) {
		dial := func() error {
			c, err := (&net.Dialer{Timeout: wait}).Dial("tcp", addr)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
				return err
			}
			answer, err = io.ReadAll(c)
			return err
		}
		if ns == nil {
			return dial()
		}
		return linux.InNetNS(ns, dial)
	}()
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EACCES):
		return "silence"
	case err != nil:
		return err.Error()
	}
	return string(answer)
}

// run returns the output of a program run in the host's namespace.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// runHere is run in the namespace of the calling thread, its output without runs of spaces and numbers of links.
func runHere(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	var b strings.Builder
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if link, _, ok := strings.Cut(fields[0], "@if"); ok {
			fields[0] = link + "@ifN"
		}
		fmt.Fprintln(&b, strings.Join(fields, " "))
	}
	return b.String()
}
