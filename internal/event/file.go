package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

const defaultSize = 1 << 20 // bytes of the file before it is rotated: about 7,000 events

// file is the events on disk, a JSON object a line: path, and what was there before it grew to limit, path.1.
type file struct {
	path    string // "" is no file
	limit   int64  // bytes
	f       *os.File
	size    int64
	torn    bool // the file does not end with a line's end
	failing bool // the last line could not be written
}

// read calls each for the events on disk, oldest first. Lines that are none are left out: the end of a line that a power
// cut tore, noise.
func (d *file) read(each func(Event)) error {
	var errs []error
	for _, path := range []string{d.path + ".1", d.path} {
		data, err := tail(path, d.limit)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("read %s: %w", path, err))
		}
		parse(data, each)
	}
	return errors.Join(errs...)
}

// parse calls each for the events in data.
func parse(data []byte, each func(Event)) {
	for text := range bytes.Lines(data) {
		var e Event
		if json.Unmarshal(text, &e) != nil || e.Time.IsZero() {
			continue
		}
		if e, ok := tidy(e); ok {
			each(e)
		}
	}
}

// tail returns the last bytes of a file, at most limit: it can be larger when the limit was another.
func tail(path string, limit int64) ([]byte, error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if over := info.Size() - limit; over > 0 {
		if _, err := f.Seek(over, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// openFile opens a regular file, waiting for nobody at the other end of what is none.
func openFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, errors.Unwrap(err) // the path is the caller's to say
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// open opens the file to append to it.
func (d *file) open() error {
	f, err := openFile(d.path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return fmt.Errorf("open %s: %w", d.path, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open %s: %w", d.path, err)
	}
	d.f, d.size = f, info.Size()
	last := []byte{'\n'}
	if d.size > 0 {
		_, err = f.ReadAt(last, d.size-1)
	}
	d.torn = err != nil || last[0] != '\n'
	return nil
}

// add appends an event. After an error the file holds whole lines still, or the next line begins anew.
func (d *file) add(e Event) (err error) {
	if d.path == "" {
		return nil
	}
	defer func() { d.failing = err != nil }()
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	text = append(text, '\n')
	if d.f == nil {
		if err := d.open(); err != nil {
			return err
		}
	}
	if d.size > 0 && d.size+int64(len(text)) > d.limit {
		if err := d.rotate(); err != nil {
			return err
		}
	}
	if d.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := d.f.Write(text)
	d.size += int64(n)
	if err != nil {
		d.torn = d.torn || n > 0
		return fmt.Errorf("write %s: %w", d.path, err)
	}
	d.torn = false
	return nil
}

// rotate makes the file the one before, and begins a new one.
func (d *file) rotate() error {
	if err := os.Rename(d.path, d.path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate %s: %w", d.path, errors.Unwrap(err))
	}
	_ = d.close() // its lines are written: to be closed it needs no disk
	return d.open()
}

func (d *file) close() error {
	if d.f == nil {
		return nil
	}
	err := d.f.Close()
	d.f = nil
	return err
}
