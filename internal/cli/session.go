package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

// session runs a command in a site with this process's standard streams. Its error is the command's status, unless it
// could not be run.
func (c *commandLine) session(ctx context.Context, name string, req api.ExecRequest) (err error) {
	ctx = context.WithoutCancel(ctx) // Ctrl-C is for the command: signals are passed on below

	signals := make(chan os.Signal, 16)
	// SIGPIPE too: it would end logis before the terminal is given back. The write that raised it fails, which Wait tells.
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGWINCH, syscall.SIGPIPE)
	defer signal.Stop(signals)

	fd, onTerminal := terminal(c.In)
	onTerminal = onTerminal && req.TTY
	if req.TTY {
		req.Term = c.Term
		req.Rows, req.Cols = windowSize(fd, onTerminal)
	}
	s, err := c.logisd().Exec(ctx, name, req)
	if err != nil {
		return cannot(err, "run in %q", name)
	}
	defer s.Close()

	if onTerminal {
		old, err := term.MakeRaw(fd)
		if err != nil {
			return fmt.Errorf("cannot run in %q: set the terminal to raw: %w", name, err)
		}
		defer func() { _ = term.Restore(fd, old) }() // also when this goroutine panics
	}
	gone := make(chan struct{})
	go func() { // ends with the process: a read of standard input cannot be cancelled
		// A raw terminal has no end of file: that, or an error, is a terminal that has gone away (tty_hangup, EIO of a pty). The
		// kernel sends no SIGHUP where it is not the controlling terminal.
		if feed(s, c.In); onTerminal {
			close(gone)
		} else {
			_ = s.CloseStdin()
		}
	}()

	type end struct {
		status int
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		status, err := s.Wait(c.Out, c.Err)
		ended <- end{status, err}
	}()
	for {
		select {
		case e := <-ended:
			switch {
			case errors.Is(e.err, syscall.EPIPE) && c.unread():
				return errUnread
			case errors.Is(e.err, syscall.EIO) && onTerminal: // it was writing when its terminal went away
				return hangUp(s, syscall.SIGHUP)
			}
			return outcome(name, e.status, e.err)
		case <-gone:
			return hangUp(s, syscall.SIGHUP)
		case sig := <-signals:
			n := sig.(syscall.Signal)
			switch {
			case n == syscall.SIGWINCH && onTerminal:
				_ = s.Resize(windowSize(fd, true)) // a lost connection shows in Wait
			case n == syscall.SIGWINCH, n == syscall.SIGPIPE:
			case onTerminal && n != syscall.SIGINT && n != syscall.SIGQUIT:
				// The terminal's keys arrive as bytes; this is someone else ending logis. Closing hangs the command up.
				return hangUp(s, n)
			default:
				_ = s.Signal(n)
			}
		}
	}
}

// hangUp closes a session, which ends what still runs in it, and returns the status of a command that a signal ended.
func hangUp(s *client.Session, n syscall.Signal) error {
	_ = s.Close()
	return statusError(128 + int(n))
}

// outcome turns the end of a session into the error that exitStatus understands.
func outcome(name string, status int, err error) error {
	var start *client.StartError
	switch {
	case errors.As(err, &start):
		return fmt.Errorf("cannot run in %q: %w", name, &client.StartError{Text: whyUnstarted(start.Text), Status: start.Status})
	case err != nil:
		return fmt.Errorf("the command in %q may still run: %w", name, err)
	case status != 0:
		return statusError(status)
	}
	return nil
}

// whyUnstarted takes out of the site's words what the line says already: "run no-such: command not found: file does not
// exist" is "no-such: command not found".
func whyUnstarted(text string) string {
	text = strings.TrimPrefix(text, "run ")
	if short, ok := strings.CutSuffix(text, ": "+fs.ErrNotExist.Error()); ok && strings.HasSuffix(short, ": command not found") {
		return short
	}
	return text
}

// feed copies standard input to the command until it ends.
func feed(s *client.Session, in io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if _, err := s.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// windowSize returns the terminal's size, or the classic one where there is no terminal.
func windowSize(fd int, onTerminal bool) (rows, cols uint16) {
	if onTerminal {
		if w, h, err := term.GetSize(fd); err == nil && w > 0 && h > 0 {
			return uint16(h), uint16(w)
		}
	}
	return 24, 80
}
