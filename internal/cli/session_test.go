package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// guest is the site's side of a session, driven by the test frame by frame.
type guest struct {
	req  control.Exec
	in   io.Reader
	out  *frame.Writer
	done chan struct{} // closed by the test to end the session
}

// serveGuest serves one site, alice, whose sessions arrive on the channel.
func serveGuest(t *testing.T) (socket string, sessions chan *guest) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	sessions = make(chan *guest, 1)
	m.Session = func(_ context.Context, _ string, inside net.Conn, req any) {
		g := &guest{req: req.(control.Exec), in: inside, out: frame.NewWriter(inside), done: make(chan struct{})}
		sessions <- g
		<-g.done
	}
	socket, _ = servertest.Serve(t, m)
	return socket, sessions
}

func (g *guest) exit(status byte) {
	_ = g.out.Write(frame.Exit, []byte{status})
	close(g.done)
}

// next returns the next frame of a type, skipping others.
func (g *guest) next(t *testing.T, want frame.Type) []byte {
	t.Helper()
	for {
		kind, p, err := frame.Read(g.in)
		if err != nil {
			t.Fatalf("wait for a frame %q: %v", want, err)
		}
		if kind == want {
			return p
		}
	}
}

func TestExec(t *testing.T) {
	socket, sessions := serveGuest(t)
	go func() {
		g := <-sessions
		input, _ := io.ReadAll(stdinOf{g})
		_ = g.out.Write(frame.Stdout, bytes.ToUpper(input))
		_ = g.out.Write(frame.Stderr, []byte("raw \x1b[1m bytes"))
		g.exit(42)
	}()
	r := run(t, socket, "some input", "exec", "alice", "--user", "alice", "--", "tr", "-x")
	if d := cmp.Diff(result{42, "SOME INPUT", "raw \x1b[1m bytes"}, r, cmp.AllowUnexported(result{})); d != "" {
		t.Errorf("exec (-want +got):\n%s", d)
	}

	go func() { close((<-sessions).done) }()
	r = run(t, socket, "", "exec", "alice", "--", "true")
	if r.status != 1 || !strings.Contains(r.err, "lost the connection") {
		t.Errorf("a lost connection: %+v", r)
	}
	oneLine(t, r, "exec")

	go func() {
		g := <-sessions
		_ = g.out.Write(frame.Error, []byte("run nope: command not found: file does not exist"))
		_ = g.out.Write(frame.Exit, []byte{127})
		close(g.done)
	}()
	r = run(t, socket, "", "exec", "alice", "--", "nope")
	if r.status != 127 || r.err != "logis: cannot run in \"alice\": nope: command not found\n" {
		t.Errorf("a command that is not there: %+v", r)
	}
}

func TestShellWithoutTerminal(t *testing.T) {
	socket, sessions := serveGuest(t)
	got := make(chan control.Exec, 1)
	go func() {
		g := <-sessions
		got <- g.req
		g.exit(0)
	}()
	if r := run(t, socket, "ls", "shell", "alice"); r.status != 0 {
		t.Errorf("shell: %+v", r)
	}
	if d := cmp.Diff(control.Exec{User: "alice", Login: true}, <-got); d != "" {
		t.Errorf("request (-want +got):\n%s", d)
	}
}

// TestSignals: without -t the command gets the signals that logis gets.
func TestSignals(t *testing.T) {
	socket, sessions := serveGuest(t)
	cmd := command(socket, "exec", "alice", "--", "sleep")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := <-sessions
	// The signals are caught before the session is asked for.
	for _, n := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if err := cmd.Process.Signal(n); err != nil {
			t.Fatal(err)
		}
		if p := g.next(t, frame.Signal); len(p) != 1 || syscall.Signal(p[0]) != n {
			t.Errorf("signal %v arrived as %v", n, p)
		}
	}
	g.exit(143)
	if got := exitStatus(cmd.Wait()); got != 143 {
		t.Errorf("exit status %d", got)
	}
}

