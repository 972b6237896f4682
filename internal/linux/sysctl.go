package linux

import (
	"os"
	"strings"
)

const sysctlRoot = "/proc/sys/"

// ReadSysctl returns the value of a kernel parameter, named by its path below /proc/sys ("net/ipv4/ip_forward"), without
// the newline. Parameters below net are those of the calling thread's network namespace.
func ReadSysctl(name string) (string, error) {
	b, err := os.ReadFile(sysctlRoot + name)
	return strings.TrimSpace(string(b)), err
}

// WriteSysctl sets a kernel parameter, unless it has that value already: so it also succeeds where /proc/sys is read only
// and nothing needs to change.
func WriteSysctl(name, value string) error {
	if old, err := ReadSysctl(name); err == nil && old == value {
		return nil
	}
	f, err := os.OpenFile(sysctlRoot+name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(value); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
