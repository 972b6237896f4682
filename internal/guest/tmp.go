package guest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// emptyTmp empties the directory of temporary files and makes it writable for all. What is in it is moved aside, one
// rename an entry, and deleted while the services start: a deep tree does not delay them, and nothing of theirs is
// deleted. Links are removed, never followed.
func (g *guest) emptyTmp(ctx context.Context) error {
	dir := g.opts.Tmp
	if fi, err := os.Lstat(dir); err == nil && !fi.IsDir() {
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	var modeErr error // a full disk refuses it; there is the more reason to delete
	if st.Mode&0o7777 != 0o1777 {
		modeErr = unix.Fchmod(fd, 0o1777)
	}
	trash, err := moveAside(dir)
	if err = errors.Join(modeErr, err); trash == "" {
		return err
	}
	// Run does not wait for this one: a stop must not wait for a million files, and PID 1's end is its end. What is
	// left is moved aside at the next start.
	go func() {
		if ctx.Err() == nil {
			_ = os.RemoveAll(trash)
		}
	}()
	return err
}

// moveAside moves all entries of dir into a new directory in it, and returns that; "" when dir was empty. An entry that
// cannot be moved is deleted on the spot; one that cannot be deleted either stays.
func moveAside(dir string) (trash string, err error) {
	stuck := map[string]bool{}
	for {
		names, err := someNames(dir, 256+len(stuck))
		if err != nil {
			return trash, err
		}
		moved := 0
		for _, name := range names {
			path := filepath.Join(dir, name)
			if path == trash || stuck[name] {
				continue
			}
			moved++
			if trash == "" {
				// Fails on a full disk; then every entry is deleted on the spot.
				trash, _ = os.MkdirTemp(dir, ".logis-old-")
			}
			if trash != "" && os.Rename(path, filepath.Join(trash, name)) == nil {
				continue
			}
			if os.RemoveAll(path) != nil {
				stuck[name] = true
			}
		}
		if moved == 0 {
			return trash, nil
		}
	}
}

func someNames(dir string, n int) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}
