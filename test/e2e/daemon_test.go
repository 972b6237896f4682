//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// daemon is logisd or logis-proxy, started from the built binaries.
type daemon struct {
	name  string
	house *house
	dir   string   // of the binary; "" is the house's
	env   []string // beside the test's own
	ready func() error
	cmd   *exec.Cmd // nil when it does not run
	ended chan error
}

func (d *daemon) log() string { return d.house.path(d.name + ".log") }

func (d *daemon) start(t testing.TB) {
	t.Helper()
	d.launch(t)
	if err := poll(d.ready); err != nil {
		_ = d.cmd.Process.Signal(syscall.SIGQUIT) // for the stacks
		<-d.ended
		d.cmd = nil
		t.Fatalf("%s is not ready: %v\n%s", d.name, err, d.tail(0))
	}
}

// comesUp starts the daemon, and says whether it has become ready rather than ended.
func (d *daemon) comesUp(t testing.TB) bool {
	t.Helper()
	d.launch(t)
	up := false
	err := poll(func() error {
		select {
		case <-d.ended:
			d.cmd = nil
			return nil
		default:
		}
		err := d.ready()
		up = err == nil
		return err
	})
	if err != nil {
		t.Fatalf("%s neither is ready nor ends: %v\n%s", d.name, err, d.tail(0))
	}
	return up
}

// launch starts the daemon's process.
func (d *daemon) launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(d.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.cmd = exec.Command(filepath.Join(cmp.Or(d.dir, d.house.bin), d.name), "--config", d.house.path("logis.toml"))
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.Env = append(os.Environ(), d.env...)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(d.cmd, d.ended)
}

// stop asks the daemon to end, and fails the test if it does not.
func (d *daemon) stop(t testing.TB) {
	t.Helper()
	d.end(t, syscall.SIGTERM)
}

// kill ends the daemon as a crash would.
func (d *daemon) kill(t testing.TB) {
	t.Helper()
	d.end(t, syscall.SIGKILL)
}

// upgrade stops the daemon and starts it from other files: copies of all binaries, a byte longer each.
func (d *daemon) upgrade(t testing.TB) {
	t.Helper()
	d.stop(t)
	d.dir = d.house.path("upgraded")
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"logisd", "logis-init", "logis-probe"} {
		content, err := os.ReadFile(filepath.Join(d.house.bin, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.dir, name), append(content, 0), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.start(t)
}

// died waits for a daemon that was made to end by itself.
func (d *daemon) died(t testing.TB) {
	t.Helper()
	select {
	case <-d.ended:
		d.cmd = nil
	case <-time.After(patience):
		t.Fatalf("%s lives on\n%s", d.name, d.tail(0))
	}
}

func (d *daemon) end(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if d.cmd == nil {
		return
	}
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Errorf("%s had ended by itself: %v\n%s", d.name, err, d.tail(0))
	}
	select {
	case err := <-d.ended:
		if err != nil && signal == syscall.SIGTERM {
			t.Errorf("%s: %v\n%s", d.name, err, d.tail(0))
		}
	case <-time.After(patience):
		_ = d.cmd.Process.Signal(syscall.SIGQUIT) // for the stacks
		<-d.ended
		t.Errorf("%s did not end within %v\n%s", d.name, patience, d.tail(0))
	}
	d.cmd = nil
}

// size of the log so far, for tail.
func (d *daemon) size() int64 {
	info, err := os.Stat(d.log())
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail is what the daemon logged since the log had the given size, its end if that is long.
func (d *daemon) tail(since int64) string {
	data, err := os.ReadFile(d.log())
	if err != nil {
		return err.Error()
	}
	data = data[min(since, int64(len(data))):]
	return fmt.Sprintf("%s:\n%s", filepath.Base(d.log()), data[max(0, len(data)-24<<10):])
}
