package site

import (
	"net/url"
	"strings"
	"testing"
)

func FuzzCheckName(f *testing.F) {
	for _, s := range []string{"alice", "a", "root", "-a", "a-", "A", "a.b", "../a", "a\n", "a\x00b", "é", strings.Repeat("a", 32), "www-data", "a--b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) != nil {
			return
		}
		// It becomes a file name, a user, a host name, part of a cgroup's and of a path of a socket.
		if len(name) == 0 || len(name) > 31 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
			strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") || strings.Contains(reserved, " "+name+" ") {
			t.Errorf("%q is taken for a site's name", name)
		}
		if CheckDomain(name+".example") != nil {
			t.Errorf("%q is a site's name, and no label of a domain", name)
		}
	})
}

func FuzzCheckDomain(f *testing.F) {
	for _, s := range []string{"a.org", "xn--bcher-kva.example", "a..b", ".a", "a.", "A.org", "a_b.org", "a.org:80", "a org", "127.0.0.1", "[::1]", strings.Repeat("a.", 127) + "a", "a\n.org", "*.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		if CheckDomain(domain) != nil {
			return
		}
		u, err := url.Parse("http://" + domain + "/")
		if err != nil || u.Host != domain || u.Path != "/" || len(domain) > 253 || strings.ToLower(domain) != domain {
			t.Errorf("%q is taken for a domain: %v", domain, u)
		}
	})
}
