package linux

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncFS writes to disk all that is pending on the file system that f lies on (syncfs(2)).
func SyncFS(f *os.File) error {
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: f.Name(), Err: err}
	}
	return nil
}
