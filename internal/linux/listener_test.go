package linux

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:55F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3333 1 0000000000000000 100 0 0 10 0
`

const tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: B80D0120000000000000000001000000:55F2 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1 0000000000000000 100 0 0 10 0
`

func TestParseListeners(t *testing.T) {
	var all []Listener
	for _, table := range []string{tcpTable, tcp6Table} {
		found, err := parseListeners(strings.NewReader(table))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	want := []Listener{
		{netip.MustParseAddrPort("0.0.0.0:80"), "1111"},
		{netip.MustParseAddrPort("127.0.0.1:22001"), "2222"},
		{netip.MustParseAddrPort("[2001:db8::1]:22002"), "4444"},
	}
	if d := cmp.Diff(want, all, cmpopts.EquateComparable(netip.AddrPort{})); d != "" {
		t.Errorf("listeners (-want +got):\n%s", d)
	}
}

func TestCollides(t *testing.T) {
	for _, tc := range []struct {
		has, addr string
		port      uint16
		want      bool
	}{
		{"0.0.0.0:80", "", 80, true},
		{"0.0.0.0:80", "192.0.2.1", 80, true},
		{"0.0.0.0:80", "", 81, false},
		{"127.0.0.1:80", "192.0.2.1", 80, false},
		{"127.0.0.1:80", "::", 80, true},
		{"127.0.0.1:80", "localhost", 80, true},
		{"192.0.2.1:80", "::ffff:192.0.2.1", 80, true},
	} {
		if got := (Listener{Addr: netip.MustParseAddrPort(tc.has)}).Collides(tc.addr, tc.port); got != tc.want {
			t.Errorf("%s and %s:%d: %v", tc.has, tc.addr, tc.port, got)
		}
	}
}

// The holder of a socket is told by name and process; this process holds one.
func TestHolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all, err := Listeners()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	want := fmt.Sprintf("%s (pid %d)", filepath.Base(self), os.Getpid())
	for _, s := range all {
		if s.Collides("127.0.0.1", port) {
			if got := s.Holder().String(); got != want {
				t.Errorf("port %d is held by %s, want %s", port, got, want)
			}
			return
		}
	}
	t.Errorf("port %d is not among %v", port, all)
}

func TestProgramEnd(t *testing.T) {
	for groups, want := range map[string]string{
		"0::/system.slice/nginx.service\n":                      "systemctl disable --now nginx.service",
		"9:pids:/x\n1:name=systemd:/system.slice/a.service/b\n": "systemctl disable --now a.service",
		"0::/user.slice/user-1000.slice/user@1000.service/x\n":  "kill 7",
		"0::/\n":                         "kill 7",
		"":                               "kill 7",
		"0::/logis.slice/logis.service:": "kill 7",
	} {
		if got := (Program{Name: "x", PID: 7, Unit: unitIn(groups)}).End(); got != want {
			t.Errorf("%q: %s, want %s", groups, got, want)
		}
	}
	if p := (Program{}); p.String() != "another program" || !strings.Contains(p.End(), "ss -ltnp") {
		t.Errorf("one that cannot be seen: %s: %s", p, p.End())
	}
}

func FuzzParseListeners(f *testing.F) {
	f.Add(tcpTable)
	f.Add(tcp6Table)
	f.Fuzz(func(t *testing.T, table string) {
		all, err := parseListeners(strings.NewReader(table))
		for _, l := range all {
			if err == nil && !l.Addr.IsValid() {
				t.Errorf("%q gives %+v", table, l)
			}
		}
	})
}
