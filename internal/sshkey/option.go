package sshkey

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"time"
)

// pastOptions cuts a line behind its options as sshd does: at the first space outside of quotes.
func pastOptions(line string) (options, rest string, ok bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && strings.HasPrefix(line[i+1:], `"`):
			i++
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return line[:i], line[i:], true
		}
	}
	return "", "", false
}

// splitOptions cuts options at the commas outside of quotes.
func splitOptions(text string) []string {
	var options []string
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && strings.HasPrefix(text[i+1:], `"`):
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			options, from = append(options, text[from:i]), i+1
		}
	}
	return append(options, text[from:])
}

// The options of sshd(8), "AUTHORIZED_KEYS FILE FORMAT": one that sshd does not know makes it refuse the key.
const (
	flagOptions = " agent-forwarding cert-authority no-agent-forwarding no-port-forwarding no-pty no-touch-required no-user-rc " +
		"no-x11-forwarding port-forwarding pty restrict user-rc verify-required x11-forwarding "
	valueOptions = " command environment expiry-time from permitlisten permitopen principals tunnel "
)

// checkOption tells why sshd would refuse a key for one of its options.
func checkOption(option string) error {
	name, value, hasValue := strings.Cut(option, "=")
	lower := strings.ToLower(name)
	switch {
	case name == "" || strings.Contains(name, " "):
		return fmt.Errorf("an option is empty: %.40q", option)
	case strings.Contains(flagOptions, " "+lower+" "):
		if hasValue {
			return fmt.Errorf("option %s takes no value", name)
		}
		return nil
	case !strings.Contains(valueOptions, " "+lower+" "):
		return fmt.Errorf("%.40q is no option of sshd: see AUTHORIZED_KEYS FILE FORMAT in sshd(8)", name)
	case !hasValue || len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"':
		return fmt.Errorf(`option %s takes a value in quotes: %[1]s="…"`, name)
	}
	if !valueFits(lower, value[1:len(value)-1]) {
		return fmt.Errorf("option %s cannot be %.60s: see sshd(8)", name, value)
	}
	return nil
}

// They are compiled where an option needs them: every start of a program that knows keys would pay for it.
var (
	expiry      = lazily(`^[0-9]{8}([0-9]{4}([0-9]{2})?)?Z?$`)
	environment = lazily(`^[A-Za-z0-9_]+=`)
	listen      = lazily(`^(.+:)?([0-9]{1,5}|\*)$`)
	target      = lazily(`^.+:([0-9]{1,5}|\*)$`)
	tunnel      = lazily(`^([0-9]+|any)$`)
)

func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// valueFits tells whether sshd understands the value of an option. Of a command anything does.
func valueFits(name, value string) bool {
	switch name {
	case "expiry-time":
		if !expiry().MatchString(value) {
			return false
		}
		digits := strings.TrimSuffix(value, "Z")
		_, err := time.Parse("20060102150405"[:len(digits)], digits)
		return err == nil
	case "environment":
		return environment().MatchString(value)
	case "permitlisten":
		return listen().MatchString(value)
	case "permitopen":
		return target().MatchString(value)
	case "tunnel":
		return tunnel().MatchString(value)
	case "from":
		for pattern := range strings.SplitSeq(value, ",") {
			if pattern == "" || !patternFits(strings.TrimPrefix(pattern, "!")) {
				return false
			}
		}
	}
	return value != ""
}

// patternFits tells whether a pattern with a slash is a network, of which sshd wants the bits behind the mask to be zero.
func patternFits(pattern string) bool {
	if !strings.Contains(pattern, "/") {
		return true
	}
	p, err := netip.ParsePrefix(pattern)
	return err == nil && p.Masked() == p
}
