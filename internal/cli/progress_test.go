package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// screen starts cmd with standard error on a terminal of 100 columns; seen waits until it has drawn a text and returns all
// that it drew until then.
func screen(t *testing.T, cmd *exec.Cmd) (seen func(text string) string) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	var drawn strings.Builder
	in := bufio.NewReader(master)
	return func(text string) string {
		for !strings.Contains(drawn.String(), text) {
			b, err := in.ReadByte()
			if err != nil { // EIO: the command has ended
				t.Fatalf("%q was not drawn in %q", text, drawn.String())
			}
			drawn.WriteByte(b)
		}
		return drawn.String()
	}
}

// TestBuildOnTerminal: one line that always names the step, however long a step says nothing, and whose bar moves.
func TestBuildOnTerminal(t *testing.T) {
	m := servertest.New()
	next := make(chan struct{})
	names := []string{"base system", "package lists", "packages", "files", "scrub"}
	m.Build = func(_ context.Context, report func(engine.Progress)) error {
		<-next
		for i, name := range names {
			p := engine.Progress{Step: name, Index: i + 1, Total: len(names)}
			report(p)
			p.Detail = "I: Unpacking \x1b[2Jnginx " + strings.Repeat("x", 200)
			report(p)
			<-next
		}
		report(engine.Progress{Step: "warning: it is old", Index: len(names) + 1, Total: len(names) + 1})
		return nil
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "image", "build", "lemp")
	var out bytes.Buffer
	cmd.Stdout = &out
	seen := screen(t, cmd)

	seen("image lemp  waits for another build")
	next <- struct{}{}
	for i, name := range names {
		bar := "[" + strings.Repeat("=", i*16/len(names)) + ">"
		seen(fmt.Sprintf("image lemp  %s%s] %d/%d %s  0:0", bar, strings.Repeat(" ", 15-i*16/len(names)), i+1, len(names), name))
		next <- struct{}{}
	}
	drawn := seen("warning: it is old")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(out.String(), "image lemp is built in ") {
		t.Errorf("stdout %q", out.String())
	}
	if strings.Contains(drawn, "I: ") || strings.Contains(drawn, "\x1b[2J") || !strings.Contains(drawn, "  Unpacking \ufffd[2Jnginx xx") {
		t.Errorf("details are drawn as %q", drawn)
	}
	for line := range strings.FieldsFuncSeq(drawn, func(r rune) bool { return r < ' ' }) {
		line = strings.TrimPrefix(line, "[J") // the rest of the escape sequence that clears the line
		if n := len([]rune(line)); n > 99 {
			t.Errorf("a line of %d characters on 100 columns, the last of which stays free: %q", n, line)
		}
	}
}

// TestInterruptedBuild: Ctrl-C ends the build, and logis goes on until there is nothing left of it.
func TestInterruptedBuild(t *testing.T) {
	m := servertest.New()
	undone := make(chan struct{})
	m.Build = func(ctx context.Context, report func(engine.Progress)) error {
		report(engine.Progress{Step: "packages", Index: 3, Total: 6})
		<-ctx.Done()
		<-undone
		return fmt.Errorf("build image lemp: packages: %w", ctx.Err())
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "image", "build", "lemp")
	seen := screen(t, cmd)
	seen("3/6 packages")
	_ = cmd.Process.Signal(os.Interrupt)
	seen("interrupted: waiting until logisd has ended it")
	close(undone)
	drawn := seen("logis: cannot build image \"lemp\": interrupted, nothing was left behind\r\n")
	if !strings.Contains(drawn, "\n\r\x1b[1A\x1b[J") {
		t.Errorf("the line is taken away from where the cursor is: %q", drawn)
	}
	// The terminal's echo of Ctrl-C moves the cursor, and a line that began elsewhere would go on into the next.
	for frame := range strings.SplitSeq(drawn, "\x1b[J") {
		if strings.HasPrefix(frame, "image") {
			t.Errorf("a line is drawn from where the cursor is: %q", frame)
		}
	}
	if got := exitStatus(cmd.Wait()); got != 1 {
		t.Errorf("exit status %d", got)
	}
}

