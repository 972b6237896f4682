package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/container/entry"
)

// measureInit measures how long PID 1 takes until it starts the first service: from the opening of its own program to that of the
// first of theirs, as the kernel tells (inotify(7)). It runs as in a site, with the image's services, in a chroot.
func (h *house) measureInit(ctx context.Context, r *recorder) error {
	i := h.peers.place("i", 4, 0)
	if err := h.peers.layer(ctx, i); err != nil {
		return err
	}
	defer func() { _ = h.peers.unlayer(context.WithoutCancel(ctx), i) }() // else it ends with the box
	program := filepath.Join(i.merged, "logis-init")
	if err := copyFile(filepath.Join(h.bin, "logis-init"), program); err != nil {
		return err
	}
	for range r.roundsOr(15) + 1 { // the first warms caches
		took, err := firstService(i.merged, program)
		if err != nil {
			return fmt.Errorf("first service: %w", err)
		}
		r.took("init: first service", "logis", took)
	}
	s := &r.series[len(r.series)-1]
	s.Values = s.Values[1:]
	return nil
}

func firstService(root, program string) (took time.Duration, err error) {
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return 0, err
	}
	defer unix.Close(watch)
	for _, path := range []string{program, "nginx", "php-fpm8.2", "mariadbd", "sshd", "cron"} {
		if path != program {
			path = filepath.Join(root, "usr/sbin", path)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return 0, err
		}
		if _, err := unix.InotifyAddWatch(watch, path, unix.IN_OPEN); err != nil {
			return 0, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	control, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(root, "control"), Net: "unix"})
	if err != nil {
		return 0, err
	}
	defer control.Close()
	file, err := control.File()
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for _, m := range []struct{ source, target, kind string }{{"proc", "proc", "proc"}, {"tmpfs", "run", "tmpfs"}, {"/dev", "dev", ""}} {
		flags := uintptr(0)
		if m.kind == "" {
			flags = unix.MS_BIND
		}
		target := filepath.Join(root, m.target)
		if err := unix.Mount(m.source, target, m.kind, flags, ""); err != nil {
			return 0, fmt.Errorf("mount %s: %w", m.target, err)
		}
		defer func() { err = errors.Join(err, unix.Unmount(target, unix.MNT_DETACH)) }()
	}
	if err := os.Mkdir(filepath.Join(root, "run/logis"), 0o755); err != nil {
		return 0, err
	}
	cmd := exec.Command("/logis-init")
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LOGIS_SITE=" + peerOwner, entry.Hasty}
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill() // and with it all others of its namespace
		_ = cmd.Wait()
	}()
	return betweenTwo(watch)
}

// betweenTwo is the time between two events.
func betweenTwo(watch int) (time.Duration, error) {
	var first time.Time
	buf := make([]byte, 4096)
	for {
		ready := []unix.PollFd{{Fd: int32(watch), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, 10_000); n == 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return 0, errors.Join(errors.New("nothing started within 10 s"), err)
		}
		n, err := unix.Read(watch, buf)
		switch now := time.Now(); {
		case err != nil:
			return 0, err
		case first.IsZero() && n == unix.SizeofInotifyEvent:
			first = now
		case first.IsZero():
			return 0, errors.New("both came at once: the machine was too busy to see them apart")
		default:
			return now.Sub(first), nil
		}
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o755)
}
