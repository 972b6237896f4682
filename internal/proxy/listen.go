package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens a listener on each address, "host:port" or ":port" (IPv4 and IPv6). key is the configuration key that
// names them, for the error. On an error none stays open.
func Listen(ctx context.Context, key string, addresses []string) (_ []Socket, err error) {
	var open []Socket
	defer func() {
		if err != nil {
			for _, l := range open {
				l.Close()
			}
		}
	}()
	config := net.ListenConfig{KeepAlive: -1} // set by the gate, also for the connections of passed sockets
	for _, address := range addresses {
		l, err := config.Listen(ctx, "tcp", address)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("cannot listen on %s: another program has this port: stop it or change %s in the configuration", address, key)
		case errors.Is(err, syscall.EACCES):
			return nil, fmt.Errorf("cannot listen on %s: %w: start as root or change %s in the configuration", address, syscall.EACCES, key)
		case err != nil:
			return nil, fmt.Errorf("cannot listen on %s: %w: change %s in the configuration", address, err, key)
		}
		tcp, ok := l.(*net.TCPListener)
		if !ok {
			l.Close()
			return nil, fmt.Errorf("cannot listen on %s: not TCP: change %s in the configuration", address, key)
		}
		open = append(open, Socket{tcp, nameOpened})
	}
	return open, nil
}
