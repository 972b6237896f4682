package require

import (
	"strings"
	"testing"
)

func TestIDs(t *testing.T) {
	r := IDs{First: 1_000_000, Last: 1_065_535}
	for _, tc := range []struct {
		text      string
		id, count int
		want      string
	}{
		{"root:x:0:0::/root:/bin/sh\nann:x:999999:1065536::/:/bin/sh\n", 2, -1, ""},
		{"root:x:0:0::/root:/bin/sh\nann:x:1000000:5::/:/bin/sh\n", 2, -1, "ann 1000000"},
		{"ann:x:5:1065535::/:/bin/sh\n", 3, -1, "ann 1065535"},
		{"staff:x:1000001:ann,bob\n", 2, -1, "staff 1000001"},
		{"ann:934464:65536\n", 1, 2, ""},
		{"ann:934465:65536\n", 1, 2, "ann 934465 to 1000000"},
		{"bob:1065535:1\n", 1, 2, "bob 1065535"},
		{"bob:1065536:65536\nbob:1000000:0\n", 1, 2, ""},
		{"all:0:4294967295\n", 1, 2, "all 0 to 4294967294"},
		{"#ann:x:1000000:5::/:/bin/sh\n+::::::\n\nshort:x\nodd:x:1000000000000000:0\n", 2, -1, ""},
		{"big:x:7:" + strings.Repeat("someone,", 20_000) + "\nann:x:1000000:\n", 2, -1, "ann 1000000"},
	} {
		all, err := accountsIn(strings.NewReader(tc.text), tc.id, tc.count)
		got := ""
		for _, a := range all {
			if a.path = "db"; r.overlaps(a.first, a.last) {
				got = strings.TrimPrefix(a.String(), "db has ")
				break
			}
		}
		if err != nil || got != tc.want {
			t.Errorf("%.40q, field %d: %q, %v, want %q", tc.text, tc.id, got, err, tc.want)
		}
	}
}

// Ids that an account has end the start of logisd only before there are sites; with sites it is a warning, or, in doctor,
// missing where a site has them.
func TestTakenIDs(t *testing.T) {
	root, nobodys := IDs{First: 0, Last: 100}, IDs{First: 4_200_000_000, Last: 4_200_065_535}
	for _, tc := range []struct {
		what string
		o    Options
		want Status
		says string
	}{
		{"no sites", Options{IDs: root}, Missing, "set first_id"},
		{"sites, whose ids are not known yet", Options{IDs: root, Sited: true}, Warning, "no new site"},
		{"sites with other ids", Options{IDs: root, Sited: true, SiteIDs: []IDs{nobodys}}, Warning, "no new site"},
		{"a site with that id", Options{IDs: root, Sited: true, SiteIDs: []IDs{nobodys, root}}, Missing, "could act as root of a site"},
		{"ids of nobody", Options{IDs: nobodys, Sited: true, SiteIDs: []IDs{nobodys}}, OK, "are no account's"},
	} {
		c := ids(tc.o)
		if c.Status != tc.want || !strings.Contains(c.Found+c.Mend, tc.says) {
			t.Errorf("%s: %+v, want %s", tc.what, c, tc.want)
		}
		if tc.want != OK && !strings.Contains(c.Found, "/etc/passwd has root 0") {
			t.Errorf("%s: whose they are is not said: %+v", tc.what, c)
		}
	}
	free, err := FreeIDs()
	if err != nil || free(root.First, root.Last) || !free(nobodys.First, nobodys.Last) {
		t.Errorf("FreeIDs: %v, root's are free: %t", err, free(root.First, root.Last))
	}
}

func FuzzAccountsIn(f *testing.F) {
	f.Add("ann:934465:65536\n", 1, 2)
	f.Add("ann:x:1000000:5::/:/bin/sh\n", 2, -1)
	f.Fuzz(func(t *testing.T, text string, id, count int) {
		if id < 0 || id > 6 || count < -1 || count > 6 {
			t.Skip()
		}
		_, _ = accountsIn(strings.NewReader(text), id, count)
	})
}
