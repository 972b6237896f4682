//go:build vm

package vm

import (
	"strings"
	"testing"
)

// remains prints what is left of logis on a host, each line under the name of where it was found.
const remains = `
say() { sed "s|^|$1: |"; }
find / -xdev \( -path /root -o -path /tmp \) -prune -o -iname '*logis*' ! -name 'systemd-logi*' -print | say file
find / -xdev \( -nouser -o -nogroup \) -print | say 'file of nobody'
find /run /dev /tmp -iname '*logis*' -print | say file
find /sys/fs/cgroup /sys/class/net -iname '*logis*' -print | say kernel
ls /sys/class/net | grep -vx -e lo -e 'en.*' -e 'eth.*' | say link
nft list tables | grep -vx 'table inet filter' | say 'nft table' # which Debian's own nftables.service makes
losetup --noheadings --list | say 'loop device'
grep -i -e logis -e btrfs /proc/mounts | say mount
getent passwd | grep -i logis | say user
getent group | grep -i logis | say group
systemctl list-units --all --plain --no-legend '*logis*' | say unit
systemctl list-unit-files --no-legend '*logis*' | say 'unit file'
dpkg-query --show '*logis*' 2>/dev/null | say package
for exe in /proc/[0-9]*/exe; do readlink "$exe"; done | grep -i -e logis -e mariadb -e nginx -e php | say process
cat /proc/net/route | awk '$1 ~ /logis/' | say route
true
`

// purge destroys the sites and removes the package. The host is as if logis had never been there.
func purge(t *testing.T, h *house) {
	h.timed(t, "logis destroy "+strings.Join(names, " ")+" --force")
	h.timed(t, "DEBIAN_FRONTEND=noninteractive apt-get purge -o DPkg::Lock::Timeout=120 --yes logis")
	say(t, "%s", h.m.run(t, "journalctl --boot --output short-monotonic --lines 15 --unit 'logis*'"))
	if left := h.m.run(t, remains); left != "" {
		t.Errorf("after the package was purged there are left:\n%s", left)
		return
	}
	say(t, "no file, link, nft table, cgroup, mount, loop device, process, unit, user or group of logis is left")
}
