package probe

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func second[T any](_ T, err error) error { return err }

// plain is an attempt that needs to know nothing.
func plain(name string, do func() error, want ...string) Attempt {
	return Attempt{Name: name, Want: want, Do: func(Scene) error { return do() }}
}

// group gives attempts their group, and those that name no outcome the usual one.
func group(name, usual string, attempts ...Attempt) []Attempt {
	for i := range attempts {
		attempts[i].Group = name
		if len(attempts[i].Want) == 0 {
			attempts[i].Want = []string{usual}
		}
	}
	return attempts
}

// refusedFile is how the kernel refuses to open a file, depending on its version and configuration.
func refusedFile() []string { return []string{"EACCES", "EROFS", "EPERM", "ENOENT"} }

// call makes a system call; a child that should not be ends at once.
func call(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	r, _, number := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if (nr == unix.SYS_CLONE || nr == unix.SYS_CLONE3) && number == 0 && r == 0 {
		leave(0)
	}
	if number != 0 {
		return number
	}
	return nil
}

func setns(path string, kind int) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, kind)
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// write opens for writing and writes back what is there, or a zero.
func write(path string) error {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		content = []byte("0")
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(content)
	return err
}

func open(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// setFileCapability gives a file cap_net_raw: layout of struct vfs_cap_data, capability.h.
func setFileCapability() error {
	f, err := os.CreateTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	data := [5]uint32{0x02000001, 1 << unix.CAP_NET_RAW, 0, 0, 0}
	return unix.Fsetxattr(int(f.Fd()), "security.capability", unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), len(data)*4), 0)
}

// uidOf is the owner of a file as this namespace has it.
func uidOf(info os.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return ^uint32(0)
}
