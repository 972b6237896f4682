package probe

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// disks are attempts at the file system below the site's own: whatever of btrfs is reached from inside could leave the quota
// group.
func disks() []Attempt {
	var tries []Attempt
	for _, c := range []struct {
		name   string
		number uint32 // of btrfs's ioctl: linux/btrfs.h; the size of its argument is in bits 16 to 29
	}{
		{"make a subvolume", 0x5000940e},
		{"make a snapshot", 0x50009417},
		{"delete a subvolume", 0x5000940f},
		{"resize", 0x50009403},
		{"add a device", 0x5000940a},
		{"switch quotas off", 0xc0109428},
		{"assign a quota group", 0x40189429},
		{"make a quota group", 0x4010942a},
		{"limit a quota group", 0x8030942b},
		{"search the trees", 0xd0009411},
		{"look up an inode", 0xd0009412},
		{"balance", 0xc4009420},
		{"defragment", 0x50009402},
		{"send", 0x40489426},
		{"receive", 0xc0c89425},
		{"default subvolume", 0x40089413},
	} {
		tries = append(tries, plain("btrfs: "+c.name, func() error { return onRoot(uintptr(c.number)) }, "ENOTTY", "EPERM"))
	}
	return group("disk", "EPERM", append(tries,
		plain("freeze the file system", func() error { return onRoot(0xc0045877) }, "EPERM", "EOPNOTSUPP", "ENOTTY"), // FIFREEZE
		plain("trim the file system", func() error { return onRoot(0xc0185879) }, "EPERM", "EOPNOTSUPP", "ENOTTY"),   // FITRIM
		plain("shut the file system down", func() error { return onRoot(0x8004587d) }, "EPERM", "ENOTTY"),            // FS_IOC_SHUTDOWN
		plain("change the quota of a user", func() error { return forked(unix.SYS_QUOTACTL, ^uintptr(0)) }),
		plain("project id of a file", projectID, "EPERM", "ENOTTY", "EOPNOTSUPP", "EINVAL"),
	)...)
}

// onRoot makes an ioctl on the root directory, with an argument of zeros: a name that is empty, an id that is none.
func onRoot(request uintptr) error {
	f, err := os.Open("/")
	if err != nil {
		return fault{err}
	}
	defer f.Close()
	argument := make([]byte, 16<<10)
	return ioctl(int(f.Fd()), request, unsafe.Pointer(&argument[0]))
}

// projectID moves a file to another project's quota: FS_IOC_FSSETXATTR, struct fsxattr.
func projectID() error {
	f, err := os.CreateTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	attributes := [7]uint32{3: 4711}
	return ioctl(int(f.Fd()), 0x401c5820, unsafe.Pointer(&attributes[0]))
}
