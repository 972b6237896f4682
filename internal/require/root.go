package require

import (
	"os"
	"path/filepath"
	"strings"
)

// root is the directory that the host's files are looked at in; "" is /.
type root string

func (r root) path(name string) string { return filepath.Join("/", string(r), name) }

// read returns a file without the newline at its end.
func (r root) read(name string) (string, error) {
	data, err := os.ReadFile(r.path(name))
	return strings.TrimSpace(string(data)), err
}

// has tells whether a file is there.
func (r root) has(name string) bool {
	_, err := os.Stat(r.path(name))
	return err == nil
}

// program looks for a program in PATH and where Debian has root's programs; the path is that on the host.
func (r root) program(name string) (path string, found bool) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		path := filepath.Join(dir, name)
		if !filepath.IsAbs(path) {
			continue
		}
		if info, err := os.Stat(r.path(path)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}
