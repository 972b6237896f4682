package guest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

// checkTimeout bounds one check. It is long: the first page of a site may have to wait for its database.
const checkTimeout = 15 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 10

// awaitReady checks s until it answers or ctx ends, and tells the board. A service that has not answered in its time is
// not killed: a database may be repairing itself. It is reported, and checked on.
func (g *guest) awaitReady(ctx context.Context, s *service, ready Ready, before stamp) {
	began := time.Now()
	late := false
	path := watchPath(cmp.Or(ready.Path, ready.Made))
	defer path.close()
	for {
		err := g.check(ctx, ready, before)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			g.board.update(s.index, func(b *control.Service) { b.State, b.Ready, b.Error = stateRunning, true, "" })
			return
		}
		waited := time.Since(began)
		if !late && waited > time.Duration(ready.Timeout) {
			late = true
			text := fmt.Sprintf("no answer within %v: %v", time.Duration(ready.Timeout), err)
			g.board.update(s.index, func(b *control.Service) { b.Error = text })
			s.log.note(text)
		}
		awaited := ready.Made != "" || path.absent()
		pause := checkPause(waited, len(ready.Command) > 0 && !awaited)
		if awaited && path.watched() {
			pause = max(pause, latePause) // its coming is told
		}
		select {
		case <-path.news:
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// latePause is the pause where the coming of a path is told: for a service that does not make it, though its file says so.
const latePause = 100 * time.Millisecond

// checkPause is the pause between two checks: short while most services start, long later. A check that forks (and does
// not wait for a file) takes processor time from the very service it waits for, so it pauses longer.
func checkPause(waited time.Duration, forks bool) time.Duration {
	var pause time.Duration
	switch {
	case waited < time.Second:
		pause = 2 * time.Millisecond
	case waited < 5*time.Second:
		pause = 10 * time.Millisecond
	case waited < time.Minute:
		pause = 50 * time.Millisecond
	default:
		pause = time.Second
	}
	if forks {
		pause = max(10*time.Millisecond, min(4*pause, time.Second))
	}
	return pause
}

// check asks once whether a service answers; before is what it makes as it was when it was started.
func (g *guest) check(ctx context.Context, r Ready, before stamp) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var notMade error
	if r.Made != "" {
		if notMade = checkMade(r.Made, before); notMade == nil {
			return nil
		}
	}
	switch {
	case r.HTTP.IsValid():
		return checkHTTP(ctx, r.HTTP)
	case r.Banner.IsValid():
		return checkBanner(ctx, r.Banner)
	case r.MySQL != "":
		return g.checkMySQL(ctx, r)
	case len(r.Command) > 0:
		return g.checkCommand(ctx, r)
	}
	return notMade
}

// stamp tells one making or writing of a file from another; the zero value is no file.
type stamp struct {
	ino   uint64
	mtime unix.Timespec
}

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return stamp{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return stamp{st.Ino, st.Mtim}, nil
}

// checkMade wants a file that is not as it was: the PID file that a process left which was killed says nothing.
func checkMade(path string, before stamp) error {
	now, err := stampOf(path)
	switch {
	case err != nil:
		return fmt.Errorf("ready.made: %w", err)
	case now == before:
		return fmt.Errorf("ready.made: %s is of an earlier start", path)
	}
	return nil
}

// checkHTTP asks for / and wants a complete status line of any status: a page that fails is still the web server's word.
func checkHTTP(ctx context.Context, addr netip.AddrPort) error {
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: logis-init\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return fmt.Errorf("ask http://%s/: %w", addr, err)
	}
	line, err := readLine(bufio.NewReader(io.LimitReader(conn, maxAnswer)))
	if err != nil {
		return fmt.Errorf("read the answer of http://%s/: %w", addr, err)
	}
	if !isStatusLine(line) {
		return fmt.Errorf("http://%s/ does not speak HTTP", addr)
	}
	return nil
}

// isStatusLine says whether line is a status-line of RFC 9112, section 4.
func isStatusLine(line string) bool {
	version, rest, ok := strings.Cut(line, " ")
	if !ok || (version != "HTTP/1.1" && version != "HTTP/1.0") || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return false
	}
	for _, c := range []byte(rest[:3]) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// checkBanner wants a line that starts "SSH-"; a server may send others before it (RFC 4253, section 4.2).
func checkBanner(ctx context.Context, addr netip.AddrPort) error {
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	for {
		line, err := readLine(r)
		if err != nil {
			return fmt.Errorf("read the banner of %s: %w", addr, err)
		}
		if strings.HasPrefix(line, "SSH-") {
			return nil
		}
	}
}

// readLine reads one whole line, its end taken off.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// checkCommand runs the command once its path exists; success is exit status 0.
func (g *guest) checkCommand(ctx context.Context, r Ready) error {
	if r.Path != "" {
		if _, err := os.Lstat(r.Path); err != nil {
			return err
		}
	}
	user, err := g.accounts.lookup(r.User)
	if err != nil {
		return err
	}
	null, err := openNull()
	if err != nil {
		return err
	}
	defer unix.Close(null)
	output, theirs, err := pipeFrom()
	if err != nil {
		return err
	}
	defer output.Close()
	p, err := g.start(command{argv: r.Command, user: user, dir: "/", files: [3]int{null, theirs, theirs}})
	unix.Close(theirs)
	if err != nil {
		return err
	}
	words := make(chan string, 1)
	go func() {
		// What it says is kept for the error; the rest is read too, so that it never blocks.
		var head bytes.Buffer
		_, _ = io.CopyN(&head, output, maxError)
		_, _ = io.Copy(io.Discard, output)
		words <- head.String()
	}()
	select {
	case <-p.done:
	case <-ctx.Done():
		p.signalGroup(syscall.SIGKILL)
		<-p.done
	}
	_ = output.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // a child of it may keep the pipe open
	said := <-words
	if p.status.ExitStatus() != 0 {
		return fmt.Errorf("%s: %s: %s", r.Command[0], p.describe(), said)
	}
	return nil
}
