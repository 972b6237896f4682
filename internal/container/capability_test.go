package container

import (
	"slices"
	"testing"
)

func TestKeptCapabilities(t *testing.T) {
	// What moby grants a container by default (daemon/pkg/oci/caps/defaults.go).
	moby := []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
	refused := []string{
		"CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_NET_RAW", "CAP_MKNOD", "CAP_SETFCAP",
		"CAP_SYS_RESOURCE", "CAP_DAC_READ_SEARCH",
	}
	for _, name := range keptNames() {
		if !slices.Contains(moby, name) {
			t.Errorf("%s is kept, and moby does not grant it", name)
		}
		if slices.Contains(refused, name) {
			t.Errorf("%s is kept", name)
		}
	}
	if len(keptNames()) != len(moby)-3 {
		t.Errorf("%d are kept: %v", len(keptNames()), keptNames())
	}
}
