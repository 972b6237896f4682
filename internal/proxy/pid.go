package proxy

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
)

// pidFile names the process that serves: who signals it need not know how often it was replaced.
type pidFile struct {
	path string
	log  *slog.Logger
}

// write names this process.
func (f pidFile) write() {
	pid := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := renameio.WriteFile(f.path, pid, 0o644, renameio.WithTempDir(filepath.Dir(f.path))); err != nil {
		f.log.Error("process id is not written", "err", err)
	}
}

// remove removes the file unless it names another process.
func (f pidFile) remove() {
	content, err := os.ReadFile(f.path)
	if err == nil && strings.TrimSpace(string(content)) == strconv.Itoa(os.Getpid()) {
		os.Remove(f.path)
	}
}
