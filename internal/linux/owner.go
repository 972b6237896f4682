package linux

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Owner returns the mode and the owner of a file below root, of a symbolic link its own (lstat(2)). The ids are the host's.
func Owner(root *os.Root, name string) (mode fs.FileMode, uid, gid uint32, err error) {
	info, err := root.Lstat(name)
	if err != nil {
		return 0, 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0, fmt.Errorf("owner of %s: not known", name)
	}
	return info.Mode(), st.Uid, st.Gid, nil
}
