package probe

import (
	"fmt"
	"net"
)

// Hold is the neighbour's part: it holds what the other site tries to reach, until stop is called.
func Hold(scene Scene) (stop func(), err error) {
	l, err := net.Listen("unix", "@"+scene.Socket)
	if err != nil {
		return nil, fmt.Errorf("hold an abstract socket: %w", err)
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
	return func() { l.Close() }, nil
}
