//go:build root

package network

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (h *host) elements(t *testing.T) []Element {
	t.Helper()
	all, err := h.Elements(t.Context())
	try(t, err)
	return sorted(all)
}

func sorted(all []Element) []Element {
	slices.SortFunc(all, func(a, b Element) int {
		return strings.Compare(a.Key.Kind+a.Key.Raw+a.Value, b.Key.Kind+b.Key.Raw+b.Value)
	})
	return all
}

func (h *host) faults(t *testing.T, want ...string) {
	t.Helper()
	got, err := h.Check(t.Context())
	try(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
}

func (h *host) veths(t *testing.T, want ...Veth) {
	t.Helper()
	got, err := h.Veths(t.Context())
	try(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("veths (-want +got):\n%s", diff)
	}
}

func TestElementsAreThoseOfTheSite(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	if got := h.elements(t); len(got) > 0 {
		t.Errorf("without a site: %v", got)
	}
	p, ns := h.attachSite(t, 5)
	try(t, h.Redirect(t.Context(), p))
	want := sorted(h.ElementsOf(p))
	if diff := cmp.Diff(want, h.elements(t)); diff != "" || len(want) != 10 {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	h.veths(t, Veth{Index: 5})
	h.faults(t)

	// Each can be taken away by itself, seen to be missing, and brought back.
	serveTCP(t, ns, ":22")
	for i, e := range want {
		try(t, h.RemoveElements(t.Context(), e))
		try(t, h.RemoveElements(t.Context(), e))
		if diff := cmp.Diff(slices.Delete(slices.Clone(want), i, i+1), h.elements(t)); diff != "" {
			t.Errorf("without %s (-want +got):\n%s", e, diff)
		}
		try(t, h.Repair(t.Context(), p))
		if diff := cmp.Diff(want, h.elements(t)); diff != "" {
			t.Errorf("after the repair of %s (-want +got):\n%s", e, diff)
		}
	}
	if got := askTCP(t, h.other, netip.AddrPortFrom(netip.MustParseAddr(hostAddr4), p.SSHPort).String(), patience); got != otherAddr4 {
		t.Errorf("redirect after all repairs: %q", got)
	}
	// What is another's is seen too, and can be removed.
	foreign := h.ElementsOf(testPort(9))
	run(t, "nft", "add element bridge logis mac { logis-9 . 02:00:00:00:00:09 }")
	run(t, "ip", "neigh", "add", testPort(9).Addr4.String(), "lladdr", "02:00:00:00:00:09", "dev", "logis0")
	run(t, "bridge", "fdb", "add", "02:00:00:00:00:09", "dev", "logis-5", "master", "static")
	var strange []string
	for _, e := range h.elements(t) {
		if !slices.Contains(want, e) {
			strange = append(strange, e.String())
			try(t, h.RemoveElements(t.Context(), e))
		}
	}
	if diff := cmp.Diff([]string{
		"fdb entry 02:00:00:00:00:09 logis-5", "element of set mac: logis-9 02:00:00:00:00:09",
		"neighbour entry " + testPort(9).Addr4.String() + " 02:00:00:00:00:09",
	}, strange); diff != "" {
		t.Errorf("strange elements (-want +got):\n%s", diff)
	}
	try(t, h.RemoveElements(t.Context(), foreign...))
	if diff := cmp.Diff(want, h.elements(t)); diff != "" {
		t.Errorf("elements in the end (-want +got):\n%s", diff)
	}
}

func TestVethFaults(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, _ := h.attachSite(t, 5)
	for _, d := range []struct{ command, fault string }{
		{"ip link set logis-5 nomaster", "not at bridge logis0"},
		{"ip link set logis-5 down", "down"},
		{"bridge link set dev logis-5 isolated off", "not isolated from other sites"},
		{"bridge link set dev logis-5 learning on", "not isolated from other sites"},
		{"bridge link set dev logis-5 flood on", "not isolated from other sites"},
	} {
		f := strings.Fields(d.command)
		run(t, f[0], f[1:]...)
		h.veths(t, Veth{5, d.fault})
		try(t, h.Repair(t.Context(), p))
		h.veths(t, Veth{Index: 5})
	}
	run(t, "ip", "link", "del", "logis-5")
	h.veths(t)
	if err := h.Repair(t.Context(), p); !errors.Is(err, ErrNoVeth) {
		t.Errorf("repair without a veth: %v", err)
	}
}

func TestReloadMendsWhatIsShared(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, ns := h.attachSite(t, 5)
	try(t, h.Redirect(t.Context(), p))
	gone, _ := h.attachSite(t, 6)
	try(t, h.Redirect(t.Context(), gone))
	try(t, h.RemoveRedirect(t.Context(), gone))
	try(t, h.Detach(t.Context(), gone))
	serveTCP(t, ns, ":22")
	before := state(t)
	const rules = "the nftables rules of logis are not those that logisd loaded"
	for _, d := range []struct {
		command string
		faults  []string
	}{
		{"nft flush ruleset", []string{"the nftables tables of logis are gone"}},
		{"nft delete table bridge logis", []string{"the nftables tables of logis are gone"}},
		{"nft flush chain inet logis from_site", []string{rules}},
		{"nft insert rule inet logis forward accept", []string{rules}},
		{"nft chain inet logis forward { policy drop; }", []string{rules}},
		{"nft add element inet logis proxy_ports { 25 }", []string{"nftables set proxy_ports of logis does not hold what it should"}},
		{"nft add element inet logis resolver { 10.83.0.1 : 192.0.2.9 }", []string{"nftables set resolver of logis does not hold what it should"}},
		{"sysctl -qw net.ipv4.ip_forward=0", []string{"IPv4 forwarding is off"}},
		{"sysctl -qw net.ipv6.conf.all.forwarding=0", []string{"IPv6 forwarding is off"}},
		{"ip addr del 10.83.0.1/16 dev logis0", []string{"bridge logis0 lacks the address 10.83.0.1/16"}},
		{"ip route del 10.83.0.0/16 dev logis0", []string{"the route to 10.83.0.0/16 through bridge logis0 is gone"}},
		{"ip -6 route del fd83:6c6f:6769::/64 dev logis0", []string{"the route to fd83:6c6f:6769::/64 through bridge logis0 is gone"}},
		{"ip link set logis0 down", []string{"bridge logis0 is down"}},
	} {
		f := strings.Fields(d.command)
		run(t, f[0], f[1:]...)
		h.faults(t, d.faults...)
		try(t, h.Reload(t.Context()))
		h.faults(t)
		same(t, d.command, before, state(t))
		if got := askTCP(t, h.other, netip.AddrPortFrom(netip.MustParseAddr(hostAddr4), p.SSHPort).String(), patience); got != otherAddr4 {
			t.Errorf("%s, then the redirect: %q", d.command, got)
		}
	}
	run(t, "ip", "link", "del", "logis0")
	h.faults(t, "bridge logis0 is gone")
	try(t, h.Reload(t.Context()))
	try(t, h.Repair(t.Context(), p))
	same(t, "after the bridge was deleted", before, state(t))
}