// TestWaitOnTerminal: a wait says what it waits for, and what the site died of.
func TestWaitOnTerminal(t *testing.T) {
	m := servertest.New()
	failed := servertest.StatusOf("alice", site.Failed)
	failed.Error = "service mariadb ends at every start"
	m.Put(failed)
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "wait", "alice", "--for", "stopped")
	screen(t, cmd)("waiting until alice is stopped  0:00  service mariadb ends at every start")
	_ = cmd.Process.Signal(os.Interrupt)
	if got := exitStatus(cmd.Wait()); got != 1 {
		t.Errorf("exit status %d", got)
	}
}

// TestBuildOnNoSize: a terminal that has no size, as of script(1) without one, gets the lines of a pipe.
func TestBuildOnNoSize(t *testing.T) {
	m := servertest.New()
	m.Build = func(_ context.Context, report func(engine.Progress)) error {
		report(engine.Progress{Step: "scrub", Index: 1, Total: 1})
		return nil
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "image", "build", "lemp")
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	cmd.Stderr = slave
	err = cmd.Run()
	_ = slave.Close()
	drawn, _ := io.ReadAll(master) // EIO is its end
	if err != nil || string(drawn) != "[1/1] scrub\r\n" {
		t.Errorf("%v, drawn %q", err, drawn)
	}
}

// TestWaitingBuild: off a terminal a build that waits for another says so.
func TestWaitingBuild(t *testing.T) {
	m := servertest.New()
	errs := &noticed{written: make(chan struct{})}
	m.Build = func(_ context.Context, report func(engine.Progress)) error {
		<-errs.written
		report(engine.Progress{Step: "scrub", Index: 1, Total: 1})
		return nil
	}
	socket, _ := servertest.Serve(t, m)
	status := cli.Run(t.Context(), []string{"image", "build", "lemp"}, cli.Terminal{Out: io.Discard, Err: errs, Socket: socket})
	want := "waiting: another build of image lemp is under way, or its removal\n[1/1] scrub\n"
	if status != 0 || errs.String() != want {
		t.Errorf("status %d, stderr %q", status, errs.String())
	}
}

// noticed tells of the first write.
type noticed struct {
	bytes.Buffer
	once    sync.Once
	written chan struct{}
}

func (n *noticed) Write(p []byte) (int, error) {
	defer n.once.Do(func() { close(n.written) })
	return n.Buffer.Write(p)
}

