//go:build root

package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

// tooLong ends a wait that will not end by itself; no test measures time with it.
const tooLong = 30 * time.Second

// box is a PID 1 at work in namespaces of its own, with its files in a temporary directory.
type box struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

// newBox starts PID 1 with these service files (name without .toml → text; DIR stands for the box's directory) and this
// environment beside what it needs.
func newBox(t *testing.T, services map[string]string, more ...string) *box {
	t.Helper()
	dir, err := os.MkdirTemp("", "guest") // t.TempDir is too long for a socket and closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: dir, done: make(chan struct{})}
	for _, d := range []string{"services", "tmp", "home", "run", "texts", "init.d", "rc2.d", "rc0.d"} {
		if err := os.Mkdir(b.path(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.write("passwd", "root:x:0:0::"+b.path("home")+":/bin/sh\nalice:x:1234:1234::"+b.path("home")+":/bin/bash\n")
	b.write("group", "root:x:0:\nadm:x:4:\ntty:x:5:\nalice:x:1234:\nteam:x:2000:alice\n")
	b.write("tmp/old", "old")
	for name, text := range services {
		b.write("services/"+name+".toml", strings.ReplaceAll(text, "DIR", dir))
	}
	b.start(more)
	return b
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

func (b *box) write(name, text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) start(env []string) {
	b.t.Helper()
	l, err := net.Listen("unix", b.path("sock"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer l.Close()
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	f, err := l.(*net.UnixListener).File()
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	opts, err := json.Marshal(Options{
		Site: "alice", Services: b.path("services"), Logs: b.path("log"), Tmp: b.path("tmp"),
		Passwd: b.path("passwd"), Group: b.path("group"), Run: b.path("run"), Texts: b.path("texts"), Scripts: b.dir,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.cmd = exec.Command("/proc/self/exe")
	b.cmd.Env = append([]string{roleEnv + "=init", optionsEnv + "=" + string(opts)}, env...)
	b.cmd.ExtraFiles = []*os.File{f}
	b.cmd.Stderr = os.Stderr
	b.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL,
	}
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() {
		defer close(b.done)
		_ = b.cmd.Wait()
	}()
	b.t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		<-b.done
	})
}

func (b *box) dial() *net.UnixConn {
	b.t.Helper()
	c, err := net.Dial("unix", b.path("sock"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(tooLong))
	return c.(*net.UnixConn)
}

func (b *box) request(r control.Request) *net.UnixConn {
	b.t.Helper()
	c := b.dial()
	if err := control.Write(c, r); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// await watches until ok says so and returns that status.
func (b *box) await(what string, ok func(control.Status) bool) control.Status {
	b.t.Helper()
	c := b.request(control.Request{Op: control.OpWatch})
	defer c.Close()
	var last control.Status
	for {
		var s control.Status
		if err := control.Read(c, &s); err != nil {
			b.t.Fatalf("wait for %s: %v; last status %+v", what, err, last)
		}
		if last = s; ok(s) {
			return s
		}
	}
}

func (b *box) awaitReady() control.Status {
	b.t.Helper()
	return b.await("ready", func(s control.Status) bool { return s.Ready })
}

func find(s control.Status, name string) control.Service {
	for _, x := range s.Services {
		if x.Name == name {
			return x
		}
	}
	return control.Service{}
}

// result of a command run through the control socket.
type result struct {
	Stdout, Stderr, Error string
	Exit                  int
}

// collect reads frames up to Exit and hands stdout on as it comes.
func collect(t *testing.T, c io.Reader, onStdout func(sofar string)) result {
	t.Helper()
	var r result
	var out, errs bytes.Buffer
	for {
		typ, p, err := frame.Read(c)
		if err != nil {
			t.Fatalf("read frame: %v; so far %q %q", err, out.String(), errs.String())
		}
		switch typ {
		case frame.Stdout:
			out.Write(p)
			if onStdout != nil {
				onStdout(out.String())
			}
		case frame.Stderr:
			errs.Write(p)
		case frame.Error:
			r.Error = string(p)
		case frame.Exit:
			r.Stdout, r.Stderr, r.Exit = out.String(), errs.String(), int(p[0])
			if _, _, err := frame.Read(c); !errors.Is(err, io.EOF) {
				t.Errorf("after the Exit frame: %v, want EOF", err)
			}
			return r
		default:
			t.Fatalf("frame of type %q", byte(typ))
		}
	}
}

func (b *box) exec(e control.Exec) result {
	b.t.Helper()
	c := b.request(control.Request{Op: control.OpExec, Exec: &e})
	defer c.Close()
	return collect(b.t, c, nil)
}

func (b *box) sh(script string) result {
	b.t.Helper()
	return b.exec(control.Exec{Command: []string{"/bin/sh", "-c", script}})
}

// term sends SIGTERM and returns PID 1's exit code.
func (b *box) term() int {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-b.done:
	case <-time.After(tooLong):
		b.t.Fatal("PID 1 does not end")
	}
	return b.cmd.ProcessState.ExitCode()
}

func (b *box) read(name string) string {
	b.t.Helper()
	data, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}
