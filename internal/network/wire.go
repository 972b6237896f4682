package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// wireTime bounds the wait for a frame that marks the end.
const wireTime = 5 * time.Second

// wireTries is how often the mark is sent: other traffic may push it out of a buffer.
const wireTries = 3

// marks are numbered, so that each is another frame.
var marks atomic.Uint32

// Send puts a frame of a site's on its eth0 from within its network namespace, as a raw socket there would, and says where it
// arrives. other is the site beside it. An honest frame after it shows that those that watch are not blind: without that,
// an error.
func (n *Network) Send(f Frame, p Port, site *os.File, other Port, otherSite *os.File) (seen string, err error) {
	linux.OnOwnThread(func() {
		// Each processor has a queue of its own for what leaves a veth: from one, frames arrive in the order they were sent.
		if err = linux.StayHere(); err == nil {
			seen, err = n.send(f.at, n.ends(p, other), site, otherSite)
		}
	})
	return seen, err
}

func (n *Network) send(at int, e ends, site, otherSite *os.File) (string, error) {
	from, err := openWire(site, "eth0")
	if err != nil {
		return "", err
	}
	defer from.close()
	host, err := openWire(nil, n.bridgeName()) // sees what the bridge hands to the host
	if err != nil {
		return "", err
	}
	defer host.close()
	beside, err := openWire(otherSite, "eth0")
	if err != nil {
		return "", err
	}
	defer beside.close()

	frame := e.frames()[at].bytes
	if err := from.send(frame); err != nil {
		return "", err
	}
	mark := echo("the last one: " + strconv.FormatUint(uint64(marks.Add(1)), 10))
	atHost, err := host.sees(frame, from, ethernet(e.bridge, e.mac, unix.ETH_P_IP, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, mark)))
	if err != nil {
		return "", fmt.Errorf("an honest frame to the host: %w", err)
	}
	atOther, err := beside.sees(frame, host, ethernet(e.otherMAC, e.bridge, unix.ETH_P_IP, ip4(e.gateway4, e.other4, unix.IPPROTO_ICMP, mark)))
	if err != nil {
		return "", fmt.Errorf("a frame of the host to the other site: %w", err)
	}
	var seen []string
	if atHost {
		seen = append(seen, ArrivedAtHost)
	}
	if atOther {
		seen = append(seen, ArrivedBeside)
	}
	if len(seen) == 0 {
		return Dropped, nil
	}
	return strings.Join(seen, ", "), nil
}

// wire sends and receives whole frames at a link of a network namespace; nil is this one.
type wire struct{ fd int }

func openWire(netns *os.File, link string) (*wire, error) {
	w := &wire{fd: -1}
	open := func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: l.Index})
	}
	var err error
	if netns == nil {
		err = open()
	} else {
		err = linux.InNetNS(netns, open)
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("open a packet socket at %s: %w", link, err)
	}
	return w, nil
}

func (w *wire) close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

func (w *wire) send(frame []byte) error {
	if _, err := unix.Write(w.fd, frame); err != nil {
		return fmt.Errorf("send a frame: %w", err)
	}
	return nil
}

// sees tells whether a frame arrives before a mark that is sent after it.
func (w *wire) sees(frame []byte, from *wire, mark []byte) (seen bool, err error) {
	for range wireTries {
		if err := from.send(mark); err != nil {
			return false, err
		}
		marked := false
		err = w.receive(func(got []byte) bool {
			seen = seen || bytes.Equal(got, untagged(frame))
			marked = bytes.Equal(got, mark)
			return !marked
		})
		if marked {
			return seen, nil
		}
	}
	return false, errors.Join(errors.New("it does not arrive"), err)
}

// untagged is a frame as packet sockets show it: the kernel has taken a VLAN's tag out.
func untagged(frame []byte) []byte {
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_8021Q, unix.ETH_P_8021AD:
		return append(append([]byte{}, frame[:12]...), frame[16:]...)
	}
	return frame
}

// receive calls each with every frame that arrives, until it returns false, or wireTime is over.
func (w *wire) receive(each func(frame []byte) bool) error {
	buf := make([]byte, 2048)
	for deadline := time.Now().Add(wireTime); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		tv := unix.NsecToTimeval(int64(left))
		if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			return fmt.Errorf("bound the wait for a frame: %w", err)
		}
		size, err := unix.Read(w.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return fmt.Errorf("receive a frame: %w", err)
		}
		if !each(buf[:size]) {
			return nil
		}
	}
}