// TestArchiveProgress: what has gone through is counted on a terminal.
func TestArchiveProgress(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	cmd := command(socket, "image", "import", "-")
	archive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	seen := screen(t, cmd)
	_, _ = archive.Write(make([]byte, 5<<10))
	seen("importing  5KiB  0:0")
	_ = archive.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestPowerOnTerminal: how many of how many, which are waited for and for which service; what came of them comes after.
func TestPowerOnTerminal(t *testing.T) {
	m := servertest.New()
	next := make(chan struct{})
	for _, name := range []string{"a", "b", "c"} {
		m.Put(servertest.StatusOf(name, site.Stopped))
	}
	m.OnStart = func(_ context.Context, name string) error {
		<-next
		if name == "a" {
			return errors.New("no such image")
		}
		return nil
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "start", "--all")
	var out bytes.Buffer
	cmd.Stdout = &out
	seen := screen(t, cmd)
	seen("starting  [>               ] 0 of 3 sites  0:00  a: waiting for mariadb")
	next <- struct{}{}
	seen("] 1 of 3 sites, 1 failed  0:0")
	next <- struct{}{}
	seen("c: waiting for mariadb")
	next <- struct{}{}
	seen("logis: cannot start \"a\": no such image\r\n")
	if got := exitStatus(cmd.Wait()); got != 1 || out.String() != "b is ready in 1.00 s\nc is ready in 1.00 s\n" {
		t.Errorf("exit status %d, stdout %q", got, out.String())
	}
}

// TestInterruptedStart: those that have had no turn keep their state, and are counted.
func TestInterruptedStart(t *testing.T) {
	m := servertest.New()
	for _, name := range []string{"a", "b", "c"} {
		m.Put(servertest.StatusOf(name, site.Stopped))
	}
	m.OnStart = func(ctx context.Context, name string) error {
		if name == "b" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "start", "a", "b", "c")
	seen := screen(t, cmd)
	seen("b: waiting for mariadb")
	_ = cmd.Process.Signal(os.Interrupt)
	seen("logis: cannot start all of them: interrupted, 1 of 3 sites done; what has begun goes on: see logis list\r\n")
	if got := exitStatus(cmd.Wait()); got != 1 {
		t.Errorf("exit status %d", got)
	}
}

// TestCreateOnTerminal: a create says which service it waits for.
func TestCreateOnTerminal(t *testing.T) {
	m := servertest.New()
	m.Hold = make(chan struct{})
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "create", "alice")
	seen := screen(t, cmd)
	<-m.Hold
	seen("creating alice  0:00  waiting for nginx, mariadb")
	_ = cmd.Process.Signal(os.Interrupt)
	seen("logis: cannot create \"alice\": interrupted, nothing was left behind\r\n")
	_ = cmd.Wait()
}

// TestPlainProgress: in a pipe, and on a terminal that cannot draw, a line says how far it is, with no control characters.
func TestPlainProgress(t *testing.T) {
	for _, where := range []string{"pipe", "dumb terminal"} {
		m := servertest.New()
		m.Put(servertest.StatusOf("a", site.Stopped))
		m.Put(servertest.StatusOf("b", site.Stopped))
		next := make(chan struct{})
		m.OnStart = func(_ context.Context, name string) error {
			if name == "b" {
				<-next
			}
			return nil
		}
		socket, _ := servertest.Serve(t, m)
		cmd := command(socket, "start", "--all")
		want := "starting, 1 of 2 sites, 0:01, b: waiting for mariadb\n"
		if where == "pipe" {
			errs, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(errs).ReadString('\n')
			if line != want {
				t.Errorf("in a pipe %q, %v", line, err)
			}
		} else {
			cmd.Env = append(cmd.Env, "TERM=dumb")
			seen := screen(t, cmd)
			want = strings.ReplaceAll(want, "\n", "\r\n")
			if drawn := seen("\n"); drawn != want {
				t.Errorf("on a dumb terminal %q", drawn)
			}
		}
		close(next)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestExportOnTerminal: how much of the image has gone, and how much that makes packed.
func TestExportOnTerminal(t *testing.T) {
	m := servertest.New()
	m.PutImage("lemp")
	next := make(chan struct{})
	m.Export = func(w io.Writer) error {
		// A frame's header, and a block of 64 KiB as they are; then the last one, of 3 bytes.
		block := "\x28\xb5\x2f\xfd\x00\x58" + "\x00\x00\x08" + strings.Repeat("x", 64<<10)
		if _, err := io.WriteString(w, block); err != nil {
			return err
		}
		<-next
		_, err := io.WriteString(w, "\x19\x00\x00abc")
		return err
	}
	socket, _ := servertest.Serve(t, m)
	cmd := command(socket, "image", "export", "lemp", "-")
	var out bytes.Buffer
	cmd.Stdout = &out
	seen := screen(t, cmd)
	seen("exporting lemp  [>               ] 64KiB of 400MiB, packed 6")
	close(next)
	if err := cmd.Wait(); err != nil || out.Len() != 6+3+64<<10+6 {
		t.Errorf("%v, %d bytes", err, out.Len())
	}
}
