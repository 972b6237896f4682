package require

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// host is a directory with files of a host, by their paths.
func host(t *testing.T, files map[string]string) root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root(dir)
}

// Every requirement can fail; then it says what was found, and what to type.
func TestUnmet(t *testing.T) {
	whole := map[string]string{"/proc/self/ns/user": ""}
	for _, kind := range namespaceLimits {
		whole["/proc/sys/user/max_"+kind+"_namespaces"] = "1000"
	}
	with := func(name, text string) map[string]string {
		files := map[string]string{name: text}
		for n, c := range whole {
			if n != name {
				files[n] = c
			}
		}
		return files
	}
	t.Setenv("PATH", "/usr/bin:relative")
	const allPowers = ^uint64(0)
	prefix := netip.MustParsePrefix
	other := []destination{{prefix("10.83.4.0/24"), "eth0"}, {prefix("10.84.0.0/16"), "two0"}}
	for name, tc := range map[string]struct {
		check Check
		want  Status
		line  string // "" where it is met
	}{
		"old kernel":       {kernelOf("5.10.0"), Missing, "Linux 6.1 or newer: Linux 5.10.0: " + newerKernel},
		"no capability":    {privilegesOf(allPowers &^ (1 << unix.CAP_NET_ADMIN)), Missing, "privileges: logisd lacks CAP_NET_ADMIN: " + onHost},
		"all capabilities": {privilegesOf(allPowers), OK, ""},
		"no CAP_SYS_RESOURCE": {
			openFilesOf(allPowers &^ (1 << unix.CAP_SYS_RESOURCE)), Warning,
			"limits of open files: logisd lacks CAP_SYS_RESOURCE: a raised --open-files holds from the next start of the site on: " + onHost,
		},
		"a system call":   {callsOf("pidfds", []string{"pidfd_open(2)"}), Missing, "pidfds: this kernel lacks pidfd_open(2): " + newerKernel},
		"user namespaces": {namespaces(host(t, nil)), Missing, "namespaces: this kernel has no user namespaces: " + newerKernel},
		"namespaces forbidden": {
			namespaces(host(t, with("/proc/sys/user/max_net_namespaces", "0\n"))), Missing,
			"namespaces: user.max_net_namespaces is 0: sysctl -w user.max_net_namespaces=10000, and a line in /etc/sysctl.d",
		},
		"namespaces":         {namespaces(host(t, whole)), OK, ""},
		"seccomp":            {seccomp(host(t, nil)), Missing, "seccomp: this kernel has no filters of system calls: " + newerKernel},
		"seccomp there":      {seccomp(host(t, map[string]string{"/proc/sys/kernel/seccomp/actions_avail": "kill_process errno allow\n"})), OK, ""},
		"links":              {linksOf("bridge", []string{"veth pairs (EOPNOTSUPP)"}, nil), Missing, "bridge: this kernel lacks veth pairs (EOPNOTSUPP): " + newerKernel},
		"links in container": {linksOf("bridge", nil, fmt.Errorf("unshare: %w", unix.EPERM)), Missing, "bridge: logisd may not make a network namespace: " + onHost},
		"file system": {
			fileSystem("btrfs", host(t, map[string]string{"/proc/filesystems": "nodev\tproc\n\text4\n"})), Missing,
			"btrfs: this kernel has no such file system: " + newerKernel,
		},
		"a module": {fileSystem("btrfs", host(t, map[string]string{
			"/proc/filesystems": "nodev\tproc\n", "/lib/modules/" + release() + "/modules.dep": "kernel/fs/btrfs/btrfs.ko.xz: x\n",
		})), OK, ""},
		"controllers": {
			judge("cgroup controllers", "version 2", func(c string) bool { return c != "memory" }), Missing,
			"cgroup controllers: version 2, without memory: boot without cgroup_disable=memory on the kernel's command line",
		},
		"IPv6": {ipv6(host(t, nil)), Missing, "IPv6: this kernel was started without it: boot without ipv6.disable=1 on the kernel's command line"},
		"forwarding": {forwardingOf(true, false, false), Missing, "forwarding: off, and logisd cannot turn it on: /proc/sys is read only: " +
			"sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 on the host itself"},
		"forwarding to come": {forwardingOf(false, false, true), OK, ""},
		"forwarding here":    {forwarding(host(t, map[string]string{"/proc/sys/net/ipv4/ip_forward": "1\n", "/proc/sys/net/ipv6/conf/all/forwarding": "1\n"})), OK, ""},
		"subnet": {
			subnet("network.subnet4", prefix("10.83.0.0/16"), "logis0", other), Missing,
			`IPv4 subnet of sites: 10.83.0.0/16 overlaps 10.83.4.0/24, which leads to eth0: set network.subnet4 in logis.toml to another, such as "10.85.0.0/16"`,
		},
		"subnet of two": {
			subnet("network.subnet6", prefix("fd83::/64"), "logis0", []destination{{prefix("fd83::/48"), "two0"}}), Missing,
			"IPv6 subnet of sites: fd83::/64 overlaps fd83::/48, which leads to two0: set network.subnet6 in logis.toml to another",
		},
		"own subnet": {subnet("network.subnet4", prefix("10.84.0.0/16"), "two0", other), OK, ""},
		"local ports": {
			localPorts(host(t, map[string]string{"/proc/sys/net/ipv4/ip_local_port_range": "32000\t60999\n"}), [2]uint16{22001, 32000}), Warning,
			"ports for ssh to sites: 22001-32000 overlaps 32000-60999, from which this host's own connections take theirs: " +
				"sysctl -w net.ipv4.ip_local_reserved_ports=22001-32000, and the same in /etc/sysctl.d; or set ssh.ports to others",
		},
		"reserved ports": {localPorts(host(t, map[string]string{
			"/proc/sys/net/ipv4/ip_local_port_range": "20000\t60999\n", "/proc/sys/net/ipv4/ip_local_reserved_ports": "80,22001-32000\n",
		}), [2]uint16{22001, 32000}), OK, ""},
		"other local ports": {localPorts(host(t, map[string]string{"/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n"}), [2]uint16{22001, 32000}), OK, ""},
		"bandwidth":         {shapingOf(unix.ENOENT), Warning, "network bandwidth of sites: --bandwidth is not enforced: this kernel lacks sch_tbf (" + unix.ENOENT.Error() + "): " + newerKernel},
		"connections": {connections(19, 25500, 3500, 65536), Warning, "table of connections: 19 sites may hold 66500 open, and the host's table takes 65536: together they could fill it: " +
			"sysctl -w net.netfilter.nf_conntrack_max=82884, and the same in /etc/sysctl.d (some 0.3 KiB of memory each)"},
		"port of the proxy": {
			proxyPorts([]string{"127.0.0.1:80"}, []linux.Listener{{Addr: netip.MustParseAddrPort("0.0.0.0:80"), Inode: "none"}}), Missing,
			"ports of logis-proxy: 80 is held by another program: ss -ltnp tells which it is: stop it; or other ports below [proxy] in logis.toml",
		},
		"port of a site": {
			sitePorts([]Port{{22002, "bob"}}, [2]uint16{22001, 22003}, []linux.Listener{{Addr: netip.MustParseAddrPort("0.0.0.0:22002"), Inode: "none"}}), Warning,
			"ports of sites: 22002 of site bob is also held by another program, which nobody reaches: give that program another port",
		},
		"port of a site on loopback": {sitePorts([]Port{{22002, "bob"}}, [2]uint16{22001, 22003}, []linux.Listener{{Addr: netip.MustParseAddrPort("127.0.0.1:22002")}}), OK, ""},
		"nft":                        {nft(host(t, nil)), Missing, "nft: no such program: apt-get install nftables"},
		"nft there":                  {nft(host(t, map[string]string{"/usr/sbin/nft": ""})), OK, ""},
		"mkfs":                       {mkfs(host(t, nil), "/pool.img"), Missing, "mkfs.btrfs: no such program, and the pool is still to be made: apt-get install btrfs-progs"},
		"mkfs no more":               {mkfs(host(t, map[string]string{"/pool.img": ""}), "/pool.img"), Warning, "mkfs.btrfs: no such program; this pool needs it no more: apt-get install btrfs-progs"},
		"loop devices":               {loop(host(t, nil), "/pool.img"), Missing, "loop devices: no /dev/loop-control, and the pool is a file: modprobe loop, or set pool.path to a directory on a btrfs"},
		"no loop device":             {loop(host(t, nil), ""), OK, ""},
		"debootstrap":                {builder(host(t, nil)), Warning, "debootstrap: no such program: images can be imported, not built: apt-get install debootstrap"},
		"keys of Debian":             {builder(host(t, map[string]string{"/usr/sbin/debootstrap": ""})), Warning, "debootstrap: no keys of Debian, /usr/share/keyrings/debian-archive-keyring.gpg: images can be imported, not built: apt-get install debian-archive-keyring"},
		"lxcfs":                      {view(host(t, nil)), Warning, "lxcfs: no such program: free, top and nproc in a site show the host's values: apt-get install lxcfs"},
		"fuse":                       {view(host(t, map[string]string{"/usr/bin/lxcfs": ""})), Warning, "lxcfs: no /dev/fuse: free, top and nproc in a site show the host's values: modprobe fuse"},
		"kernel log":                 {kernelLog(host(t, nil)), Warning, "kernel log: /dev/kmsg cannot be read: processes killed for want of memory are counted, not named: " + onHost},
		"group":                      {accounts(host(t, map[string]string{"/etc/group": "x:y:1:\nlogis-proxy:x:2:\n"}))[0], Warning, "group logis: no such group: only root can use logis: groupadd --system logis"},
		"user": {accounts(host(t, nil))[1], Warning, "user logis-proxy: no such user: logis-proxy does not start: " +
			"useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin logis-proxy"},
		"group there": {accounts(host(t, map[string]string{"/etc/group": "x:y:1:\nlogis:x:2:\n"}))[0], OK, ""},
		"swap": {swap(host(t, map[string]string{"/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n"})), Warning, "swap: this host has none: --swap gives a site nothing, and at the limit " +
			"of its memory processes are killed: fallocate -l 4G /swapfile; chmod 600 /swapfile; mkswap /swapfile; swapon /swapfile, and in /etc/fstab: /swapfile none swap sw 0 0"},
		"swap there":  {swap(host(t, map[string]string{"/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1048576 0 -2\n"})), OK, ""},
		"swap limits": {swapLimitsOf(false), Warning, "swap limits: this kernel does not count swap by cgroup: a site's swap has no limit: boot with swapaccount=1 on the kernel's command line"},
		"clock":       {clockOf(unix.STA_UNSYNC, nil, time.Now()), Warning, "clock: nothing keeps it right, as far as the kernel knows: apt-get install systemd-timesyncd, or another NTP client"},
		"clock of 1970": {clockOf(0, nil, time.Unix(0, 0)), Warning, "clock: it is said to be 1970-01-01: certificates and apt will not work in sites: " +
			"date --set 'YYYY-MM-DD hh:mm', and apt-get install systemd-timesyncd, or another NTP client"},
		"clock there": {clockOf(0, nil, time.Now()), OK, ""},
		"growth": {growthOf("/pool.img", 20<<30, 5<<30, 12<<30), Warning, "room for the pool: /pool.img may grow by 15GiB, and 12GiB is free there: sites could fill the disk " +
			"that it lies on: free 3GiB there, or set pool.path to a directory on a larger btrfs"},
		"room":        {growthOf("/pool.img", 20<<30, 5<<30, 15<<30), OK, ""},
		"cannot tell": {failed("x", errors.New("y")), Warning, "x: cannot tell: y: look at it by hand"},
	} {
		if tc.check.Status != tc.want {
			t.Errorf("%s: %+v, want %s", name, tc.check, tc.want)
		}
		if tc.line != "" && tc.check.String() != tc.line {
			t.Errorf("%s:\n got %s\nwant %s", name, tc.check, tc.line)
		}
		if (tc.check.Mend == "") != (tc.want == OK) || strings.Contains(tc.check.String(), "\n") {
			t.Errorf("%s: %+v", name, tc.check)
		}
	}
}

// A port of the range that another program has is passed over when sites are given theirs, which is no fault.
func TestPassedPorts(t *testing.T) {
	var all []linux.Listener
	for _, at := range []string{"0.0.0.0:22003", "[::]:22003", "127.0.0.1:22002", "0.0.0.0:22004", "0.0.0.0:80"} {
		all = append(all, linux.Listener{Addr: netip.MustParseAddrPort(at)})
	}
	want := ok("ports of sites", "no other program has one; 1 of 22001-22003 are other programs', and no site is given those")
	if c := sitePorts([]Port{{22001, "ann"}}, [2]uint16{22001, 22003}, all); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}

// Each requirement belongs to a part of the host, and none is there twice.
func TestGroups(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All(Options{
		Bridge: "logis0", Instance: "logis", Subnet4: netip.MustParsePrefix("10.83.0.0/16"), Subnet6: netip.MustParsePrefix("fd83::/64"),
		IDs: IDs{First: 4_200_000_000, Last: 4_200_065_535},
	}) {
		if c.Group == "" || c.What == "" || c.Found == "" || seen[c.What] {
			t.Errorf("%+v", c)
		}
		seen[c.What] = true
	}
}
