package require

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listening lists the TCP sockets of the host that accept connections.
func listening() ([]listener, error) {
	var all []listener
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
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

// parseListeners reads the table of proc_pid_net(5), net/tcp: "sl local_address rem_address st … inode".
func parseListeners(r io.Reader) ([]listener, error) {
	const listen = "0A"
	var all []listener
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
		all = append(all, listener{addr, f[9]})
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

// holder names the program that has a socket: "nginx (pid 12)".
func holder(inode string) string {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return "another program"
	}
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && target == "socket:["+inode+"]" {
			dir := filepath.Dir(filepath.Dir(l))
			exe, err := os.Readlink(filepath.Join(dir, "exe")) // comm is "exe" of a logis-proxy that was started by another
			if err != nil {
				exe = "another program"
			}
			return fmt.Sprintf("%s (pid %s)", filepath.Base(strings.TrimSuffix(exe, " (deleted)")), filepath.Base(dir))
		}
	}
	return "another program"
}

// ofProxy are who may hold the proxy's ports: itself, and systemd for it.
func ofProxy(holder string) bool {
	return strings.HasPrefix(holder, "logis-proxy ") || strings.HasPrefix(holder, "systemd ")
}

func proxyPorts(addresses []string, all []listener) Check {
	const what = "ports of logis-proxy"
	var taken, shown []string
	for _, a := range addresses {
		host, text, err := net.SplitHostPort(a)
		if err != nil {
			continue // logis-proxy says so
		}
		shown = append(shown, text)
		for _, l := range all {
			if strconv.Itoa(int(l.addr.Port())) != text || !overlaps(host, l.addr.Addr()) {
				continue
			}
			if who := holder(l.inode); !ofProxy(who) {
				taken = append(taken, fmt.Sprintf("%s is held by %s", text, who))
				break
			}
		}
	}
	if len(taken) > 0 {
		return missing(what, strings.Join(taken, ", "), "stop that program, or give it another port; or change [proxy] in logis.toml")
	}
	return ok(what, "no other program has "+strings.Join(shown, ", "))
}

// overlaps tells whether a socket on addr and one on host, which may be empty or a name, could collide.
func overlaps(host string, addr netip.Addr) bool {
	own, err := netip.ParseAddr(host)
	return err != nil || own.IsUnspecified() || addr.IsUnspecified() || own.Unmap() == addr
}

func sitePorts(ports []Port, all []listener) Check {
	const what = "ports of sites"
	var taken []string
	for _, p := range ports {
		for _, l := range all {
			if l.addr.Port() == p.Number && !l.addr.Addr().IsLoopback() {
				taken = append(taken, fmt.Sprintf("%d of site %s is also held by %s", p.Number, p.Site, holder(l.inode)))
				break
			}
		}
	}
	if len(taken) > 0 {
		return warning(what, strings.Join(taken, ", ")+", which nobody reaches", "give that program another port")
	}
	return ok(what, "no other program has one")
}
