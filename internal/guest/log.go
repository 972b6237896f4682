package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

const (
	defaultLogSize = 2 << 20  // bytes of NAME.log and NAME.log.1 together
	minLogSize     = 64 << 10 // half of it holds a few of the longest lines
	maxLine        = 8 << 10  // bytes of a line; the rest of it is cut
	// stampLayout is RFC 3339 with all nine digits, in UTC: lines sort by it.
	stampLayout = "2006-01-02T15:04:05.000000000Z07:00"
)

// serviceLog takes the output of one service through a pipe that lives as long as PID 1, so every run of the service and
// every child it leaves behind writes to the same one. A disk that is full loses lines and stops nothing. A line of the
// file is a time, a space and the text.
type serviceLog struct {
	name, path string
	gid        int // group of the file
	input      int // the end that the service writes to, blocking
	output     *os.File

	mu      sync.Mutex
	half    int64    // bytes of the log before it becomes NAME.log.1
	file    *os.File // nil until the first line
	dropped int      // lines lost since the last that was written
	closed  bool     // the last line has been written
	readers map[chan control.LogLine]bool
}

// newServiceLog makes the pipe; the file comes with the first line.
func newServiceLog(dir, name string, size int64) (*serviceLog, error) {
	output, input, err := pipeFrom()
	if err != nil {
		return nil, err
	}
	return &serviceLog{
		name: name, path: filepath.Join(dir, name+".log"), input: input, output: output,
		half: size / 2, readers: map[chan control.LogLine]bool{},
	}, nil
}

// run copies the pipe to the file until close.
func (l *serviceLog) run() {
	splitLines(l.output, l.append)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for r := range l.readers {
		close(r)
	}
	l.readers = nil
	if l.file != nil {
		_ = l.file.Close() // nothing is buffered
	}
}

// close makes run write what the pipe still holds and return.
func (l *serviceLog) close() {
	unix.Close(l.input)
	_ = l.output.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // someone else may hold the other end
}

// note adds a line of PID 1's own.
func (l *serviceLog) note(text string) { l.append([][]byte{[]byte("logis: " + oneLine(text))}) }

// append stamps lines, writes them at once and hands them to the readers.
func (l *serviceLog) append(lines [][]byte) {
	stamp := time.Now().UTC().Format(stampLayout)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	var batch bytes.Buffer
	if l.dropped > 0 {
		fmt.Fprintf(&batch, "%s logis: %d lines were dropped: the disk was full\n", stamp, l.dropped)
	}
	waiting := 0 // lines in batch
	flush := func() {
		if err := l.write(batch.Bytes()); err != nil {
			l.dropped += waiting
		} else {
			l.dropped = 0
		}
		batch.Reset()
		waiting = 0
	}
	for _, line := range lines {
		// The stamps can make many times of what was read: a read of nothing but line ends.
		if batch.Len() > 0 && int64(batch.Len()+len(stamp)+len(line)+2) > l.half {
			flush()
		}
		batch.WriteString(stamp)
		batch.WriteByte(' ')
		batch.Write(line)
		batch.WriteByte('\n')
		waiting++
	}
	flush()
	for r := range l.readers {
		for _, line := range lines {
			select {
			case r <- control.LogLine{Time: stamp, Service: l.name, Text: string(line)}:
			default: // a reader that does not keep up misses lines; the file has them
			}
		}
	}
}

// write adds batch to the file whole or not at all.
func (l *serviceLog) write(batch []byte) error {
	if err := l.open(); err != nil {
		return err
	}
	fi, err := l.file.Stat()
	if err != nil {
		return err
	}
	if fi.Size()+int64(len(batch)) > l.half {
		if err := l.rotate(); err != nil {
			return err
		}
		if fi, err = l.file.Stat(); err != nil {
			return err
		}
	}
	if _, err := l.file.Write(batch); err != nil {
		return errors.Join(err, l.file.Truncate(fi.Size()))
	}
	return nil
}

// open opens the file, also when the owner has deleted it: the bytes of a deleted file would stay on the disk.
func (l *serviceLog) open() error {
	if l.file != nil {
		if fi, err := l.file.Stat(); err == nil && fi.Sys().(*syscall.Stat_t).Nlink > 0 {
			return nil
		}
		_ = l.file.Close()
		l.file = nil
	}
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(l.path, flags, 0o640)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(l.path), 0o755); err == nil {
			f, err = os.OpenFile(l.path, flags, 0o640)
		}
	}
	if err != nil {
		return err
	}
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return errors.Join(errors.New("not a regular file"), f.Close())
	}
	_ = f.Chown(0, l.gid) // only for who may read it
	l.file = f
	return nil
}

func (l *serviceLog) rotate() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return err
	}
	_ = l.file.Close()
	l.file = nil
	return l.open()
}

// splitLines reads r to its end and calls add with the whole lines of each read, cut to maxLine. A last line without end
// counts.
func splitLines(r io.Reader, add func([][]byte)) {
	chunk := make([]byte, 16<<10)
	var rest []byte // of a line whose end has not been read
	cutting := false
	for {
		n, err := r.Read(chunk)
		var lines [][]byte
		for data := chunk[:n]; len(data) > 0; {
			part, after, whole := bytes.Cut(data, []byte{'\n'})
			data = after
			if !cutting {
				keep := min(len(part), maxLine-len(rest))
				cutting = keep < len(part)
				rest = append(rest, part[:keep]...)
			}
			if whole {
				lines = append(lines, bytes.TrimSuffix(rest, []byte{'\r'}))
				rest, cutting = nil, false
			}
		}
		if err != nil && len(rest) > 0 {
			lines = append(lines, rest)
		}
		if len(lines) > 0 {
			add(lines)
		}
		if err != nil {
			return
		}
	}
}
