package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

const (
	// leftoverGrace is how long the output of a command that has ended is still waited for: a child of it may hold the
	// pipe for ever. What the command itself wrote is always in the pipe by then, and is always sent.
	leftoverGrace = time.Second
	lingerGrace   = time.Second // for the client to close after the Exit frame
	maxTerm       = 64          // bytes of TERM
)

// Exit statuses of a command that could not be started, those of the shell.
const (
	statusCannotRun = 126
	statusNotFound  = 127
)

// execution is one command that a client asked for, at work.
type execution struct {
	process *process
	conn    *net.UnixConn
	frames  *frame.Writer
	stdin   *os.File // a pipe, or the terminal
	outputs map[frame.Type]*os.File
	tty     *os.File // nil without
	broken  chan struct{}
	once    sync.Once // closes broken
}

// exec runs one command and speaks frames with the client until it has ended. A command that cannot be started is an
// Error frame and then an Exit frame with status 126, or 127 where there is no such program. When the connection breaks,
// everything in the command's session is ended.
func (g *guest) exec(ctx context.Context, conn *net.UnixConn, req control.Exec) {
	x := &execution{
		conn: conn, frames: frame.NewWriter(conn), outputs: map[frame.Type]*os.File{}, broken: make(chan struct{}),
	}
	if err := g.startExecution(ctx, x, req); err != nil {
		status := byte(statusCannotRun)
		if errors.Is(err, fs.ErrNotExist) {
			status = statusNotFound
		}
		_ = x.frames.Write(frame.Error, []byte(err.Error()))
		x.farewell(status)
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	var inputs, outputs sync.WaitGroup
	for t, f := range x.outputs {
		outputs.Go(func() { x.copyOutput(t, f) })
	}
	inputs.Go(x.readFrames)

	select {
	case <-x.process.done:
	case <-x.broken:
		if x.tty != nil {
			x.tty.Close()
		}
		hangUp(ctx, x.process.pid)
		<-x.process.done
	}
	for _, f := range x.outputs {
		_ = f.SetReadDeadline(time.Now().Add(leftoverGrace))
	}
	outputs.Wait()
	x.farewell(x.process.exitStatus())
	x.stdin.Close() // with a terminal this is the terminal
	for _, f := range x.outputs {
		f.Close()
	}
	inputs.Wait()
}

// farewell sends the Exit frame. What the client still sends has to be read for lingerGrace: closing a unix socket with
// unread bytes gives the other end ECONNRESET instead of the end of the stream.
func (x *execution) farewell(status byte) {
	_ = x.frames.Write(frame.Exit, []byte{status})
	_ = x.conn.CloseWrite()
	_ = x.conn.SetReadDeadline(time.Now().Add(lingerGrace))
}

// startExecution starts the command with its pipes or its terminal.
func (g *guest) startExecution(ctx context.Context, x *execution, req control.Exec) error {
	if ctx.Err() != nil {
		return errors.New("the site is stopping")
	}
	user, err := g.accounts.lookup(req.User)
	if err != nil {
		return err
	}
	c := command{argv: req.Command, user: user, dir: "/"}
	if req.Program != 0 {
		program, err := receiveProgram(x.conn, req.Program)
		if err != nil {
			return err
		}
		defer program.Close()
		c.program = program
	}
	if user.shell == "" {
		user.shell = "/bin/sh"
	}
	if req.Login {
		c.argv, c.arg0 = []string{user.shell}, "-"+filepath.Base(user.shell)
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return errors.New("no command was given")
	}
	if fi, err := os.Stat(user.home); err == nil && fi.IsDir() {
		c.dir = user.home
	}
	c.env = []string{"SHELL=" + user.shell}
	if req.TTY {
		term := req.Term
		if !printable(term) {
			term = "xterm"
		}
		c.env = append(c.env, "TERM="+term)
		return g.startOnTerminal(x, c, req.Rows, req.Cols)
	}
	return g.startOnPipes(x, c)
}

// printable says whether s can be a value of TERM.
func printable(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxTerm
}

func (g *guest) startOnPipes(x *execution, c command) (err error) {
	var ours []*os.File
	defer func() {
		for _, f := range ours {
			if err != nil {
				f.Close()
			}
		}
	}()
	for i, make := range []func() (*os.File, int, error){pipeTo, pipeFrom, pipeFrom} {
		f, theirs, err := make()
		if err != nil {
			return err
		}
		defer unix.Close(theirs)
		ours = append(ours, f)
		c.files[i] = theirs
		// So that the command can open /dev/stdin and the like under its own name. Best effort.
		_ = unix.Fchown(theirs, int(c.user.uid), int(c.user.gid))
	}
	if x.process, err = g.start(c); err != nil {
		return err
	}
	x.stdin, x.outputs[frame.Stdout], x.outputs[frame.Stderr] = ours[0], ours[1], ours[2]
	return nil
}

// fail says that the client has gone.
func (x *execution) fail() { x.once.Do(func() { close(x.broken) }) }

// copyOutput sends what the command writes, until its end or, once the command has ended, leftoverGrace.
func (x *execution) copyOutput(t frame.Type, f *os.File) {
	buf := make([]byte, frame.MaxPayload)
	for {
		n, err := f.Read(buf)
		if n > 0 && x.frames.Write(t, buf[:n]) != nil {
			x.fail()
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			x.drain(t, f, buf)
			return
		}
		if err != nil { // io.EOF; EIO on a terminal that nobody has open any more
			return
		}
	}
}

// drain sends what is in the pipe at this moment: the deadline may have passed while the client was slow. It ends at the
// most a pipe can hold, for a child left behind may go on writing.
func (x *execution) drain(t frame.Type, f *os.File, buf []byte) {
	_ = f.SetReadDeadline(time.Time{})
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	for left := 1 << 20; left > 0; {
		n := 0
		if raw.Read(func(fd uintptr) bool { n, err = unix.Read(int(fd), buf); return true }) != nil || err != nil || n <= 0 {
			return
		}
		if x.frames.Write(t, buf[:n]) != nil {
			x.fail()
			return
		}
		left -= n
	}
}

// signalForeground sends sig to what has the terminal, or else to the command's process group.
func (x *execution) signalForeground(sig syscall.Signal) {
	if x.tty != nil {
		if group, err := foreground(x.tty); err == nil && group > 1 {
			_ = syscall.Kill(-group, sig)
			return
		}
	}
	x.process.signalGroup(sig)
}

var errProtocol = errors.New("frame that does not belong here")

// handle acts on one frame of the client; stdin gets what is for the command.
func (x *execution) handle(t frame.Type, p []byte, stdin *inputQueue) error {
	switch t {
	case frame.Stdin:
		return stdin.put(p)
	case frame.Resize:
		rows, cols, ok := frame.ParseResize(p)
		if !ok {
			return errProtocol
		}
		if x.tty != nil {
			return resize(x.tty, rows, cols)
		}
	case frame.Signal:
		if len(p) != 1 || p[0] < 1 || p[0] > 64 {
			return errProtocol
		}
		x.signalForeground(syscall.Signal(p[0]))
	default:
		return fmt.Errorf("%w: type %q", errProtocol, byte(t))
	}
	return nil
}

// readFrames reads what the client sends, until it has gone or the command has ended. The end of what it sends alone, a
// half-closed connection, is the end of the command's input; the rest of the connection may still be wanted.
func (x *execution) readFrames() {
	stdin := newInputQueue(x)
	defer stdin.end()
	for {
		t, p, err := frame.Read(x.conn)
		if err == nil {
			err = x.handle(t, p, stdin)
		}
		if errors.Is(err, io.EOF) && stdin.put(nil) == nil {
			x.awaitHangup()
			return
		}
		if err != nil {
			x.fail()
			return
		}
	}
}
