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
	if path := os.Getenv("LOGIS_FAULT_LOG"); path != "" {
		if err := note(path, step); err != nil {
			return err
		}
	}
	wanted, err := os.ReadFile(os.Getenv("LOGIS_FAULT"))
	if err != nil {
		return nil // no fault is wanted now
	}
	at, how, _ := strings.Cut(string(wanted), "=")
	if at != step {
		return nil
	}
	if how == "kill" {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
	return fmt.Errorf("fault after %q", step)
}

func note(path, step string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(step + "\n")
	return errors.Join(err, f.Close())
}
