package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Halt is the wish that no site runs until the next boot of the host, whatever the records say: a shutdown, or maintenance. It
// is a file that holds the id of this boot, and so ends with it also where run_dir outlives a reboot.
type Halt struct{ path string }

// bootID is different after every boot of the host (random(4), proc/sys/kernel/random).
const bootID = "/proc/sys/kernel/random/boot_id"

// NewHalt keeps the wish in the file "halted" of runDir.
func NewHalt(runDir string) *Halt { return &Halt{filepath.Join(runDir, "halted")} }

// Wanted tells whether sites are to stay down.
func (h *Halt) Wanted() (bool, error) {
	said, err := os.ReadFile(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read whether sites are halted: %w", err)
	}
	boot, err := os.ReadFile(bootID)
	if err != nil {
		return false, fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(said)) == strings.TrimSpace(string(boot)), nil
}

// Set makes the wish. It is idempotent.
func (h *Halt) Set() error {
	boot, err := os.ReadFile(bootID)
	if err != nil {
		return fmt.Errorf("read boot id: %w", err)
	}
	if err := renameio.WriteFile(h.path, boot, 0o600); err != nil {
		return fmt.Errorf("record that sites are halted: %w", err)
	}
	return nil
}

// Clear takes the wish back. It is idempotent.
func (h *Halt) Clear() error {
	if err := os.Remove(h.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("record that sites are no longer halted: %w", err)
	}
	return nil
}
