package guest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

// programTimeout bounds how long an executable may take to arrive.
const programTimeout = 30 * time.Second

// receiveProgram takes an executable from the connection into memory, where no path leads to it, and seals it: what runs is
// what came.
func receiveProgram(conn net.Conn, size int64) (_ *os.File, err error) {
	if size < 0 || size > control.MaxProgram {
		return nil, fmt.Errorf("receive the program: %w", control.ErrTooLong)
	}
	// MFD_EXEC is since Linux 6.3, where a sysctl may make it needed (memfd_create(2)).
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("program", flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate("program", flags)
	}
	if err != nil {
		return nil, fmt.Errorf("make room for the program: %w", err)
	}
	f := os.NewFile(uintptr(fd), "program")
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(programTimeout))
	if _, err := io.CopyN(f, conn, size); err != nil {
		return nil, fmt.Errorf("receive the program: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	if err := unix.Fchmod(fd, 0o555); err != nil {
		return nil, fmt.Errorf("make the program executable: %w", err)
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	if err != nil {
		return nil, fmt.Errorf("seal the program: %w", err)
	}
	return f, nil
}
