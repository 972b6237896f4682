package site

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "alice": true, "a-b": true, "a1": true, strings.Repeat("a", 31): true,
		"": false, "A": false, "1a": false, "-a": false, "a-": false, "a_b": false, "a.b": false, "../a": false, "a\n": false,
		strings.Repeat("a", 32): false, "root": false, "mysql": false, "www-data": false, "logis": false,
	} {
		err := CheckName(name)
		if (err == nil) != ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckName(%q) = %v, want ok %v", name, err, ok)
		}
	}
}

// What is wrong with a name is said, where it is one thing.
func TestNameSays(t *testing.T) {
	for name, want := range map[string]string{
		"Alice":                       "invalid: a name has no capital letters: try alice",
		strings.Repeat("a", 32):       "invalid: the name has 32 characters: 31 are the most",
		"mysql":                       "invalid: the name is reserved, for an account of Debian's or a word of the network: choose another",
		"a_b":                         "invalid: the name must be 1 to 31 of a-z, 0-9 and -, a letter first and no - last",
		"é" + strings.Repeat("a", 40): "invalid: the name must be 1 to 31 of a-z, 0-9 and -, a letter first and no - last",
	} {
		if err := CheckName(name); err == nil || err.Error() != want {
			t.Errorf("CheckName(%q) = %v, want %s", name, err, want)
		}
	}
}

func TestCheckDomain(t *testing.T) {
	for domain, ok := range map[string]bool{
		"example.org": true, "localhost": true, "a.b.c": true, "xn--bcher-kva.example": true,
		"": false, ".": false, "a..b": false, "Example.org": false, "a b": false, "a/b": false, "-a.org": false, "a.org.": false,
		"*.example.org": false, strings.Repeat("a.", 127) + "ab": false, strings.Repeat("a", 64) + ".org": false,
	} {
		err := CheckDomain(domain)
		if (err == nil) != ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckDomain(%q) = %v, want ok %v", domain, err, ok)
		}
	}
}
