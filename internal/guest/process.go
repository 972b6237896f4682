package guest

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"syscall"
	"time"
)

// endGrace bounds how long the processes that were killed are waited for.
const endGrace = 500 * time.Millisecond

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

// poll asks done at once and then after every pause, until it says yes or ctx ends; it returns which. It is for what
// nothing announces, as the death of a process that is not our child.
func poll(ctx context.Context, pause time.Duration, done func() bool) bool {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// endSession kills what is left of a session, also when ctx has ended; a process that forks while it is killed gets
// several rounds.
func endSession(ctx context.Context, session int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrace)
	defer cancel()
	poll(ctx, 5*time.Millisecond, func() bool { return signalSession(session, syscall.SIGKILL) == 0 })
}

// hangUp ends a session in steps: SIGHUP, SIGTERM, SIGKILL. It returns when the session is empty, or soon after ctx has
// ended: the site then stops, and ends every session itself.
func hangUp(ctx context.Context, session int) {
	for _, step := range []struct {
		signal syscall.Signal
		grace  time.Duration
	}{{syscall.SIGHUP, time.Second}, {syscall.SIGTERM, 2 * time.Second}} {
		if signalSession(session, step.signal, syscall.SIGCONT) == 0 {
			return
		}
		grace, cancel := context.WithTimeout(ctx, step.grace)
		empty := poll(grace, 20*time.Millisecond, func() bool { return signalSession(session) == 0 })
		cancel()
		if empty || ctx.Err() != nil {
			return
		}
	}
	endSession(ctx, session)
}
