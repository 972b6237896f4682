package guest

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// pathWatch tells when a path comes or has been written (inotify(7)). Looking every few milliseconds would take from the
// services that start: each look wakes PID 1's whole runtime.
type pathWatch struct {
	path string
	news chan struct{} // holds one word that it came; nil where nothing is watched
	file *os.File
	done chan struct{}
}

// watchPath watches for path, from now on; "" is none. Where the kernel has no more of it, or the directory is not there yet,
// nothing is watched.
func watchPath(path string) *pathWatch {
	w := &pathWatch{path: path}
	if path == "" {
		return w
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	file := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_CREATE|unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_ONLYDIR); err != nil {
		_ = file.Close()
		return w
	}
	w.file, w.news, w.done = file, make(chan struct{}, 1), make(chan struct{})
	go w.run()
	return w
}

func (w *pathWatch) run() {
	defer close(w.done)
	var events [4096]byte // at least one of the longest name fits
	for {
		n, err := w.file.Read(events[:])
		if err != nil {
			return
		}
		if !names(events[:n], filepath.Base(w.path)) {
			continue // whoever writes beside it must not make PID 1 ask without a pause
		}
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

// names says whether one of the events is of a name, or says that some were lost.
func names(events []byte, name string) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		if end > len(events) {
			return true
		}
		came, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:end], []byte{0})
		if string(came) == name || mask&unix.IN_Q_OVERFLOW != 0 {
			return true
		}
		events = events[end:]
	}
	return false
}

// absent says that there is a path to come.
func (w *pathWatch) absent() bool {
	if w.path == "" {
		return false
	}
	_, err := os.Lstat(w.path)
	return err != nil
}

func (w *pathWatch) watched() bool { return w.news != nil }

func (w *pathWatch) close() {
	if w.watched() {
		_ = w.file.Close() // wakes the reader
		<-w.done
	}
}