// TestTerminal: -t makes the terminal raw, sends its size and its changes, and gives it back as it was, however it ends.
func TestTerminal(t *testing.T) {
	for name, end := range map[string]struct {
		status int
		do     func(*testing.T, *guest, *os.Process)
	}{
		"exit":            {3, func(_ *testing.T, g *guest, _ *os.Process) { g.exit(3) }},
		"connection lost": {1, func(_ *testing.T, g *guest, _ *os.Process) { close(g.done) }},
		"killed by TERM": {143, func(t *testing.T, g *guest, p *os.Process) {
			_ = p.Signal(syscall.SIGTERM)
			if _, _, err := frame.Read(g.in); !errors.Is(err, io.EOF) {
				t.Errorf("the site read %v, want the end", err)
			}
			close(g.done)
		}},
		"killed by HUP": {129, func(t *testing.T, g *guest, p *os.Process) {
			_ = p.Signal(syscall.SIGHUP)
			if _, _, err := frame.Read(g.in); !errors.Is(err, io.EOF) {
				t.Errorf("the site read %v, want the end", err)
			}
			close(g.done)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			socket, sessions := serveGuest(t)
			master, slave, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer slave.Close()
			if err := pty.Setsize(master, &pty.Winsize{Rows: 30, Cols: 90}); err != nil {
				t.Fatal(err)
			}
			before := termios(t, slave)
			cmd := command(socket, "exec", "alice", "-t", "--", "top")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			g := <-sessions
			if d := cmp.Diff(control.Exec{Command: []string{"top"}, TTY: true, Rows: 30, Cols: 90, Term: "vt100"}, g.req); d != "" {
				t.Errorf("request (-want +got):\n%s", d)
			}

			// Output arrives after the terminal is raw, so a line end is not turned into two bytes.
			in := bufio.NewReader(master)
			for raw := false; !raw; {
				_ = g.out.Write(frame.Stdout, []byte("\x1b[2Jhello\n"))
				line, err := in.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				raw = line == "\x1b[2Jhello\n"
			}
			// Ctrl-C is a byte for the command, not a signal for logis.
			if _, err := master.Write([]byte{3, 4}); err != nil {
				t.Fatal(err)
			}
			if p := g.next(t, frame.Stdin); !bytes.HasPrefix(p, []byte{3}) {
				t.Errorf("typed Ctrl-C, the command read %q", p)
			}
			if err := pty.Setsize(master, &pty.Winsize{Rows: 40, Cols: 100}); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Process.Signal(syscall.SIGWINCH) // the pty is not its controlling terminal: the kernel does not send it
			if rows, cols, _ := frame.ParseResize(g.next(t, frame.Resize)); rows != 40 || cols != 100 {
				t.Errorf("resized to %d×%d", rows, cols)
			}
			end.do(t, g, cmd.Process)
			if got := exitStatus(cmd.Wait()); got != end.status {
				t.Errorf("exit status %d, want %d", got, end.status)
			}
			if d := cmp.Diff(before, termios(t, slave)); d != "" {
				t.Errorf("the terminal was not given back (-before +after):\n%s", d)
			}
		})
	}
}

// TestTerminalGoesAway: a session ends with its terminal, whether its command is silent or writes, and hangs up what runs in
// it.
func TestTerminalGoesAway(t *testing.T) {
	for _, writes := range []bool{false, true} {
		socket, sessions := serveGuest(t)
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(socket, "shell", "alice")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = slave.Close()
		g := <-sessions
		_ = g.out.Write(frame.Stdout, []byte("$ "))
		if _, err := master.Read(make([]byte, 2)); err != nil { // raw by now
			t.Fatal(err)
		}
		_ = master.Close()
		for writes && g.out.Write(frame.Stdout, []byte("more")) == nil {
		}
		for {
			if _, _, err := frame.Read(g.in); err != nil {
				break
			}
		}
		close(g.done)
		if got := exitStatus(cmd.Wait()); got != 129 {
			t.Errorf("writes %t: exit status %d", writes, got)
		}
	}
}

