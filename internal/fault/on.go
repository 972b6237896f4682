//go:build fault

package fault

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Point marks the place right after a step, named "operation: what was done". It returns an error, or never returns, when
// the environment says so.
func Point(step string) error {
	times, err := note(os.Getenv("LOGIS_FAULT_LOG"), step)
	if err != nil {
		return err
	}
	wanted, err := os.ReadFile(os.Getenv("LOGIS_FAULT"))
	if err != nil {
		return nil // no fault is wanted now
	}
	for line := range strings.Lines(string(wanted)) {
		at, how, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case at != step && at != fmt.Sprintf("%s#%d", step, times):
		case how == "kill":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal arrives
		default:
			return fmt.Errorf("fault after %q", step)
		}
	}
	return nil
}

// note appends a step to the log and returns how often it is in there now; without a log that is 0.
func note(path, step string) (int, error) {
	if path == "" {
		return 0, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	_, err = f.WriteString(step + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(path)
	times := 0
	for line := range strings.Lines(string(data)) {
		if line == step+"\n" {
			times++
		}
	}
	return times, err
}
