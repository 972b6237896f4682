package probe

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// sockets are attempts at each family of sockets, at the protocols of those that a site has, and those that it needs.
func sockets() []Attempt {
	families := map[int]string{
		unix.AF_UNIX: "", unix.AF_INET: "", unix.AF_INET6: "", unix.AF_NETLINK: "", // a site's: below
		unix.AF_AX25: "ax25", unix.AF_IPX: "ipx", unix.AF_APPLETALK: "appletalk", unix.AF_X25: "x25", unix.AF_KEY: "key", unix.AF_PACKET: "packet",
		unix.AF_RDS: "rds", unix.AF_PPPOX: "pppox", unix.AF_LLC: "llc", unix.AF_CAN: "can", unix.AF_TIPC: "tipc", unix.AF_BLUETOOTH: "bluetooth",
		unix.AF_RXRPC: "rxrpc", unix.AF_IEEE802154: "ieee802154", unix.AF_ALG: "alg", unix.AF_NFC: "nfc", unix.AF_VSOCK: "vsock", unix.AF_KCM: "kcm",
		unix.AF_QIPCRTR: "qipcrtr", unix.AF_SMC: "smc", unix.AF_XDP: "xdp", unix.AF_MCTP: "mctp",
	}
	var tries []Attempt
	for family := 1; family < 64; family++ {
		name, known := families[family]
		if known && name == "" {
			continue
		}
		title := "family " + strconv.Itoa(family)
		if known {
			title += ", " + name
		}
		tries = append(tries, plain(title, func() error {
			seen := several{}
			for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
				seen.add(socket(family, kind, 0))
			}
			return seen.all("")
		}))
	}
	of := func(name string, family, kind, protocol int, want ...string) Attempt {
		return plain(name, func() error { return socket(family, kind, protocol) }, want...)
	}
	for _, protocol := range []struct {
		name   string
		number int
	}{
		{"xfrm", unix.NETLINK_XFRM},
		{"netfilter", unix.NETLINK_NETFILTER},
		{"connector", unix.NETLINK_CONNECTOR},
		{"generic", unix.NETLINK_GENERIC},
		{"selinux", unix.NETLINK_SELINUX},
		{"iscsi", unix.NETLINK_ISCSI},
		{"scsi transport", unix.NETLINK_SCSITRANSPORT},
		{"rdma", unix.NETLINK_RDMA},
		{"crypto", unix.NETLINK_CRYPTO},
		{"fib lookup", unix.NETLINK_FIB_LOOKUP},
		{"kobject uevent", unix.NETLINK_KOBJECT_UEVENT},
		{"smc", unix.NETLINK_SMC},
	} {
		tries = append(tries, of("netlink: "+protocol.name, unix.AF_NETLINK, unix.SOCK_RAW, protocol.number))
	}
	return group("sockets", "EPERM", append(tries,
		of("netlink: audit", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT, "EPROTONOSUPPORT"),
		of("IPv4: raw", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		of("IPv4: raw, any protocol", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW),
		of("IPv6: raw", unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6),
		of("IPv4: sctp", unix.AF_INET, unix.SOCK_SEQPACKET, unix.IPPROTO_SCTP),
		of("IPv4: mptcp", unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP),
		of("IPv4: dccp", unix.AF_INET, unix.SOCK_DCCP, unix.IPPROTO_DCCP),
		of("IPv4: udplite", unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE),
		of("IPv4: l2tp", unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_L2TP),
		of("unix", unix.AF_UNIX, unix.SOCK_STREAM, 0, Done),
		of("IPv4: TCP", unix.AF_INET, unix.SOCK_STREAM, 0, Done),
		of("IPv6: UDP", unix.AF_INET6, unix.SOCK_DGRAM, 0, Done),
		of("IPv4: ping", unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP, Done),
		of("netlink: route", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, Done),
	)...)
}
