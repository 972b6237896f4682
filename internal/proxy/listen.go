package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Listen opens a listener on each address, "host:port" or ":port" (IPv4 and IPv6). key is the configuration key that
// names them, for the error. On an error none stays open.
func Listen(ctx context.Context, key string, addresses []string) (_ []net.Listener, err error) {
	var open []net.Listener
	defer func() {
		if err != nil {
			for _, l := range open {
				l.Close()
			}
		}
	}()
	config := net.ListenConfig{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4},
	}
	for _, address := range addresses {
		l, err := config.Listen(ctx, "tcp", address)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("cannot listen on %s: another program has this port: stop it or change %s in the configuration", address, key)
		case errors.Is(err, syscall.EACCES):
			return nil, fmt.Errorf("cannot listen on %s: permission denied: start as root or change %s in the configuration", address, key)
		case err != nil:
			return nil, fmt.Errorf("cannot listen on %s: %w: change %s in the configuration", address, err, key)
		}
		open = append(open, l)
	}
	return open, nil
}
