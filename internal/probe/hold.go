package probe

import (
	"fmt"
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// Hold is the neighbour's part: it holds what the other site tries to reach, until stop is called.
func Hold(scene Scene) (stop func(), err error) {
	l, err := net.Listen("unix", "@"+scene.Socket)
	if err != nil {
		return nil, fmt.Errorf("hold an abstract socket: %w", err)
	}
	if scene.SharedMemory != 0 { // it goes with the site
		if _, err := unix.SysvShmGet(scene.SharedMemory, 4096, unix.IPC_CREAT|0o666); err != nil {
			return nil, fmt.Errorf("make shared memory: %w", err)
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	datagrams, err := net.ListenPacket("udp", ":"+strconv.Itoa(echoPort))
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("hold a port for datagrams: %w", err)
	}
	go func() {
		for {
			_, from, err := datagrams.ReadFrom(make([]byte, 16))
			if err != nil {
				return
			}
			_, _ = datagrams.WriteTo([]byte("hello"), from)
		}
	}()
	return func() { l.Close(); datagrams.Close() }, nil
}
