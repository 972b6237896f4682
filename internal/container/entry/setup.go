package entry

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Setup is `logis-init setup`: it turns the process into the container's PID 1 and returns only on failure, with the
// exit status. logisd has been told why.
func Setup() int {
	// Capabilities, the filter and unshare(2) belong to a thread; execve(2) from it makes it the only one.
	runtime.LockOSThread()
	err := setup()
	sendFailure(err)
	return 1
}

func setup() error {
	unix.CloseOnExec(channelFD)
	unix.CloseOnExec(binaryFD)
	msg, files, err := receive(maxMounts)
	if err != nil {
		return err
	}
	var spec Spec
	if err := json.Unmarshal(msg, &spec); err != nil {
		return fmt.Errorf("decode spec: %w", err)
	}
	want := 1 + len(spec.View)
	if spec.DataTarget != "" {
		want++
	}
	if spec.Handed {
		want++
	}
	if len(files) != want {
		return fmt.Errorf("got %d mounts, want %d", len(files), want)
	}
	unix.Umask(0o022) // not logisd's: the modes of what is made below count
	// Only now has logisd moved the process into its cgroup: earlier the namespace would show the parent's path.
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("unshare cgroup namespace: %w", err)
	}
	if err := unix.Sethostname([]byte(spec.Name)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := assemble(files, spec); err != nil {
		return err
	}
	// What a page needs is short: with a short slice it comes before a neighbour that computes, instead of at the next tick.
	// A host that forbids it (RestrictRealtime= of systemd.exec(5) may) serves as well, if less promptly under load.
	_ = linux.SetSlice(0, siteSlice)
	if err := restrict(spec); err != nil {
		return err
	}
	return execute(spec)
}

// siteSlice is the least that the scheduler takes.
const siteSlice = 100 * time.Microsecond

// restrict gives up what the container must not have: keys and limits of the host, capabilities, system calls.
func restrict(spec Spec) error {
	// The session keyring is logisd's until a new one is joined (keyctl(2), KEYCTL_JOIN_SESSION_KEYRING).
	if _, err := unix.KeyctlJoinSessionKeyring("logis"); err != nil && err != unix.ENOSYS {
		return fmt.Errorf("join a session keyring: %w", err)
	}
	if err := limitOpenFiles(spec.OpenFiles); err != nil {
		return err
	}
	// execve(2) as root of the namespace then grants just what is kept (capabilities(7)).
	if err := linux.DropBounding(spec.Keep); err != nil {
		return err
	}
	if err := clearInheritable(); err != nil {
		return err
	}
	return loadFilter(spec.Filter)
}

// limitOpenFiles sets the limit that all processes of the site inherit; 0 is the host's, with the soft one that services expect.
func limitOpenFiles(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	switch {
	case n > limit.Max:
		return fmt.Errorf("limit open files to %d: this host allows a process %d", n, limit.Max)
	case n != 0:
		// Soft and hard: Go's runtime in PID 1 then leaves both alone, and its children as they are.
		limit.Cur, limit.Max = n, n
	default:
		limit.Cur = min(4096, limit.Max)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit open files to %d: %w", n, err)
	}
	return nil
}

// clearInheritable leaves nothing in the ambient and the inheritable set.
func clearInheritable() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("clear inheritable capabilities: %w", err)
	}
	return nil
}

// loadFilter installs the seccomp program on this thread (seccomp(2)). It needs CAP_SYS_ADMIN in the namespace instead of
// no_new_privs, which would break sudo.
func loadFilter(program []byte) error {
	if len(program) == 0 || len(program)%8 != 0 {
		return fmt.Errorf("seccomp program of %d bytes", len(program))
	}
	prog := unix.SockFprog{
		Len:    uint16(len(program) / 8),
		Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0])),
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(program)
	if errno != 0 {
		return fmt.Errorf("load seccomp filter: %w", errno)
	}
	return nil
}

// execute becomes PID 1: the same binary by descriptor, with the control socket as descriptor 3 and nothing else.
func execute(spec Spec) error {
	channel, err := unix.FcntlInt(channelFD, unix.F_DUPFD_CLOEXEC, 16) // a failure below must still be told
	if err != nil {
		return fmt.Errorf("move the channel: %w", err)
	}
	if err := unix.Dup3(listenFD, 3, 0); err != nil {
		return fmt.Errorf("pass the control socket: %w", err)
	}
	unix.CloseOnExec(listenFD)
	argv := []string{"logis-init"}
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LOGIS_SITE=" + spec.Name, "container=logis", "HOME=/root", "LANG=C.UTF-8", Hasty,
	}
	if spec.LogSize != 0 {
		env = append(env, "LOGIS_LOG_SIZE="+strconv.FormatInt(spec.LogSize, 10))
	}
	err = execveat(binaryFD, argv, env)
	_ = unix.Dup3(channel, channelFD, unix.O_CLOEXEC)
	return fmt.Errorf("execute logis-init: %w", err)
}

func execveat(fd int, argv, env []string) error {
	argp, err := pointers(argv)
	if err != nil {
		return err
	}
	envp, err := pointers(env)
	if err != nil {
		return err
	}
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&argp[0])), uintptr(unsafe.Pointer(&envp[0])), unix.AT_EMPTY_PATH, 0)
	runtime.KeepAlive(argp)
	runtime.KeepAlive(envp)
	return errno
}

func pointers(list []string) ([]*byte, error) {
	out := make([]*byte, 0, len(list)+1)
	for _, s := range list {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return append(out, nil), nil
}

// openTarget opens a directory of the new root to mount on. Only real directories count: the site may have put a
// symbolic link in its place.
func openTarget(root *os.File, path string) (*os.File, error) {
	dir, err := linux.OpenBeneath(root, path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("the site has no directory /%s: %w", path, err)
	}
	return dir, nil
}
