package probe

import "golang.org/x/sys/unix"

// calls are attempts at system calls that a site does not have.
func calls() []Attempt {
	return group("system calls", "EPERM",
		plain("x32 getpid", func() error { return call(0x40000000 | unix.SYS_GETPID) }, "ENOSYS"),
		plain("bpf", func() error { return call(unix.SYS_BPF) }),
		plain("io_uring_setup", func() error { return call(unix.SYS_IO_URING_SETUP, 1) }),
		plain("keyctl", func() error { return second(unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)) }),
		plain("add_key", func() error { return second(unix.AddKey("user", "probe", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)) }),
		plain("request_key", func() error { return second(unix.RequestKey("user", "probe", "", 0)) }),
		plain("userfaultfd", func() error { return call(unix.SYS_USERFAULTFD) }),
		plain("perf_event_open", func() error { return second(unix.PerfEventOpen(&unix.PerfEventAttr{}, 0, -1, -1, 0)) }),
		plain("init_module", func() error { return unix.InitModule(nil, "") }),
		plain("kexec_load", func() error { return call(unix.SYS_KEXEC_LOAD) }),
		plain("reboot", func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) }),
		plain("swapon", func() error { return call(unix.SYS_SWAPON) }),
		plain("settimeofday", func() error { return unix.Settimeofday(&unix.Timeval{}) }),
		plain("quotactl", func() error { return call(unix.SYS_QUOTACTL) }),
		plain("syslog", func() error { return second(unix.Klogctl(3, make([]byte, 8))) }),
		plain("sethostname", func() error { return unix.Sethostname([]byte("other")) }),
		plain("open_by_handle_at", func() error { return call(unix.SYS_OPEN_BY_HANDLE_AT) }),
		plain("personality with hidden bits", func() error { return call(unix.SYS_PERSONALITY, 56<<32|0x0040000) }),
	)
}
