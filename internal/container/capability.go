package container

import (
	"strings"

	"github.com/moby/sys/capability"
)

// kept returns the capabilities that a container's services need, in its own user namespace only: what sshd, nginx,
// php-fpm, MariaDB, sudo, apt and cron fail without.
func kept() []capability.Cap {
	return []capability.Cap{
		capability.CAP_CHOWN, capability.CAP_DAC_OVERRIDE, capability.CAP_FOWNER, capability.CAP_FSETID,
		capability.CAP_KILL, capability.CAP_SETGID, capability.CAP_SETUID, capability.CAP_SETPCAP,
		capability.CAP_NET_BIND_SERVICE, capability.CAP_SYS_CHROOT, capability.CAP_AUDIT_WRITE,
	}
}

// keptNames returns them as the seccomp profile spells them, "CAP_CHOWN".
func keptNames() []string {
	var names []string
	for _, c := range kept() {
		names = append(names, "CAP_"+strings.ToUpper(c.String()))
	}
	return names
}

func keptNumbers() []uint {
	var numbers []uint
	for _, c := range kept() {
		numbers = append(numbers, uint(c))
	}
	return numbers
}
