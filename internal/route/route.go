// Package route owns logisd's side of the routes: the table of which domain leads to which site, and its publication to
// logis-proxy over one unix socket. It also holds the wire types that both sides speak. It forwards no request, keeps
// nothing on disk and trusts nothing that logis-proxy says.
package route

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrInvalid is returned for a route that cannot be published.
var ErrInvalid = errors.New("invalid route")

// State says whether requests for a route may be forwarded.
type State string

// The states of a route.
const (
	Up      State = "up"
	Stopped State = "stopped"
)

// Route leads the domains of one site to its web server.
type Route struct {
	Site     string         `json:"site"`
	Domains  []string       `json:"domains"`  // host names in canonical form, see CanonicalHost
	Upstream netip.AddrPort `json:"upstream"` // of the site's web server; plain HTTP/1.1
	State    State          `json:"state"`
}

// Check returns an error that wraps ErrInvalid unless r is complete and canonical.
func (r Route) Check() error {
	switch {
	case r.Site == "" || len(r.Site) > 63 || !hostLike(r.Site):
		return fmt.Errorf("%w: site %q is not a name", ErrInvalid, r.Site)
	case !r.Upstream.IsValid() || r.Upstream.Port() == 0:
		return fmt.Errorf("%w: site %s has no upstream", ErrInvalid, r.Site)
	case r.State != Up && r.State != Stopped:
		return fmt.Errorf("%w: site %s has state %q", ErrInvalid, r.Site, r.State)
	}
	for _, d := range r.Domains {
		if d == "" || len(d) > maxHost || !hostLike(d) || CanonicalHost(d) != d {
			return fmt.Errorf("%w: site %s has domain %q", ErrInvalid, r.Site, d)
		}
	}
	return nil
}

// canonical returns a copy of r that shares no memory with it, its domains in canonical form.
func (r Route) canonical() Route {
	domains := make([]string, len(r.Domains))
	for i, d := range r.Domains {
		domains[i] = CanonicalHost(d)
	}
	r.Domains = domains
	return r
}

// maxHost bounds a host name, in bytes (RFC 1035, section 2.3.4).
const maxHost = 253

// CanonicalHost returns the form under which the value of a Host header is looked up: lower case, without port and
// without the trailing dot of a fully qualified name. It does not check the name.
func CanonicalHost(host string) string {
	if strings.HasPrefix(host, "[") { // an IPv6 literal: the brackets go with the port
		if end := strings.IndexByte(host, ']'); end > 0 {
			return strings.ToLower(host[1:end])
		}
	}
	if colon := strings.IndexByte(host, ':'); colon >= 0 && strings.LastIndexByte(host, ':') == colon {
		host = host[:colon]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostLike reports whether s has only bytes that a host name or an address can have.
func hostLike(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:", c)
	}) < 0
}
