package require

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// The oldest kernel: overlayfs over an idmapped image (5.19), cgroup.kill, and what Debian 12 has.
const oldestMajor, oldestMinor = 6, 1

const newerKernel = "install Debian 12 or newer, and its kernel: apt-get install linux-image-amd64"

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func kernel() Check { return kernelOf(release()) }

func kernelOf(release string) Check {
	what := fmt.Sprintf("Linux %d.%d or newer", oldestMajor, oldestMinor)
	major, minor, err := parseRelease(release)
	switch {
	case err != nil:
		return failed(what, err)
	case major < oldestMajor || major == oldestMajor && minor < oldestMinor:
		return missing(what, "Linux "+release, newerKernel)
	}
	return ok(what, "Linux "+release)
}

// parseRelease reads "6.1.0-18-amd64".
func parseRelease(release string) (major, minor int, err error) {
	first, rest, _ := strings.Cut(release, ".")
	second := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		second = rest[:end]
	}
	major, err1 := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil || major < 0 {
		return 0, 0, fmt.Errorf("%q is not a version of Linux", release)
	}
	return major, minor, nil
}

// calls asks for system calls that newer kernels have: with arguments that none accepts, so nothing happens.
func calls() Check {
	const what = "idmapped mounts, pidfds"
	var lacking []string
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: ^uint64(0) >> 33}
	if err := unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, attr); errors.Is(err, unix.ENOSYS) {
		lacking = append(lacking, "mount_setattr(2)")
	}
	if _, err := unix.OpenTree(-1, "", unix.OPEN_TREE_CLONE); errors.Is(err, unix.ENOSYS) {
		lacking = append(lacking, "open_tree(2)")
	}
	f, err := linux.OpenPidfd(os.Getpid())
	if err != nil {
		lacking = append(lacking, "pidfd_open(2)")
	} else {
		f.Close()
	}
	return callsOf(what, lacking)
}

func callsOf(what string, lacking []string) Check {
	if len(lacking) > 0 {
		return missing(what, "this kernel lacks "+strings.Join(lacking, ", "), newerKernel)
	}
	return ok(what, "available")
}

// namespaceLimits bound how many namespaces there may be, user_namespaces(7); a site takes one of each.
var namespaceLimits = [...]string{"user", "mnt", "pid", "net", "uts", "ipc", "cgroup"}

func namespaces(r root) Check {
	const what = "namespaces"
	if !r.has("/proc/self/ns/user") {
		return missing(what, "this kernel has no user namespaces", newerKernel)
	}
	least := int64(-1)
	for _, kind := range namespaceLimits {
		name := "user/max_" + kind + "_namespaces"
		text, err := r.read("/proc/sys/" + name)
		if err != nil {
			return missing(what, "this kernel has no "+kind+" namespaces", newerKernel)
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return failed(what, err)
		}
		if n == 0 {
			key := strings.ReplaceAll(name, "/", ".")
			return missing(what, key+" is 0", "sysctl -w "+key+"=10000, and a line in /etc/sysctl.d")
		}
		if least < 0 || n < least {
			least = n
		}
	}
	return ok(what, fmt.Sprintf("at most %d of a kind", least))
}

// seccomp looks for filters of system calls, seccomp(2).
func seccomp(r root) Check {
	const what = "seccomp"
	if actions, err := r.read("/proc/sys/kernel/seccomp/actions_avail"); err != nil || !strings.Contains(actions, "errno") {
		return missing(what, "this kernel has no filters of system calls", newerKernel)
	}
	return ok(what, "available")
}

// fileSystem looks for a file system that is built in or loaded, and else for a module of it.
func fileSystem(name string, r root) Check {
	list, err := r.read("/proc/filesystems")
	if err != nil {
		return failed(name, err)
	}
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == name {
			return ok(name, "available")
		}
	}
	modules, err := r.read("/lib/modules/" + release() + "/modules.dep")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(name, err)
	}
	if strings.Contains(modules, "/"+name+".ko") {
		return ok(name, "a module, not loaded yet")
	}
	return missing(name, "this kernel has no such file system", newerKernel)
}

// links makes one of each thing that a site's network is made of, in a network namespace that ends with this check: the
// only answer that holds whether they are built in, loaded or modules.
func links() Check {
	const what = "bridge, veth, nftables"
	var lacking []string
	err := linux.InNewNetNS(func() error {
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br"}}); err != nil {
			lacking = append(lacking, fmt.Sprintf("bridges (%v)", err))
		}
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: "a", TxQLen: -1})
		veth.PeerName = "b"
		if err := netlink.LinkAdd(veth); err != nil {
			lacking = append(lacking, fmt.Sprintf("veth pairs (%v)", err))
		}
		for _, family := range []struct {
			name string
			of   nftables.TableFamily
			kind nftables.ChainType
		}{{"inet", nftables.TableFamilyINet, nftables.ChainTypeNAT}, {"bridge", nftables.TableFamilyBridge, nftables.ChainTypeFilter}} {
			if err := tryChain(family.of, family.kind); err != nil {
				lacking = append(lacking, fmt.Sprintf("nftables %s tables (%v)", family.name, err))
			}
		}
		return nil
	})
	return linksOf(what, lacking, err)
}

func linksOf(what string, lacking []string, err error) Check {
	switch {
	case errors.Is(err, unix.EPERM):
		return missing(what, "logisd may not make a network namespace", onHost)
	case err != nil:
		return missing(what, err.Error(), newerKernel)
	case len(lacking) > 0:
		return missing(what, "this kernel lacks "+strings.Join(lacking, ", "), newerKernel)
	}
	return ok(what, "available")
}

func tryChain(family nftables.TableFamily, kind nftables.ChainType) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := c.AddTable(&nftables.Table{Name: "t", Family: family})
	c.AddChain(&nftables.Chain{
		Name: "c", Table: table, Type: kind, Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityFilter,
	})
	return c.Flush()
}
