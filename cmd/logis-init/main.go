// Command logis-init is PID 1 of every container, and the way to become it: `logis-init launch` and `logis-init setup` are
// what logisd and launch start (package entry). main only wires.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/container/entry"
	"github.com/logis-project/logis/internal/guest"
)

// controlFD is the control socket that PID 1 inherits.
const controlFD = 3

func main() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	var err error
	switch mode {
	case "":
		err = run()
	case "launch":
		os.Exit(entry.Launch(os.Args[2:]))
	case "setup":
		os.Exit(entry.Setup())
	default:
		err = fmt.Errorf("unknown mode %q", mode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "logis-init:", err)
		os.Exit(1)
	}
}

// run is PID 1 of a site.
func run() error {
	// Executed by descriptor, it is named after that before Linux 6.14.
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.StringData("logis-init\x00"))), 0, 0, 0); err != nil {
		return fmt.Errorf("set process name: %w", err)
	}
	socket := os.NewFile(controlFD, "control socket")
	if socket == nil {
		return errors.New("no control socket on descriptor 3")
	}
	listener, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("use the control socket: %w", err)
	}
	// The listener has a copy of its own, which no child inherits.
	if err := socket.Close(); err != nil {
		return fmt.Errorf("close the control socket: %w", err)
	}
	logSize, _ := strconv.ParseInt(os.Getenv("LOGIS_LOG_SIZE"), 10, 64) // without it the default
	return guest.Run(context.Background(), guest.Options{Site: os.Getenv("LOGIS_SITE"), Control: listener, LogSize: logSize})
}
