package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/config"
)

// lockHost takes for this process what two daemons must not share: the instance, whose name is on links, rules and
// cgroups; the run directory with its sockets; the state directory with its records. The instance comes first: a second
// daemon of one configuration leaves before it has touched anything. The function it returns releases all; where logisd has done
// nothing yet, the directories go too that were made for the locks.
func lockHost(c config.Config) (_ func(idle bool), err error) {
	var held []func()
	var made []string
	unlock := func(idle bool) {
		for _, release := range slices.Backward(held) {
			release()
		}
		for _, dir := range slices.Backward(made) {
			if idle {
				os.Remove(dir)
			}
		}
	}
	defer func() {
		if err != nil {
			unlock(true)
		}
	}()
	for _, l := range []struct {
		what, dir string
		mode      os.FileMode
		file      string
	}{
		// In /run and not in /run/lock, where everybody may lay a file in the way.
		{what: "instance " + c.Instance, dir: "/run", file: "logis-" + c.Instance + ".lock"},
		// 0755 and 0711: logis-proxy reaches its socket and its own directory below them.
		{what: "run_dir " + c.RunDir, dir: c.RunDir, mode: 0o755, file: "run.lock"},
		{what: "state_dir " + c.StateDir, dir: c.StateDir, mode: 0o711, file: "logisd.lock"},
	} {
		if l.mode != 0 {
			made = append(made, missing(l.dir)...)
			if err := os.MkdirAll(l.dir, l.mode); err != nil {
				return nil, fmt.Errorf("make %s: %w", l.dir, err)
			}
			if err := os.Chmod(l.dir, l.mode); err != nil {
				return nil, fmt.Errorf("make %s: %w", l.dir, err)
			}
		}
		path := filepath.Join(l.dir, l.file)
		release, err := lockFile(path, l.what)
		if err != nil {
			return nil, err
		}
		held = append(held, release)
	}
	return unlock, nil
}

// missing are the directories on the way to one that are yet to be made, the outermost first.
func missing(dir string) []string {
	if _, err := os.Lstat(dir); err == nil || dir == filepath.Dir(dir) {
		return nil
	}
	return append(missing(filepath.Dir(dir)), dir)
}

// lockFile takes an exclusive lock, which ends with this process, on a file that names the process. To release it
// removes the file.
func lockFile(path, what string) (release func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", what, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			holder, _ := os.ReadFile(path)
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("logisd already runs on %s as process %s: stop it first", what, holder)
			}
			return nil, fmt.Errorf("lock %s: %w", what, err)
		}
		ours, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", what, err)
		}
		if there, err := os.Stat(path); err != nil || !os.SameFile(there, ours) {
			f.Close() // who held it removed it in between
			continue
		}
		err = f.Truncate(0)
		if err == nil {
			_, err = f.WriteString(strconv.Itoa(os.Getpid()))
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", what, err)
		}
		return func() {
			os.Remove(path)
			f.Close()
		}, nil
	}
}
