package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/bench/report"
)

// thisMachine says what the machine is, as far as the kernel tells.
func thisMachine() report.Machine {
	m := report.Machine{CPUs: runtime.NumCPU(), Cgroup: "v1", Processor: "unknown"}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = string(name.Release[:bytes.IndexByte(name.Release[:], 0)])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
		m.Load = float64(info.Loads[0]) / (1 << 16)
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		m.Cgroup = "v2"
	}
	return m
}
