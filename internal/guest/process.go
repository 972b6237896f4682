package guest

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// procEntry is what stopping needs to know of a process.
type procEntry struct{ pid, session int }

// processes lists what runs in the site, zombies and PID 1 left out.
func processes() []procEntry {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var list []procEntry
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == 1 {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue
		}
		if session, ok := parseSession(stat); ok {
			list = append(list, procEntry{pid, session})
		}
	}
	return list
}

// parseSession takes the session out of a line of proc_pid_stat(5). The name in parentheses may hold anything, so the
// last one counts. ok is false for a zombie.
func parseSession(stat []byte) (session int, ok bool) {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, false
	}
	fields := bytes.Fields(stat[i+1:])
	if len(fields) < 4 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return 0, false
	}
	session, err := strconv.Atoi(string(fields[3]))
	return session, err == nil
}

// signalSession sends the signals to every process of a session and returns how many there were. A number could be
// reused between the listing and the kill; it would then be a process of the same site, and that needs a full turn of
// the PID space in between.
func signalSession(session int, signals ...syscall.Signal) int {
	n := 0
	for _, p := range processes() {
		if p.session != session {
			continue
		}
		n++
		for _, sig := range signals {
			_ = syscall.Kill(p.pid, sig)
		}
	}
	return n
}

// endSession kills what is left of a session; a process that forks while it is killed gets several rounds.
func endSession(session int) {
	for range 20 {
		if signalSession(session, syscall.SIGKILL) == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond) // the death of a process that is not our child is nowhere announced
	}
}

// hangUp ends a session in steps: SIGHUP, SIGTERM, SIGKILL. It returns when the session is empty.
func hangUp(session int) {
	for _, step := range []struct {
		signal syscall.Signal
		grace  time.Duration
	}{{syscall.SIGHUP, time.Second}, {syscall.SIGTERM, 2 * time.Second}} {
		if signalSession(session, step.signal, syscall.SIGCONT) == 0 {
			return
		}
		for deadline := time.Now().Add(step.grace); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if signalSession(session) == 0 {
				return
			}
		}
	}
	endSession(session)
}
