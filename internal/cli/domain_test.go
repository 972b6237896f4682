package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

func TestDomain(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Put(servertest.StatusOf("bob", site.Stopped))
	socket, _ := servertest.Serve(t, m)
	for _, tc := range []struct {
		args   string
		status int
		said   string // the line, or what the line of the error has in it
	}{
		{"domain add alice Shop.Example.", 0, "http://shop.example/ leads to alice\n"},
		{"domain add alice shop.example", 0, "alice has shop.example already\n"},
		{"domain add bob shop.example", 4, `cannot add domain to "bob": domain shop.example belongs to site alice`},
		{"domain add bob alice.localhost", 4, "belongs to site alice"},
		{"domain add bob 192.0.2.1", 2, `cannot add domain to "bob": domain "192.0.2.1" is an IP address`},
		{"domain add bob not_a_name", 2, "must be labels of a-z, 0-9 and -, joined by dots"},
		{"domain add nobody new.example", 3, `cannot add domain to "nobody": no such site`},
		{"domain add alice", 2, "add takes NAME DOMAIN, got 1 operand:"},
		{"domain remove alice alice.localhost", 4, `cannot remove domain from "alice": domain alice.localhost belongs to the site by its name`},
		{"domain remove bob shop.example", 3, `cannot remove domain from "bob": the site has no domain shop.example`},
		{"domain remove bob *.example", 2, "has a * in it: name each domain"},
		{"domain remove alice SHOP.example", 0, "shop.example leads to alice no more\n"},
		{"domain list alice", 2, "unknown command"},
	} {
		args := strings.Fields(tc.args)
		r := run(t, socket, "", args...)
		if tc.status == 0 {
			if d := cmp.Diff(result{0, tc.said, ""}, r, cmp.AllowUnexported(result{})); d != "" {
				t.Errorf("logis %s (-want +got):\n%s", tc.args, d)
			}
			continue
		}
		if r.status != tc.status || !strings.Contains(r.err, tc.said) {
			t.Errorf("logis %s: status %d, want %d; stderr %q, want %q in it", tc.args, r.status, tc.status, r.err, tc.said)
		}
		oneLine(t, r, args...)
	}
	if r := run(t, socket, "", "domain", "add", "alice", "a.example"); r.status != 0 {
		t.Fatal(r.err)
	}
	if r := run(t, socket, "", "__complete", "domain", "remove", "alice", ""); !strings.HasPrefix(r.out, "a.example\n") {
		t.Errorf("completion: %+v", r)
	}
}
