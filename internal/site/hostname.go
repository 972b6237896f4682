package site

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// maxDomainText bounds what is looked at for a domain, in bytes: letters of other scripts take more than their ASCII form.
const maxDomainText = 1024

// numeric is a last label that makes browsers take the whole name for an IPv4 address (WHATWG URL, "ends in a number").
var numeric = regexp.MustCompile(`(?i)(^|\.)([0-9]+|0x[0-9a-f]*)$`)

// CanonicalDomain returns a domain as it is recorded and routed: in lower case, without the dot at its end, and labels of other
// scripts in their ASCII form, as browsers send it (IDNA 2008 with the mapping of UTS 46). ErrInvalid says why it cannot be a
// site's.
func CanonicalDomain(text string) (string, error) {
	d := strings.TrimSuffix(text, ".")
	if d == "" || len(d) > maxDomainText {
		return "", fmt.Errorf("%w: domain %.60q must have 1 to 253 characters", ErrInvalid, text)
	}
	if why := noDomain(d); why != "" {
		return "", fmt.Errorf("%w: domain %.260q %s", ErrInvalid, text, why)
	}
	d = strings.ToLower(d)
	if international(d) {
		ascii, err := idna.Lookup.ToASCII(d)
		if err != nil {
			return "", fmt.Errorf("%w: domain %.260q is not one of letters that names may have (IDNA)", ErrInvalid, text)
		}
		if why := noDomain(ascii); why != "" { // digits and dots of other scripts have become ASCII
			return "", fmt.Errorf("%w: domain %.260q %s", ErrInvalid, text, why)
		}
		d = ascii
	}
	if err := CheckDomain(d); err != nil {
		return "", err
	}
	return d, nil
}

// noDomain says what a text is that is something else than a domain; "" where that is not known.
func noDomain(d string) string {
	_, err := netip.ParseAddr(strings.Trim(d, "[]"))
	switch {
	case err == nil:
		return "is an IP address: a site is told from others by a name"
	case strings.Contains(d, "/"):
		return "has a slash in it: give the name alone, without http:// and path"
	case strings.Contains(d, ":"):
		return "has a colon in it: give the name alone, without a port"
	case strings.Contains(d, "*"):
		return "has a * in it: name each domain"
	case numeric.MatchString(d):
		return "ends in a number, for which browsers take it for an IP address"
	}
	return ""
}

// international tells whether a name has a label in another script, or in the ASCII form of one, which has to be a right one.
func international(d string) bool {
	return strings.ContainsFunc(d, func(r rune) bool { return r > 0x7f }) || strings.HasPrefix(d, "xn--") || strings.Contains(d, ".xn--")
}
