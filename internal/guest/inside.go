package guest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
)

// The socket for the site's own people is another than the host's, and its requests are no control.Request: whatever is
// written to it, PID 1 gives nobody more than what the table in insidecmd.go has.
const (
	insideSocket   = "services" // in Options.Run
	maxInside      = 24         // connections at a time, of them
	maxOfOthers    = 12         // of users that are neither root nor the owner, and
	maxOfUser      = 6          // of one of these
	maxWords       = 4 << 10    // bytes of a request
	insideTimeout  = 10 * time.Second
	overflowedUser = 65534 // whom the kernel names where a user has no number in the site (user_namespaces(7))
)

// serveInside begins to serve the socket of the site's own people; nil where there cannot be one.
func (g *guest) serveInside(ctx context.Context) *server {
	path := filepath.Join(g.opts.Run, insideSocket)
	_ = os.Remove(path)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		err = os.Chmod(path, 0o666) // who may do what is asked of each request
	}
	if err != nil {
		g.complain(fmt.Sprintf("the command services does not work: %v", err))
		return nil
	}
	s := newServer(l, g.admitInside, g.answerInside)
	g.after.Go(func() { s.serve(ctx) })
	return s
}

// admitInside admits a connection with the user that made it. Those of others than root and the owner are few, so that they
// cannot keep these out.
func (g *guest) admitInside(conn net.Conn, open map[net.Conn]int64) (uid int64, ok bool) {
	uid, err := userOf(conn)
	if err != nil {
		return nobody, false
	}
	if g.trusts(uid) {
		return uid, len(open) < maxInside
	}
	others, same := 0, 0
	for _, other := range open {
		if !g.trusts(other) {
			others++
		}
		if other == uid {
			same++
		}
	}
	return uid, others < maxOfOthers && same < maxOfUser
}

// userOf asks the kernel who connected (SO_PEERCRED, unix(7)); the number is one of PID 1's own user namespace.
func userOf(conn net.Conn) (int64, error) {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return nobody, errors.New("not a unix socket")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nobody, err
	}
	var cred *unix.Ucred
	if controlErr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); controlErr != nil {
		return nobody, controlErr
	}
	if err != nil {
		return nobody, fmt.Errorf("ask who connected: %w", err)
	}
	return int64(cred.Uid), nil
}

// trusts says whether a user may do with services what root may: root, and the owner, who is root by sudo anyway.
func (g *guest) trusts(uid int64) bool {
	if uid == 0 {
		return true
	}
	owner, err := g.accounts.lookup(g.opts.Site)
	return err == nil && uid == int64(owner.uid) && uid != overflowedUser
}

// answerInside serves one connection: the words of a command, then frames of what it prints, the last one its exit status.
func (g *guest) answerInside(ctx context.Context, s *server, conn net.Conn, uid int64) {
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout))
	words, err := readWords(conn)
	if err != nil {
		return
	}
	s.patient(conn)
	a := &answer{frames: frame.NewWriter(deadlined{conn}), conn: conn, trusted: g.trusts(uid), uid: uid}
	status := g.obeyWords(ctx, a, words)
	_ = a.frames.Write(frame.Exit, []byte{status})
}

// readWords reads a request: a length (4 bytes, big endian) and that many bytes, the words with a NUL between each two.
func readWords(r io.Reader) ([]string, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxWords {
		return nil, errors.New("request too long")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	if n == 0 {
		return nil, nil
	}
	return strings.Split(string(body), "\x00"), nil
}

// deadlined is a connection whose reader has insideTimeout for each write.
type deadlined struct{ net.Conn }

func (d deadlined) Write(p []byte) (int, error) {
	_ = d.SetWriteDeadline(time.Now().Add(insideTimeout))
	return d.Conn.Write(p)
}

// answer is a command that somebody in the site gave, at work.
type answer struct {
	frames  *frame.Writer
	conn    net.Conn
	uid     int64
	trusted bool
}

func (a *answer) print(text string) { _ = a.frames.Write(frame.Stdout, []byte(text)) }

// fail prints why something was not done, in one line, and returns the exit status.
func (a *answer) fail(status byte, format string, args ...any) byte {
	_ = a.frames.Write(frame.Stderr, []byte("services: "+harmless(fmt.Sprintf(format, args...))+"\n"))
	return status
}
