package container

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// The limit of open files is each process's own, inherited at fork. PID 1 has it before its first child, and no process of the
// site can raise it: that takes CAP_SYS_RESOURCE on the host.

// passes bounds how often the processes of a container are gone through. Each pass meets the children of those that the last
// one missed; only a site that forks without end needs many.
const passes = 100

// setOpenFiles gives the limit to PID 1, whose children inherit it, and then to whatever runs. A process that has a lower limit
// than PID 1 had took it itself, and keeps it. Where this logisd must not raise limits that is no error: see openFilesGap.
func (c *Container) setOpenFiles(n int64) error {
	if n == 0 {
		return nil
	}
	want := uint64(n)
	_, before, err := linux.OpenFilesLimit(c.pid)
	if linux.PidfdEnded(c.pidfd) {
		return errEnded
	}
	if err != nil {
		return err
	}
	if err := linux.SetOpenFilesLimit(c.pid, want, want); err != nil {
		if errors.Is(err, unix.EPERM) && before < want {
			return nil
		}
		return err
	}
	for range passes {
		changed, err := c.eachOpenFiles(before, want)
		if err != nil || !changed {
			return err
		}
	}
	return errors.New("limit open files: the site starts processes faster than they can be limited: restart it")
}

// eachOpenFiles goes through the processes once, and tells whether one had another limit.
func (c *Container) eachOpenFiles(before, want uint64) (changed bool, err error) {
	pids, err := c.cgroup.pids()
	if err != nil {
		return false, err
	}
	open := map[int]*os.File{}
	defer func() {
		for _, f := range open {
			f.Close()
		}
	}()
	for _, pid := range pids {
		soft, hard, err := linux.OpenFilesLimit(pid)
		differs := hard > want || soft > want || hard == before && hard < want
		if err != nil || !differs {
			continue // ended, right already, or less by its own wish
		}
		f, err := linux.OpenPidfd(pid)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return changed, err
		}
		open[pid] = f
	}
	// Only what is listed once more after its pidfd was opened: before that the PID can have become another's.
	if pids, err = c.cgroup.pids(); err != nil {
		return false, err
	}
	for _, pid := range pids {
		f, ok := open[pid]
		if !ok || linux.PidfdEnded(f) {
			continue
		}
		soft, hard, err := linux.OpenFilesLimit(pid)
		if err == nil {
			if soft == hard || soft > want { // it has all that it may have
				soft = want
			}
			err = linux.SetOpenFilesLimit(pid, soft, want)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// checkOpenFiles reads the limit of PID 1 back.
func (c *Container) checkOpenFiles(n int64) error {
	if n == 0 || c.openFilesGap(n) != "" {
		return nil
	}
	soft, hard, err := linux.OpenFilesLimit(c.pid)
	if err != nil {
		return err
	}
	if hard != uint64(n) {
		return fmt.Errorf("the kernel did not take open files: wrote %d, reads %d and %d", n, soft, hard)
	}
	return nil
}

// openFilesGap says that more open files are wanted than this logisd may give to what runs.
func (c *Container) openFilesGap(n int64) string {
	_, hard, err := linux.OpenFilesLimit(c.pid)
	if err != nil || hard >= uint64(n) || mayRaise() {
		return ""
	}
	return fmt.Sprintf("open files: %d until the site is started anew: logisd lacks CAP_SYS_RESOURCE, without which no limit is raised", hard)
}

// mayRaise tells whether this process may raise hard limits.
func mayRaise() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}
