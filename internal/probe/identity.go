package probe

import "golang.org/x/sys/unix"

// identity are attempts to become more than root of the site.
func identity() []Attempt {
	return group("identity", "EPERM",
		plain("chown", func() error { return unix.Chown("/tmp", 0, 0) }, Done),
		plain("chown outside the range", func() error { return unix.Chown("/tmp", 70000, 70000) }, "EINVAL"),
		Attempt{Name: "chroot", Apart: true, Want: []string{Done}, Do: func(Scene) error { return unix.Chroot("/tmp") }},
		plain("set file capabilities", setFileCapability, "EPERM", "EACCES"),
		Attempt{Name: "i386 getpid", Apart: true, Want: []string{"EPERM", "killed by SIGSEGV", "killed by SIGSYS"}, Do: func(Scene) error {
			if n := -int32(int80(20)); n > 0 {
				return unix.Errno(n)
			}
			return nil
		}},
	)
}
