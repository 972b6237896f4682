package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/logis-project/logis/api"
)

// The alternate screen keeps what was on the terminal; the cursor would blink in the table.
const (
	openScreen  = "\x1b[?1049h\x1b[?25l"
	closeScreen = "\x1b[?25h\x1b[?1049l"
)

// errQuit says that the user has seen enough.
var errQuit = errors.New("q")

// watchStats redraws the table until ctx is done or q is typed, which is how one ends it, and leaves the last one on the terminal.
// A terminal that changes its size is drawn anew at once.
func (c *commandLine) watchStats(ctx context.Context, names []string, order string) error {
	before, err := c.logisd().Stats(ctx, names...)
	if err != nil {
		return err
	}
	ctx, quit := context.WithCancelCause(ctx)
	defer quit(nil)
	defer c.keys(func(key byte) {
		if key == 'q' || key == 'Q' {
			quit(errQuit)
		}
	})()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	now := before
	c.printf("%s", openScreen)
	for span := firstSpan; err == nil; span = statsSpan {
		due := time.NewTimer(span)
		for drawn := false; !drawn && err == nil; {
			width, height := c.size() // the last column stays empty: some terminals wrap after it
			if err = c.draw(screen(c.statsLines(before, now, order, max(width-1, 1)), now, width, height)); err != nil {
				break
			}
			select {
			case <-due.C:
				drawn = true
			case <-resized:
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		due.Stop()
		if err != nil {
			break
		}
		next, nextErr := c.logisd().Stats(ctx, names...)
		if err = nextErr; err == nil {
			before, now = now, next
		}
	}
	c.printf("%s", closeScreen)
	if !errors.Is(err, errQuit) && !errors.Is(err, context.Canceled) {
		return err
	}
	width, _ := c.size()
	for _, line := range c.statsLines(before, now, order, max(width-1, 1)) {
		c.printf("%s\n", line)
	}
	return nil
}

// draw writes a frame; an error is that of a terminal that has gone away.
func (c *commandLine) draw(frame string) error {
	_, err := fmt.Fprint(c.Out, frame)
	return err
}

// size is that of the terminal, the classic 80 times 24 where it does not say.
func (c *commandLine) size() (width, height int) {
	if fd, ok := terminal(c.stdout); ok {
		if w, h, err := term.GetSize(fd); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// screen draws the lines of a table, its head first, over what the screen showed, and a last line that says what it is. Sites that
// find no place are counted; a screen of three lines or less is the table's alone.
func screen(rows []string, now api.Stats, width, height int) string {
	last := fmt.Sprintf("%s, %s: q ends", count(len(now.Sites), "site"), now.At.Local().Format("15:04:05"))
	if len(now.Sites) == 0 {
		rows = []string{shorten(noSites, width-1)}
	}
	if height > 3 {
		if room := height - 2; len(rows) > room {
			last = fmt.Sprintf("%d more, ", len(rows)-room) + last
			rows = rows[:room]
		}
		rows = append(rows, "", shorten(last, width-1))
	}
	rows = rows[:min(len(rows), height)]
	return "\x1b[H" + strings.Join(rows, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// keys calls pressed for every key that is typed at the terminal, which does not show it, until it is restored or is gone.
// Ctrl-C stays a signal. restore puts the terminal back.
func (c *commandLine) keys(pressed func(byte)) (restore func()) {
	fd, ok := terminal(c.In)
	if !ok {
		return func() {}
	}
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	own := *old
	own.Lflag &^= unix.ICANON | unix.ECHO
	own.Cc[unix.VMIN], own.Cc[unix.VTIME] = 1, 0
	wake, end, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &own) // then q wants an Enter after it
	read := make(chan struct{})
	go func() {
		defer close(read)
		pollKeys(fd, int(wake.Fd()), pressed)
	}()
	return func() {
		end.Close()
		<-read
		wake.Close()
		_ = unix.IoctlSetTermios(fd, unix.TCSETS, old) // of a terminal that is gone there is nothing to put back
	}
}

// pollKeys reads from a terminal until the other end of wake is closed.
func pollKeys(fd, wake int, pressed func(byte)) {
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if ready[1].Revents != 0 {
			return
		}
		if ready[0].Revents == 0 {
			continue
		}
		var key [1]byte
		if n, err := unix.Read(fd, key[:]); n < 1 && !errors.Is(err, unix.EINTR) {
			return
		} else if n == 1 {
			pressed(key[0])
		}
	}
}
