package require

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/logis-project/logis/internal/linux"
)

// shaping tries what holds sites to --bandwidth, in a network namespace that ends with this check.
func shaping() Check {
	const what = "network bandwidth of sites"
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
	if err != nil {
		return warning(what, fmt.Sprintf("--bandwidth is not enforced: this kernel lacks sch_tbf (%v)", err), newerKernel)
	}
	return ok(what, "enforced")
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
	return connections(sites, entries, open, size)
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
