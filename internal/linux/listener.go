package linux

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Listener is a TCP socket of the calling thread's network namespace that accepts connections.
type Listener struct {
	Addr  netip.AddrPort // an IPv4 address as such, also on a socket of both families
	Inode string         // of the socket, for Holder
}

// Listeners lists the TCP sockets that accept connections, proc_pid_net(5).
func Listeners() ([]Listener, error) {
	var all []Listener
	for _, path := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // without IPv6
		}
		if err != nil {
			return nil, err
		}
		found, err := parseListeners(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseListeners reads a table of proc_pid_net(5), net/tcp: "sl local_address rem_address st … inode".
func parseListeners(r io.Reader) ([]Listener, error) {
	const listen = "0A"
	var all []Listener
	lines := bufio.NewScanner(r)
	lines.Scan() // the heads of the columns
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != listen {
			continue
		}
		addr, err := parseHexAddr(f[1])
		if err != nil {
			return nil, err
		}
		all = append(all, Listener{addr, f[9]})
	}
	return all, lines.Err()
}

// parseHexAddr reads "0100007F:0050": words of four bytes in the host's order, here little-endian, and a number.
func parseHexAddr(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address", text)
	}
	for i := 0; i < len(raw); i += 4 {
		slices.Reverse(raw[i : i+4])
	}
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not a port", text)
	}
	addr, _ := netip.AddrFromSlice(raw) // 4 or 16 bytes always are an address
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}

// Collides tells whether a socket on addr and this one could not both be: addr is an address, a name or nothing, which is
// all addresses.
func (l Listener) Collides(addr string, port uint16) bool {
	own, err := netip.ParseAddr(addr)
	at := l.Addr.Addr()
	return l.Addr.Port() == port && (err != nil || own.IsUnspecified() || at.IsUnspecified() || own.Unmap() == at)
}

// Program is a process, as an admin knows it.
type Program struct {
	Name string // of its file; "" where that cannot be seen
	PID  int
	Unit string // of systemd, "nginx.service"; "" where it is in none
}

// String is "nginx (pid 12)".
func (p Program) String() string {
	if p.Name == "" {
		return "another program"
	}
	return fmt.Sprintf("%s (pid %d)", p.Name, p.PID)
}

// End is what to type to end the program for good.
func (p Program) End() string {
	switch {
	case p.Unit != "":
		return "systemctl disable --now " + p.Unit
	case p.PID > 0:
		return "kill " + strconv.Itoa(p.PID)
	}
	return "ss -ltnp tells which it is: stop it"
}

// Holder finds the program that has the socket; the zero Program where this process may not see it.
func (l Listener) Holder() Program {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return Program{}
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == "socket:["+l.Inode+"]" {
			return programAt(filepath.Dir(filepath.Dir(link)))
		}
	}
	return Program{}
}

// programAt reads the directory of a process in /proc. comm is "exe" of a logis-proxy that another one started: the name is
// that of the file.
func programAt(dir string) Program {
	var p Program
	p.PID, _ = strconv.Atoi(filepath.Base(dir))
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return Program{}
	}
	p.Name = filepath.Base(strings.TrimSuffix(exe, " (deleted)"))
	groups, _ := os.ReadFile(filepath.Join(dir, "cgroup"))
	p.Unit = unitIn(string(groups))
	return p
}

// unitIn finds the service in /proc/PID/cgroup, cgroups(7): "0::/system.slice/nginx.service". Parts of it below are none of
// their own.
func unitIn(groups string) string {
	for line := range strings.Lines(groups) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) < 3 || !strings.HasPrefix(f[2], "/system.slice/") {
			continue
		}
		for part := range strings.SplitSeq(f[2], "/") {
			if strings.HasSuffix(part, ".service") {
				return part
			}
		}
	}
	return ""
}
