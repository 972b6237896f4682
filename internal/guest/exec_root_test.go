//go:build root

package guest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

func TestExecOutcomes(t *testing.T) {
	b := newBox(t, nil)
	b.write("home/noexec", "#!/bin/sh\n")
	home := b.path("home")
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	for name, c := range map[string]struct {
		exec control.Exec
		want result
	}{
		"streams":      {control.Exec{Command: sh("echo out; echo err >&2; exit 7")}, result{"out\n", "err\n", "", 7}},
		"signal":       {control.Exec{Command: sh("kill -KILL $$")}, result{"", "", "", 137}},
		"user":         {control.Exec{Command: sh("id; pwd; echo $HOME $USER $SHELL $LANG"), User: "alice"}, result{"uid=1234 gid=1234 groups=1234,2000\n" + home + "\n" + home + " alice /bin/bash C.UTF-8\n", "", "", 0}},
		"uid":          {control.Exec{Command: []string{"id", "-nu"}, User: "0"}, result{"root\n", "", "", 0}},
		"bare uid":     {control.Exec{Command: []string{"id"}, User: "4321"}, result{"uid=4321 gid=4321 groups=4321\n", "", "", 0}},
		"path":         {control.Exec{Command: []string{"printf", "%s", "x"}}, result{"x", "", "", 0}},
		"login":        {control.Exec{Login: true, User: "alice", Command: []string{"ignored"}}, result{"", "", "", 0}},
		"not found":    {control.Exec{Command: []string{"no-such-command"}}, result{"", "", "run no-such-command: command not found: file does not exist", 127}},
		"no such file": {control.Exec{Command: []string{"/no/such"}}, result{"", "", "run /no/such: no such file or directory", 127}},
		"not for exec": {control.Exec{Command: []string{home + "/noexec"}}, result{"", "", "run " + home + "/noexec: permission denied", 126}},
		"no command":   {control.Exec{}, result{"", "", "no command was given", 126}},
		"nul":          {control.Exec{Command: []string{"/bin/echo", "a\x00b"}}, result{"", "", "run /bin/echo: invalid argument", 126}},
		"no such user": {control.Exec{Command: []string{"id"}, User: "mallory"}, result{"", "", `no such user: "mallory"`, 126}},
	} {
		t.Run(name, func(t *testing.T) {
			conn := b.request(control.Request{Op: control.OpExec, Exec: &c.exec})
			if err := frame.NewWriter(conn).Write(frame.Stdin, nil); err != nil {
				t.Fatal(err)
			}
			got := collect(t, conn, nil)
			got.Stdout = strings.NewReplacer("(root)", "", "(alice)", "", "(team)", "").Replace(got.Stdout)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExecLoginShell(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Login: true, User: "alice"}})
	w := frame.NewWriter(c)
	_ = w.Write(frame.Stdin, []byte("echo $0; shopt -q login_shell && pwd\n"))
	_ = w.Write(frame.Stdin, nil)
	if diff := cmp.Diff(result{Stdout: "-bash\n" + b.path("home") + "\n"}, collect(t, c, nil)); diff != "" {
		t.Error(diff)
	}
}

func TestExecCarriesMuchBothWays(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"cat"}}})
	in := bytes.Repeat([]byte("0123456789abcde\n"), 1<<18) // 4 MiB
	go func() {
		_ = frame.NewWriter(c).Write(frame.Stdin, in)
		_ = c.CloseWrite() // half a close is the end of the input and no more
	}()
	got := collect(t, c, nil)
	if got.Stdout != string(in) || got.Exit != 0 {
		t.Errorf("%d bytes came back of %d, exit %d %q", len(got.Stdout), len(in), got.Exit, got.Error)
	}
}

