package main

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// recordOrigin notes in the state directory which host it belongs to, as machine-id(5) tells, and says so once if that was
// another: a backup that was put back on a new machine is meant to work, a copy of the directory of a host that still runs is
// not. A host without a machine-id is not told from others.
func recordOrigin(stateDir, machineID string, log *slog.Logger) {
	here, err := os.ReadFile(machineID)
	if here = bytes.TrimSpace(here); err != nil || len(here) == 0 {
		return
	}
	file := filepath.Join(stateDir, "host")
	made, err := os.ReadFile(file)
	made = bytes.TrimSpace(made)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("read which host the state directory is of", "error", err)
	}
	if bytes.Equal(made, here) {
		return
	}
	if len(made) > 0 {
		log.Warn("the state directory was made on another host, and is this one's from here on", "state_dir", stateDir,
			"was", string(made[:min(len(made), 32)]), "is", string(here))
	}
	temp := file + ".new" // a left-over of this name is overwritten
	err = os.WriteFile(temp, append(here, '\n'), 0o600)
	if err == nil {
		err = os.Rename(temp, file)
	}
	if err != nil {
		log.Warn("note which host the state directory is of", "error", err) // a full disk, say, is no reason to serve nobody
	}
}