// TestTerminalAndPipe: the terminal is given back when nobody reads what the command says.
func TestTerminalAndPipe(t *testing.T) {
	socket, sessions := serveGuest(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	before := termios(t, slave)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd := command(socket, "shell", "alice")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, write, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	g := <-sessions
	_ = g.out.Write(frame.Stdout, []byte("$"))
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	_ = g.out.Write(frame.Stdout, []byte("more"))
	for {
		if _, _, err := frame.Read(g.in); err != nil {
			break
		}
	}
	close(g.done)
	if got := exitStatus(cmd.Wait()); got != 141 || errs.Len() > 0 {
		t.Errorf("exit status %d, stderr %q", got, errs.String())
	}
	if d := cmp.Diff(before, termios(t, slave)); d != "" {
		t.Errorf("the terminal was not given back (-before +after):\n%s", d)
	}
}

// TestQuestion: destroy asks on a terminal.
func TestQuestion(t *testing.T) {
	for answer, status := range map[string]int{"y\n": 0, "\n": 1, "no\n": 1} {
		m := servertest.New()
		m.Put(servertest.StatusOf("alice", site.Running))
		socket, _ := servertest.Serve(t, m)
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(socket, "destroy", "alice")
		var errs bytes.Buffer
		cmd.Stdin, cmd.Stderr = slave, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(master, answer)
		if got := exitStatus(cmd.Wait()); got != status || !strings.HasPrefix(errs.String(), "Destroy alice and everything in it? [y/N] ") {
			t.Errorf("answer %q: exit status %d, stderr %q", answer, got, errs.String())
		}
		_, err = m.Show(t.Context(), "alice")
		if gone := err != nil; gone != (status == 0) {
			t.Errorf("answer %q: destroyed is %v", answer, gone)
		}
		_ = slave.Close()
		_ = master.Close()
	}
}

// TestInterruptedCreate: Ctrl-C cancels, and what is said of it is true.
func TestInterruptedCreate(t *testing.T) {
	m := servertest.New()
	m.Hold, m.Undo = make(chan struct{}), make(chan struct{})
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "create", "alice")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-m.Hold
	_ = cmd.Process.Signal(os.Interrupt)
	if err := <-m.Freed; !errors.Is(err, context.Canceled) {
		t.Errorf("the engine's ctx ended with %v", err)
	}
	close(m.Undo) // which the command waits for
	if got := exitStatus(cmd.Wait()); got != 1 || errs.String() != "logis: cannot create \"alice\": interrupted, nothing was left behind\n" {
		t.Errorf("exit status %d, stderr %q", got, errs.String())
	}
	if _, err := m.Show(t.Context(), "alice"); err == nil {
		t.Error("said so before it was undone")
	}
}

// TestArchiveToTerminal: an archive is not written to a terminal.
func TestArchiveToTerminal(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	cmd := command(socket, "image", "export", "lemp", "-")
	cmd.Stdout = slave
	if got := exitStatus(cmd.Run()); got != 2 {
		t.Errorf("export to a terminal: exit status %d", got)
	}
}

// stdinOf reads the command's standard input from the frames.
type stdinOf struct{ *guest }

func (s stdinOf) Read(p []byte) (int, error) {
	kind, data, err := frame.Read(s.in)
	if err == nil && (kind != frame.Stdin || len(data) == 0) {
		err = io.EOF
	}
	return copy(p, data), err
}

// command is this test binary as the command line.
func command(socket string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LOGIS_TEST_CLI=1", "LOGIS_SOCKET="+socket, "TERM=vt100")
	return cmd
}

func exitStatus(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func termios(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	tio, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *tio
}
