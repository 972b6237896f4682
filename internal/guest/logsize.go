package guest

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

// tune takes new settings and answers with those in force.
func (g *guest) tune(t control.Tune) control.Tune {
	if t.LogBytes < minLogSize {
		return control.Tune{LogBytes: g.logSize()}
	}
	g.tuned.Store(t.LogBytes) // first: a log that is made meanwhile has it
	for _, l := range g.logsOf("") {
		l.resize(t.LogBytes)
	}
	return t
}

// logSize is the size of logs in force.
func (g *guest) logSize() int64 {
	if n := g.tuned.Load(); n != 0 {
		return n
	}
	return g.opts.LogSize
}

// resize bounds the log anew, and at once: of what is too much the end is kept, or where there is no room for the copy nothing.
func (l *serviceLog) resize(size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.half = size / 2
	if fi, err := os.Lstat(l.path); err == nil && fi.Size() > l.half && !l.closed {
		if l.file != nil {
			_ = l.file.Close()
			l.file = nil
		}
		if os.Rename(l.path, l.path+".1") != nil {
			return
		}
	}
	if err := keepTail(l.path+".1", l.half); err != nil {
		_ = os.Remove(l.path + ".1")
	}
}

// keepTail cuts a file to the whole lines among its last bytes, by a copy beside it.
func keepTail(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.Size() <= size {
		return err
	}
	tail := bufio.NewReader(io.NewSectionReader(f, fi.Size()-size, size))
	for { // it begins inside a line
		_, err := tail.ReadSlice('\n')
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	shorter := path + ".cut"
	_ = os.Remove(shorter)
	out, err := os.OpenFile(shorter, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, fi.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, tail)
	err = errors.Join(err, copyGroup(out, fi), out.Close())
	if err == nil {
		err = os.Rename(shorter, path)
	}
	if err != nil {
		_ = os.Remove(shorter)
	}
	return err
}

// copyGroup gives a file the group that may read the one it replaces.
func copyGroup(f *os.File, like fs.FileInfo) error {
	return f.Chown(0, int(like.Sys().(*syscall.Stat_t).Gid))
}
