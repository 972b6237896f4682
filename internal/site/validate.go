package site

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds of what may be asked for.
const (
	maxName  = 31 // characters: a DNS label and a Unix user name
	maxNames = 64 // domains of one site
)

var siteName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$`)

// reserved are users and groups of Debian, names with a meaning in DNS, and words of the command line.
const reserved = " root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody " +
	"sshd mysql messagebus systemd-network systemd-timesync systemd-resolve adm tty disk lpr dialout fax voice cdrom floppy tape sudo " +
	"audio dip operator src shadow utmp video sasl plugdev staff users nogroup crontab ssl-cert ssh input sgx kvm render " +
	"localhost www admin logis logisd all test information_schema performance_schema global "

// CheckName tells why a name cannot be a site's: a DNS label (RFC 1035) and a Unix user name, not reserved.
func CheckName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name != lower && siteName.MatchString(lower):
		return fmt.Errorf("%w: a name has no capital letters: try %s", ErrInvalid, lower)
	case len(name) > maxName && siteName.MatchString(lower[:1]):
		return fmt.Errorf("%w: the name has %d characters: %d are the most", ErrInvalid, utf8.RuneCountInString(name), maxName)
	case !siteName.MatchString(name):
		return fmt.Errorf("%w: the name must be 1 to %d of a-z, 0-9 and -, a letter first and no - last", ErrInvalid, maxName)
	case strings.Contains(reserved, " "+name+" "):
		return fmt.Errorf("%w: the name is reserved, for an account of Debian's or a word of the network: choose another", ErrInvalid)
	}
	return nil
}

var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckDomain tells why a domain cannot be routed: lower-case labels (RFC 1123), at most 253 characters.
func CheckDomain(domain string) error {
	if len(domain) == 0 || len(domain) > 253 {
		return fmt.Errorf("%w: domain %.60q must have 1 to 253 characters", ErrInvalid, domain)
	}
	for l := range strings.SplitSeq(domain, ".") {
		if !label.MatchString(l) {
			return fmt.Errorf("%w: domain %q must be labels of a-z, 0-9 and -, joined by dots", ErrInvalid, domain)
		}
	}
	return nil
}

// Check tells why a Spec cannot be made, whatever else exists.
func (s Spec) Check() error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if len(s.Domains) > maxNames {
		return fmt.Errorf("%w: a site has at most %d domains", ErrInvalid, maxNames)
	}
	for _, d := range s.Domains {
		if err := CheckDomain(d); err != nil {
			return err
		}
	}
	if _, _, err := (Spec{}).AddKeys(s.SSHKeys); err != nil {
		return err
	}
	if err := checkPriority(s.Priority); err != nil {
		return err
	}
	return s.Limits.Check()
}