func TestExecChildLeftBehindDoesNotHangTheExit(t *testing.T) {
	b := newBox(t, nil)
	r := b.sh("sleep 1000000 & echo $!")
	if r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	if r := b.sh("kill -0 " + r.Stdout); r.Exit != 0 {
		t.Errorf("the child did not survive an orderly end: %+v", r)
	}
	if r := b.exec(control.Exec{Command: []string{"/bin/sh", "-c", "yes & exit 4"}}); r.Exit != 4 {
		t.Errorf("with a child that goes on writing: exit %d", r.Exit)
	}
}

func TestExecTerminal(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{
		Command: []string{"/bin/sh", "-c", "tty; echo $TERM; LOGIS_GUEST_ROLE=winsize exec /proc/1/exe"},
		TTY:     true, Rows: 33, Cols: 111, Term: "vt100",
	}})
	w := frame.NewWriter(c)
	step := 0
	got := collect(t, c, func(sofar string) {
		switch {
		case step == 0 && strings.Contains(sofar, "size 33 111\r\n"):
			step = 1
			_ = w.Write(frame.Resize, frame.ResizePayload(44, 123))
		case step == 1 && strings.Contains(sofar, "size 44 123\r\n"):
			step = 2
			_ = w.Write(frame.Stdin, []byte{3}) // ^C
		}
	})
	if step != 2 || got.Exit != 128+int(syscall.SIGINT) || !strings.HasPrefix(got.Stdout, "/dev/pts/") || !strings.Contains(got.Stdout, "vt100") {
		t.Errorf("step %d, %+v", step, got)
	}
}

func TestExecTerminalOfAUser(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{
		Command: []string{"/bin/bash", "-ic", "stat -c '%U %a' $(tty) >/dev/null; echo hello > $(tty) && echo ok > /dev/tty"},
		User:    "alice", TTY: true, Rows: 24, Cols: 80, Term: "evil\nTERM",
	}})
	if got := collect(t, c, nil); got.Exit != 0 || !strings.Contains(got.Stdout, "hello\r\nok\r\n") {
		t.Errorf("%+v", got)
	}
}

// A signal goes to what is in the foreground of the terminal, not to the shell that waits for it.
func TestExecSignalToTheForeground(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{
		Command: []string{"/bin/bash", "-mc", "trap '' USR1; bash -c 'trap \"echo got\" USR1; echo up; while :; do sleep 0.02; [ -n \"$x\" ]; done; ' & fg >/dev/null; echo $?"},
		TTY:     true, Rows: 24, Cols: 80, Term: "xterm",
	}})
	w := frame.NewWriter(c)
	sent := false
	got := collect(t, c, func(sofar string) {
		if !sent && strings.Contains(sofar, "up") {
			sent = true
			_ = w.Write(frame.Signal, []byte{byte(syscall.SIGTERM)})
		}
	})
	if !strings.Contains(got.Stdout, "143\r\n") || got.Exit != 0 {
		t.Errorf("%+v", got)
	}
}

func TestExecSignalWhileInputIsStuck(t *testing.T) {
	b := newBox(t, nil)
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"/bin/sh", "-c", "echo up; exec sleep 1000000"}}})
	w := frame.NewWriter(c)
	got := collect(t, c, func(string) {
		_ = w.Write(frame.Stdin, make([]byte, 300<<10)) // more than a pipe holds
		_ = w.Write(frame.Signal, []byte{byte(syscall.SIGTERM)})
	})
	if got.Exit != 143 {
		t.Errorf("%+v", got)
	}
}

