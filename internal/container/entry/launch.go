package entry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Hasty is in the environment of each of the three lives of logis-init: with one processor its runtime begins with fewer threads,
// and none of them does two things at once before PID 1 says otherwise.
const Hasty = "GOMAXPROCS=1"

// IDs of a container: 65,536 from a base of the host's.
const IDs = 65536

// Launch is `logis-init launch BASE`: it starts setup in new namespaces with BASE as the first host id, tells logisd its
// PID and pidfd, and returns the exit status. It must not wait for the child.
func Launch(args []string) int {
	pid, pidfd, err := launch(args)
	if err != nil {
		sendFailure(err)
		return 1
	}
	msg, err := json.Marshal(Launched{PID: pid})
	if err == nil {
		err = unix.Sendmsg(channelFD, msg, unix.UnixRights(pidfd), nil, 0)
	}
	if err != nil {
		return 1 // logisd is gone; setup sees the closed channel and ends
	}
	return 0
}

func launch(args []string) (pid, pidfd int, err error) {
	if len(args) != 1 {
		return 0, 0, fmt.Errorf("launch takes the first id of the range")
	}
	base, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil || base == 0 {
		return 0, 0, fmt.Errorf("%q is not the first id of a range", args[0])
	}
	if err := resetOOMScore(); err != nil {
		return 0, 0, err
	}
	if err := forbidCores(); err != nil {
		return 0, 0, err
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: int(base), Size: IDs}}
	// By descriptor, since the binary's directory need not be reachable for the container's ids.
	pid, err = syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(binaryFD), []string{"logis-init", "setup"}, &syscall.ProcAttr{
		Env:   []string{Hasty},
		Files: []uintptr{0, 1, 2, channelFD, listenFD, binaryFD},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
				unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			UidMappings: ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
			Credential: &syscall.Credential{Uid: 0, Gid: 0},
			Setsid:     true,
			PidFD:      &pidfd,
		},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("clone the first process: %w", err)
	}
	if pidfd < 0 {
		return 0, 0, fmt.Errorf("clone the first process: no pidfd: Linux 6.1 or newer is needed")
	}
	return pid, pidfd, nil
}

// resetOOMScore takes back what protects logisd from the OOM killer: a site that inherits it outlives everything else.
func resetOOMScore() error {
	err := os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	if err != nil && !errors.Is(err, os.ErrPermission) { // going down from a worse score may not be allowed, and need not be
		return fmt.Errorf("reset oom_score_adj: %w", err)
	}
	return nil
}

// forbidCores sets the one limit with which the kernel does not start the program of a piped core_pattern, which would be
// root's on the host and read what the site chose (core(5); do_coredump in fs/coredump.c). With 0 it does. The site's filter
// keeps the limit there.
func forbidCores() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}); err != nil {
		return fmt.Errorf("forbid core dumps: set RLIMIT_CORE to 1, which LimitCORE of logisd.service must not be below: %w", err)
	}
	return nil
}

func sendFailure(err error) {
	msg, _ := json.Marshal(Failure{Error: err.Error()})
	if len(msg) > MaxSpec {
		msg = msg[:MaxSpec]
	}
	_ = unix.Sendmsg(channelFD, msg, nil, nil, unix.MSG_NOSIGNAL)
}

// receive reads one message and up to n descriptors from the channel.
func receive(n int) ([]byte, []*os.File, error) {
	buf, oob := make([]byte, MaxSpec), make([]byte, unix.CmsgSpace(4*n))
	size, oobn, _, _, err := unix.Recvmsg(channelFD, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("read the channel: %w", err)
	}
	if size == 0 {
		return nil, nil, fmt.Errorf("logisd closed the channel")
	}
	var files []*os.File
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, nil, fmt.Errorf("parse control message: %w", err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, nil, fmt.Errorf("parse descriptors: %w", err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return buf[:size], files, nil
}
