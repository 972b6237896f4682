package image

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // mysql_native_password is defined by it
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"regexp"
	"strings"
)

// Values are what an image's templates may say of a site.
type Values struct {
	Name               string // of the site and of its owner
	Hostname           string // "" is Name
	Gateway4, Gateway6 netip.Addr
	Address4, Address6 netip.Addr
	Domains            []string
	DatabasePassword   string // "" makes one
	HostDir            string // directory in which the site finds what the host hands it; "" is none
}

// templateValues is what templates see: Values and what follows from them.
type templateValues struct {
	Values
	DatabasePasswordHash string // as MariaDB stores it
	Minute               int    // of the hour, 0 to 59: spreads what sites do at fixed times
}

var (
	siteNamePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$`)
	hostnamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	passwordPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)
)

// complete checks values, for they are written into configuration files as they are, and fills in the defaults.
func (v Values) complete() (templateValues, error) {
	if v.Hostname == "" {
		v.Hostname = v.Name
	}
	if v.DatabasePassword == "" {
		v.DatabasePassword = rand.Text()
	}
	switch {
	case !siteNamePattern.MatchString(v.Name):
		return templateValues{}, fmt.Errorf("site name %q is malformed", v.Name)
	case !hostnamePattern.MatchString(v.Hostname):
		return templateValues{}, fmt.Errorf("host name %q is malformed", v.Hostname)
	case !passwordPattern.MatchString(v.DatabasePassword):
		return templateValues{}, errors.New("the database password has characters other than letters, digits, _ and -")
	}
	for _, a := range []netip.Addr{v.Gateway4, v.Gateway6, v.Address4, v.Address6} {
		if !a.IsValid() || a.Zone() != "" {
			return templateValues{}, fmt.Errorf("address %q is missing or has a zone", a)
		}
	}
	for _, d := range v.Domains {
		if !hostnamePattern.MatchString(d) {
			return templateValues{}, fmt.Errorf("domain %q is malformed", d)
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(v.Name))
	return templateValues{Values: v, DatabasePasswordHash: nativePassword(v.DatabasePassword), Minute: int(h.Sum32() % 60)}, nil
}

// nativePassword returns what MariaDB's PASSWORD() returns: an asterisk and SHA-1 of SHA-1 in hex.
func nativePassword(password string) string {
	once := sha1.Sum([]byte(password)) //nolint:gosec // see the import
	twice := sha1.Sum(once[:])         //nolint:gosec // see the import
	return "*" + strings.ToUpper(hex.EncodeToString(twice[:]))
}
