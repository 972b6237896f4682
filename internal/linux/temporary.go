package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// RemoveTemporary removes what a process that died left of a file that it was about to put in place by rename(2): files
// beside path whose name is a dot, the name of path and digits, as package renameio makes them. Nobody may be writing path.
func RemoveTemporary(path string) error {
	dir, name := filepath.Split(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for temporary files: %w", err)
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), "."+name)
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" || !e.Type().IsRegular() {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
