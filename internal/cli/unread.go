package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errUnread ends a command whose output nobody reads any more, as in `logis list | head -1`: in silence and with the status that
// a shell shows for SIGPIPE, like git. Most often that signal itself ends it; not where it is ignored, as some programs leave it
// to those that they start, nor in a session, which has a terminal to give back.
const errUnread = statusError(128 + int(syscall.SIGPIPE))

const unreadPoll = 500 * time.Millisecond

// following runs a command that goes on with what comes. It ends when ctx does, which is how one stops it and no error, or when
// nobody reads standard output any more, which else would show at the next line only.
func (c *commandLine) following(ctx context.Context, run func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if awaitUnread(ctx, c.stdout) {
			cancel(errUnread)
		}
	}()
	err := run(ctx)
	unread := errors.Is(context.Cause(ctx), errUnread)
	cancel(nil)
	<-watched
	switch {
	case unread:
		return errUnread
	case errors.Is(err, context.Canceled):
		return nil
	}
	return err
}

// awaitUnread returns true when nobody can read what is written to a pipe or socket any more, false when ctx is done or out is
// neither: poll(2) reports POLLERR for it, asked or not.
func awaitUnread(ctx context.Context, out any) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	tick := time.NewTicker(unreadPoll)
	defer tick.Stop()
	for {
		fds := []unix.PollFd{{Fd: int32(f.Fd())}}
		if n, err := unix.Poll(fds, 0); err == nil && n == 1 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
