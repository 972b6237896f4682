package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Times that an answer may take: one that must come, and one that must not.
const (
	answerTime  = 5 * time.Second
	silenceTime = 400 * time.Millisecond
)

// echoPort is where the neighbour answers datagrams, whoever sends them.
const echoPort = 7007

const silence = said("silence")

// unreached is how the kernel says that nothing comes through: silence, or a refusal of the host's (not of who is tried).
func unreached() []string {
	return []string{"silence", "EHOSTUNREACH", "ENETUNREACH", "EACCES", "EPERM"}
}

// reaching are attempts at what is beside a site: its neighbour, the host, and what clouds have at well-known addresses.
func reaching() []Attempt {
	var all []Attempt
	add := func(name string, do func(Scene) error, want ...string) {
		if len(want) == 0 {
			want = unreached()
		}
		all = append(all, Attempt{Group: "reaching", Name: name, Want: want, Do: do})
	}
	for i, family := range []string{"IPv4", "IPv6"} {
		for _, port := range []int{22, 80, 3306} {
			add(fmt.Sprintf("the neighbour, %s, TCP %d", family, port), func(s Scene) error {
				return dialAt(s.Neighbour, i, port, silenceTime)
			})
		}
		add("the neighbour, "+family+", datagrams", func(s Scene) error { return askUDP(s.Neighbour, i, silenceTime) })
		add("the neighbour, "+family+", ping", func(s Scene) error { return ping(s.Neighbour, i, silenceTime) })
		add("the host's proxy, "+family, func(s Scene) error { return dialAt(s.Gateway, i, s.Proxy, answerTime) }, Done)
		add("the host, "+family+", ping", func(s Scene) error { return ping(s.Gateway, i, answerTime) }, Done)
		add("the host, "+family+", a port where nobody may be", func(s Scene) error { return dialAt(s.Gateway, i, 9, silenceTime) })
	}
	add("the host's nameserver", func(s Scene) error {
		if !s.Resolver {
			return lacks("the host has no nameserver that answers")
		}
		return askAt(s.Gateway, 53, Question(), answerTime)
	}, Done)
	add("whatever listens on the host, at all its addresses", func(s Scene) error { return dialAll(s, s.Ports) })
	add("the neighbour's ssh by the host's port", func(s Scene) error { return dialAll(s, []int{s.Redirect}) })
	add("metadata service, 169.254.169.254", func(s Scene) error { return dialOut(s, "169.254.169.254", 80) })
	add("metadata service, fd00:ec2::254", func(s Scene) error { return dialOut(s, "fd00:ec2::254", 80) })
	add("datagrams to everybody, 255.255.255.255", func(s Scene) error { return askUDP(near(s, "255.255.255.255"), 0, silenceTime) })
	add("datagrams to all nodes, ff02::1", func(s Scene) error { return askUDP(near(s, "ff02::1%eth0"), 0, silenceTime) })
	add("mail to TCP 25 outside", func(s Scene) error {
		if s.Mail {
			return lacks("[network] smtp lets sites deliver mail")
		}
		return dialOut(s, "192.0.2.2", 25) // TEST-NET-1, RFC 5737: nobody's
	}, append(unreached(), "ECONNREFUSED")...)
	return all
}

// near is an address, where there is a network at all.
func near(s Scene, address string) []string {
	if len(s.Gateway) == 0 {
		return nil
	}
	return []string{address}
}

func dialOut(s Scene, address string, port int) error {
	return dialAt(near(s, address), 0, port, silenceTime)
}

// dialAt opens a connection to the address at an index.
func dialAt(addresses []string, i, port int, wait time.Duration) error {
	if i >= len(addresses) || port == 0 {
		return lacks("there is nothing of the kind")
	}
	return dialTCP(addresses[i], port, wait)
}

func dialTCP(address string, port int, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		return quiet(err)
	}
	conn.Close()
	return nil
}

// maxDials bounds the connections that dialAll tries: well below what a site may open at once. Past that they would be
// dropped because they are many, and silence would say nothing of the rules for who is tried.
const maxDials = 200

// dialAll opens connections to every port at every address of the host at once; where those are too many, to every port at one of them.
func dialAll(s Scene, ports []int) error {
	outcomes := make(chan error)
	var all sync.WaitGroup
	for _, t := range targets(s.Host, ports) {
		all.Go(func() { outcomes <- dialTCP(t.address, t.port, silenceTime) })
	}
	go func() { all.Wait(); close(outcomes) }()
	seen := several{}
	for err := range outcomes {
		seen.add(err)
	}
	return seen.allTold(s, "nothing listens there")
}

type target struct {
	address string
	port    int
}

// targets pairs addresses and ports, maxDials at most: every port once, at the addresses by turns, and so on.
func targets(addresses []string, ports []int) []target {
	var all []target
	for i := range addresses {
		for j, port := range ports {
			if port != 0 && len(all) < maxDials {
				all = append(all, target{addresses[(i+j)%len(addresses)], port})
			}
		}
	}
	return all
}

// Question is a DNS message (RFC 1035) that asks for the nameservers of the root.
func Question() []byte {
	return []byte{0x10, 0x91, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}
}

// askUDP says hello to the address at an index and waits for any answer.
func askUDP(addresses []string, i int, wait time.Duration) error {
	if i >= len(addresses) {
		return lacks("there is nothing of the kind")
	}
	return askAt(addresses[i:], echoPort, []byte("hello"), wait)
}

// askAt sends a datagram to the first of addresses and waits for any answer.
func askAt(addresses []string, port uint16, say []byte, wait time.Duration) error {
	if len(addresses) == 0 {
		return lacks("there is nothing of the kind")
	}
	to, err := netip.ParseAddr(addresses[0])
	if err != nil {
		return fault{err}
	}
	conn, err := net.ListenPacket("udp", ":0") // not connected: whoever answers is heard
	if err != nil {
		return fault{err}
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return fault{err}
	}
	if _, err := conn.WriteTo(say, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, port))); err != nil {
		return quiet(err)
	}
	_, _, err = conn.ReadFrom(make([]byte, 16))
	return quiet(err)
}

// ping sends an echo request (RFC 792, RFC 4443) by the kernel's own ping socket and waits for the reply.
func ping(addresses []string, i int, wait time.Duration) error {
	if i >= len(addresses) {
		return lacks("there is nothing of the kind")
	}
	to, err := netip.ParseAddr(addresses[i])
	if err != nil {
		return fault{err}
	}
	family, protocol, kind := unix.AF_INET, unix.IPPROTO_ICMP, byte(8)
	var addr unix.Sockaddr
	if to.Is6() {
		family, protocol, kind = unix.AF_INET6, unix.IPPROTO_ICMPV6, 128
		addr = &unix.SockaddrInet6{Addr: to.As16()}
	} else {
		addr = &unix.SockaddrInet4{Addr: to.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return fault{err}
	}
	defer unix.Close(fd)
	tv := unix.NsecToTimeval(int64(wait))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return fault{err}
	}
	if err := unix.Sendto(fd, []byte{kind, 0, 0, 0, 0, 0, 0, 1}, 0, addr); err != nil {
		return err
	}
	_, _, err = unix.Recvfrom(fd, make([]byte, 64), 0)
	return quiet(err)
}

// quiet says silence for what only took too long.
func quiet(err error) error {
	var timeout net.Error
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return silence
	}
	return err
}