// When the client goes, everything of the command's session goes, also what ignores SIGHUP.
func TestExecEndsWithItsConnection(t *testing.T) {
	for name, setup := range map[string]struct {
		tty   bool
		stdin int
		half  bool
	}{"pipes": {}, "terminal": {tty: true}, "stuck input": {stdin: 2 << 20}, "after half a close": {half: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t, nil)
			c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{TTY: setup.tty, Command: []string{
				"/bin/bash", "-c", "trap '' HUP; bash -c 'trap \"\" HUP; sleep 1234567' & echo up; sleep 1234567; sleep 1234567",
			}}})
			if _, _, err := frame.Read(c); err != nil {
				t.Fatal(err)
			}
			if setup.stdin > 0 {
				_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // for the pipe, the queue and the socket to fill
				_ = frame.NewWriter(c).Write(frame.Stdin, make([]byte, setup.stdin))
			}
			if setup.half {
				_ = c.CloseWrite()
			}
			if r := b.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 123456[7]'"); r.Exit != 0 {
				t.Fatalf("the command does not run: %+v", r)
			}
			c.Close()
			r := b.sh("for i in $(seq 1000); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'sleep 123456[7]' || exit 0; sleep 0.01; done; exit 1")
			if r.Exit != 0 {
				t.Errorf("the command outlives its connection: %+v", r)
			}
		})
	}
}

func TestHostileRequests(t *testing.T) {
	b := newBox(t, nil)
	for name, data := range map[string]string{
		"too long":    "\xff\xff\xff\xff",
		"not json":    "\x00\x00\x00\x05hello",
		"cut off":     "\x00\x00\x00\x50{",
		"no op":       "\x00\x00\x00\x02{}",
		"exec of nil": "\x00\x00\x00\x0d{\"op\":\"exec\"}",
		"logs of nil": "\x00\x00\x00\x0d{\"op\":\"logs\"}",
	} {
		t.Run(name, func(t *testing.T) {
			c := b.dial()
			if _, err := io.WriteString(c, data); err != nil {
				t.Fatal(err)
			}
			_ = c.CloseWrite()
			if got, err := io.ReadAll(c); len(got) > 0 || err != nil {
				t.Errorf("answer %q, %v", got, err)
			}
		})
	}
	for name, junk := range map[string][]byte{
		"long frame": {'i', 0xff, 0xff, 0xff, 0xff}, "unknown": {'?', 0, 0, 0, 0}, "resize": {'w', 0, 0, 0, 1, 0},
		"signal 0": {'s', 0, 0, 0, 1, 0}, "signal 65": {'s', 0, 0, 0, 1, 65},
	} {
		t.Run(name, func(t *testing.T) {
			c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"sleep", "1000000"}}})
			if _, err := c.Write(junk); err != nil {
				t.Fatal(err)
			}
			if got := collect(t, c, nil); got.Exit != 129 {
				t.Errorf("%+v", got)
			}
		})
	}
	open := make([]io.Closer, 0, maxConnections)
	for range maxConnections {
		open = append(open, b.dial())
	}
	// One more than are served. Connections are accepted in order, so all the others are counted by now.
	var status control.Status
	c := b.dial()
	if control.Write(c, control.Request{Op: control.OpWatch}) == nil && control.Read(c, &status) == nil {
		t.Errorf("connection %d was served", maxConnections+1)
	}
	for _, c := range open {
		c.Close()
	}
	if s := b.awaitAny(); s.Exit != 0 {
		t.Errorf("%+v", s)
	}
	if b.cmd.ProcessState != nil {
		t.Error("PID 1 has ended")
	}
}

// awaitAny runs a command as soon as there is room for one.
func (b *box) awaitAny() result {
	for {
		c := b.dial()
		if err := control.Write(c, control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"true"}}}); err == nil {
			if typ, p, err := frame.Read(c); err == nil && typ == frame.Exit {
				return result{Exit: int(p[0])}
			}
		}
		c.Close()
	}
}

func TestManyExecsAtOnce(t *testing.T) {
	b := newBox(t, nil)
	errs := make(chan string, 40)
	for i := range cap(errs) {
		go func() {
			c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"/bin/sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i)}}})
			r := collect(t, c, nil)
			if r.Exit != i || r.Stdout != fmt.Sprintln(i) {
				errs <- fmt.Sprintf("%d: %+v", i, r)
				return
			}
			errs <- ""
		}()
	}
	for range cap(errs) {
		if s := <-errs; s != "" {
			t.Error(s)
		}
	}
}
