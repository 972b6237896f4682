package testhost

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Machine is another computer: a network namespace of its own, joined to this host by one cable.
type Machine struct {
	Name     string
	Address4 string // its own, from 192.0.2.0/24 (RFC 5737)
	Address6 string // its own, from 2001:db8::/32 (RFC 3849)
	Host4    string // this host's address on the cable
	Host6    string
	cable    string
}

// NewMachine plugs in machine number n (0 to 62). Its default route is this host, which does not know its name.
// It lives as long as the box; Remove unplugs it.
func NewMachine(ctx context.Context, name string, n int) (*Machine, error) {
	m := &Machine{
		Name:     name,
		Host4:    fmt.Sprintf("192.0.2.%d", 4*n+1),
		Address4: fmt.Sprintf("192.0.2.%d", 4*n+2),
		Host6:    fmt.Sprintf("2001:db8:%x::1", n+1),
		cable:    fmt.Sprintf("cable%d", n),
		Address6: fmt.Sprintf("2001:db8:%x::2", n+1),
	}
	return m, runAll(ctx,
		"ip netns add "+name,
		"ip link add "+m.cable+" type veth peer name eth0 netns "+name,
		"ip address add "+m.Host4+"/30 dev "+m.cable,
		// nodad: a documentation address on a cable of two needs no second of waiting for a twin.
		"ip address add "+m.Host6+"/64 dev "+m.cable+" nodad",
		"ip link set "+m.cable+" up",
		"ip -n "+name+" link set lo up",
		"ip -n "+name+" address add "+m.Address4+"/30 dev eth0",
		"ip -n "+name+" address add "+m.Address6+"/64 dev eth0 nodad",
		"ip -n "+name+" link set eth0 up",
		"ip -n "+name+" route add default via "+m.Host4,
		"ip -n "+name+" route add default via "+m.Host6,
	)
}

// Remove unplugs the machine. The m.cable goes first: the kernel takes a network namespace down some time after its name.
func (m *Machine) Remove(ctx context.Context) error {
	return runAll(ctx, "ip link delete "+m.cable, "ip netns delete "+m.Name)
}

// Wrap returns the command line that runs args on the machine: same files and processes, other network.
func (m *Machine) Wrap(args ...string) []string {
	return append([]string{"nsenter", "--net=/run/netns/" + m.Name, "--"}, args...)
}

func runAll(ctx context.Context, commands ...string) error {
	for _, c := range commands {
		f := strings.Fields(c)
		if out, err := exec.CommandContext(ctx, f[0], f[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, out)
		}
	}
	return nil
}
