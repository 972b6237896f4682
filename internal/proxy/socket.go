package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// The names of descriptors in LISTEN_FDNAMES.
const (
	nameHTTP   = "http"   // FileDescriptorName= of the sockets of [proxy] http
	nameOpened = "opened" // by a logis-proxy itself: its successor keeps it while the configuration has its address
	nameReady  = "ready"  // a pipe, on which a successor says that it serves
	nameCounts = "counts" // a pipe, on which it is told what was counted
)

// Socket is a listening socket.
type Socket struct {
	*net.TCPListener
	name string // in LISTEN_FDNAMES of a successor
}

// dup returns a descriptor of the socket that can be passed on. It stays non-blocking: that is a property of the socket,
// not of the descriptor, and with TCPListener.File this process would block in accept(2) for ever.
func (s Socket) dup() (*os.File, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(own uintptr) { fd, dupErr = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	return os.NewFile(uintptr(fd), s.name), nil
}

// Inherited is what the process was started with by the protocol of sd_listen_fds(3): listening sockets, from systemd or
// from the logis-proxy that this one replaces.
type Inherited struct {
	log     *slog.Logger
	sockets []Socket
	ready   *os.File // to the predecessor; nil without one
	counts  *os.File // from it
}

// Inherit takes the descriptors that were passed and their variables from the environment. What is not a listening TCP
// socket is closed with a warning.
func Inherit(log *slog.Logger) *Inherited {
	in := &Inherited{log: log}
	for _, f := range activation.Files(true) {
		if f.Name() == nameReady && in.ready == nil {
			in.ready = f
			continue
		}
		if f.Name() == nameCounts && in.counts == nil {
			pipe, err := pollable(f)
			if err != nil {
				log.Warn("requests are counted from nothing", "err", err)
				continue
			}
			in.counts = pipe
			continue
		}
		l, err := listener(f)
		f.Close() // listener has one of its own
		if err != nil {
			log.Warn("closed a passed descriptor that is no listening TCP socket", "name", f.Name(), "err", err)
			continue
		}
		in.sockets = append(in.sockets, Socket{l, f.Name()})
	}
	return in
}

// listener returns the listener of a passed descriptor.
func listener(f *os.File) (*net.TCPListener, error) {
	listening, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return nil, fmt.Errorf("read SO_ACCEPTCONN: %w", err)
	}
	if listening == 0 {
		return nil, errors.New("it does not listen")
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("it listens on %s", l.Addr().Network())
	}
	return tcp, nil
}

// Counts is for Options.Counts of a Server; nil without a predecessor.
func (in *Inherited) Counts() *os.File { return in.counts }

// Listen returns the sockets of proxy.http: the passed ones that are named "http" or have one of addresses, and a new one
// for each address that none was passed for. Other passed sockets are closed with a warning. Where passed sockets serve,
// an address that this process may not open is only warned of.
func (in *Inherited) Listen(ctx context.Context, addresses []string) (_ []Socket, err error) {
	var sockets []Socket
	defer func() {
		if err != nil {
			for _, s := range sockets {
				s.Close()
			}
		}
	}()
	left := in.sockets
	in.sockets = nil
	take := func(belongs func(Socket) bool) (taken int) {
		left = slices.DeleteFunc(left, func(s Socket) bool {
			if !belongs(s) {
				return false
			}
			sockets, taken = append(sockets, s), taken+1
			return true
		})
		return taken
	}
	var missing []string
	for _, address := range addresses {
		if take(func(s Socket) bool { return sameAddress(s.Addr(), address) }) == 0 {
			missing = append(missing, address)
		}
	}
	take(func(s Socket) bool { return s.name == nameHTTP })
	for _, s := range left {
		in.log.Warn("closed a passed socket that the configuration does not name", "name", s.name, "address", s.Addr())
		s.Close()
	}
	passed := len(sockets)
	for _, address := range missing {
		opened, err := Listen(ctx, "proxy.http", []string{address})
		if passed > 0 && errors.Is(err, syscall.EACCES) {
			in.log.Warn("an address is not served", "err", err)
			continue
		}
		if err != nil {
			return sockets, err
		}
		sockets = append(sockets, opened...)
	}
	return sockets, nil
}

// sameAddress reports whether a socket listens on an address of the configuration. All addresses of one family are as good
// as those of both: systemd may have been told to open a socket for each.
func sameAddress(addr net.Addr, configured string) bool {
	got, ok := addr.(*net.TCPAddr)
	want, err := net.ResolveTCPAddr("tcp", configured)
	if !ok || err != nil || want.Port == 0 || got.Port != want.Port {
		return false
	}
	plain := func(a *net.TCPAddr) netip.Addr {
		if ip := a.AddrPort().Addr().Unmap(); ip.IsValid() && !ip.IsUnspecified() {
			return ip
		}
		return netip.Addr{}
	}
	return plain(got) == plain(want)
}

// Ready tells who started this process that it serves: the logis-proxy that it replaces, else systemd, if it asked for
// that (sd_notify(3)).
func (in *Inherited) Ready() {
	if in.ready == nil {
		notify(in.log, "READY=1")
		return
	}
	// Who is gone has no need of an answer.
	_, _ = in.ready.Write([]byte{'\n'})
	in.ready.Close()
	in.ready = nil
}
