package probe

import "golang.org/x/sys/unix"

// sockets are attempts at the families of sockets, and the few that a site has.
func sockets() []Attempt {
	of := func(name string, family, kind, protocol int, want ...string) Attempt {
		return plain(name, func() error { return socket(family, kind, protocol) }, want...)
	}
	return group("sockets", "EPERM",
		of("raw IPv4", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		of("raw IPv6", unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6),
		of("packet, raw", unix.AF_PACKET, unix.SOCK_RAW, 0),
		of("packet, cooked", unix.AF_PACKET, unix.SOCK_DGRAM, 0),
		of("vsock", unix.AF_VSOCK, unix.SOCK_STREAM, 0),
		of("alg", unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		of("netlink: audit", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT, "EPROTONOSUPPORT"),
		of("TCP", unix.AF_INET, unix.SOCK_STREAM, 0, Done),
		of("ping", unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP, Done),
		of("netlink: route", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, Done),
	)
}
