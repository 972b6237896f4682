package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/logis-project/logis/internal/linux"
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
			return nil, taken(key, address)
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

// taken says who has the port of an address. Only root sees that of programs that are not its own, and root this process still
// is where it opens ports by itself.
func taken(key, address string) error {
	var holder linux.Program
	listeners, _ := linux.Listeners() // without them it is another program
	host, text, _ := net.SplitHostPort(address)
	port, _ := strconv.ParseUint(text, 10, 16)
	for _, l := range listeners {
		if l.Collides(host, uint16(port)) {
			holder = l.Holder()
			break
		}
	}
	if holder.PID == os.Getpid() {
		return fmt.Errorf("cannot listen on %s: another address of the configuration has this port already: leave one of them out of %s", address, key)
	}
	return fmt.Errorf("cannot listen on %s: %s has this port: %s; or change %s in the configuration", address, holder, holder.End(), key)
}
