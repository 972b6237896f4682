package require

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/logis-project/logis/internal/linux"
)

// ofProxy are who may hold the proxy's ports: itself, and systemd for it.
func ofProxy(p linux.Program) bool { return p.Name == "logis-proxy" || p.Name == "systemd" }

func proxyPorts(addresses []string, all []linux.Listener) Check {
	const what = "ports of logis-proxy"
	var taken, shown, mends []string
	for _, a := range addresses {
		host, text, err := net.SplitHostPort(a)
		port, numErr := strconv.ParseUint(text, 10, 16)
		if err != nil || numErr != nil {
			continue // logis-proxy says so
		}
		shown = append(shown, text)
		for _, l := range all {
			if !l.Collides(host, uint16(port)) {
				continue
			}
			if who := l.Holder(); !ofProxy(who) {
				taken = append(taken, fmt.Sprintf("%s is held by %s", text, who))
				mends = append(mends, who.End())
				break
			}
		}
	}
	if len(taken) > 0 {
		c := missing(what, strings.Join(taken, ", "), strings.Join(mends, "; ")+"; or other ports below [proxy] in logis.toml")
		c.Key = "proxy.http"
		return c
	}
	return ok(what, "no other program has "+strings.Join(shown, ", "))
}

// sitePorts compares the ports that sites have with those that programs of the host listen on. Of the rest of the range, from
// between[0] to between[1], no site is given one that is taken.
func sitePorts(ports []Port, between [2]uint16, all []linux.Listener) Check {
	const what = "ports of sites"
	var taken []string
	for _, p := range ports {
		for _, l := range all {
			if l.Addr.Port() == p.Number && !l.Addr.Addr().IsLoopback() {
				taken = append(taken, fmt.Sprintf("%d of site %s is also held by %s", p.Number, p.Site, l.Holder()))
				break
			}
		}
	}
	if len(taken) > 0 {
		return warning(what, strings.Join(taken, ", ")+", which nobody reaches", "give that program another port")
	}
	passed := map[uint16]bool{}
	for _, l := range all {
		if port := l.Addr.Port(); port >= between[0] && port <= between[1] && !l.Addr.Addr().IsLoopback() {
			passed[port] = true
		}
	}
	if len(passed) > 0 {
		return ok(what, fmt.Sprintf("no other program has one; %d of %d-%d are other programs', and no site is given those", len(passed), between[0], between[1]))
	}
	return ok(what, "no other program has one")
}
