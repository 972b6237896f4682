package linux

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// PlaceRoot attaches a detached mount somewhere in this mount namespace, as pivot_root(2) wants it. Any directory will do, since
// PivotTo lets go of it; /tmp can be reached by all ids.
func PlaceRoot(root *os.File) error {
	at, err := os.OpenFile("/tmp", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a place for the root: %w", err)
	}
	defer at.Close()
	return Attach(root, at)
}

// PivotTo makes an attached mount the root of this mount namespace and lets go of the old one. The mounts must be private.
func PivotTo(root *os.File) error {
	if err := unix.Fchdir(int(root.Fd())); err != nil {
		return fmt.Errorf("enter the root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	// The old root now lies on top of the new one (pivot_root(2), NOTES).
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("enter the root: %w", err)
	}
	return nil
}
