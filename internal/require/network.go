package require

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// shaping tries what holds sites to --bandwidth, in a network namespace that ends with this check.
func shaping() Check {
	err := linux.InNewNetNS(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.QdiscReplace(&netlink.Tbf{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: lo.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)},
			Rate:       1 << 20, Buffer: netlink.Xmittime(1<<20, 1<<17), Limit: 1 << 17,
		})
	})
	return shapingOf(err)
}

func shapingOf(err error) Check {
	const what = "network bandwidth of sites"
	if err != nil {
		return warning(what, fmt.Sprintf("--bandwidth is not enforced: this kernel lacks sch_tbf (%v)", err), newerKernel)
	}
	return ok(what, "enforced")
}

// ipv6 is of the kernel: sites have addresses of both families.
func ipv6(r root) Check {
	const what = "IPv6"
	if !r.has("/proc/sys/net/ipv6") {
		return missing(what, "this kernel was started without it", "boot without ipv6.disable=1 on the kernel's command line")
	}
	return ok(what, "available")
}

// forwarding makes the host the router of its sites. logisd turns it on.
func forwarding(r root) Check {
	const v4, v6 = "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"
	on4, _ := r.read(v4)
	on6, _ := r.read(v6)
	writable := unix.Access(r.path(v4), unix.W_OK) == nil && unix.Access(r.path(v6), unix.W_OK) == nil
	return forwardingOf(on4 != "0", on6 != "0", writable)
}

func forwardingOf(v4, v6, writable bool) Check {
	const what = "forwarding"
	switch {
	case v4 && v6:
		return ok(what, "on")
	case !writable:
		return missing(what, "off, and logisd cannot turn it on: /proc/sys is read only",
			"sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 on the host itself")
	}
	return ok(what, "off: logisd turns it on when it starts")
}

// localPorts compares the ports that sites are given with those that the host's own connections take: ip-sysctl.rst.
func localPorts(r root, of [2]uint16) Check {
	const what = "ports for ssh to sites"
	var first, last uint16
	text, err := r.read("/proc/sys/net/ipv4/ip_local_port_range")
	if _, scanErr := fmt.Sscan(text, &first, &last); err != nil || scanErr != nil {
		return failed(what, errors.Join(err, scanErr))
	}
	sites := fmt.Sprintf("%d-%d", of[0], of[1])
	reserved, _ := r.read("/proc/sys/net/ipv4/ip_local_reserved_ports")
	if of[1] < first || of[0] > last || slices.Contains(strings.Split(reserved, ","), sites) {
		return ok(what, sites)
	}
	return warning(what, fmt.Sprintf("%s overlaps %d-%d, from which this host's own connections take theirs", sites, first, last),
		"sysctl -w net.ipv4.ip_local_reserved_ports="+sites+", and the same in /etc/sysctl.d; or set ssh.ports to others")
}

// Connections compares the host's table of connections with what sites can fill of it: one alone at most entries, with those
// just closed, and each of so many at most open ones.
func Connections(sites, entries, open int) Check {
	const path = "/proc/sys/net/netfilter/nf_conntrack_max"
	text, err := os.ReadFile(path)
	size, parseErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || parseErr != nil || size == 0 { // 0 is no bound
		size = math.MaxInt
	}
	return of(Network, connections(sites, entries, open, size))[0]
}

func connections(sites, entries, open, size int) Check {
	const what = "table of connections"
	most := max(2*entries, sites*open)
	if most <= size {
		return ok(what, fmt.Sprintf("one site can fill %d of its entries at most, and all %d hold %d open", entries, sites, sites*open))
	}
	found := fmt.Sprintf("%d sites may hold %d open, and the host's table takes %d: together they could fill it", sites, sites*open, size)
	if 2*entries > size {
		found = fmt.Sprintf("one site can fill %d entries, with connections just closed, and the host's table takes %d", entries, size)
	}
	return warning(what, found,
		fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d, and the same in /etc/sysctl.d (some 0.3 KiB of memory each)", most+size/4))
}
