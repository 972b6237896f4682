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
		if got, err := takenIn(strings.NewReader(tc.text), tc.id, tc.count, r); err != nil || got != tc.want {
			t.Errorf("%.40q, field %d: %q, %v, want %q", tc.text, tc.id, got, err, tc.want)
		}
	}
	if c := ids(IDs{First: 0, Last: 100}); c.Status != Missing || !strings.Contains(c.Found, "/etc/passwd has root 0") {
		t.Errorf("root's id: %+v", c)
	}
	if c := ids(IDs{First: 4_200_000_000, Last: 4_200_065_535}); c.Status == Missing {
		t.Errorf("ids of nobody: %+v", c)
	}
}

func FuzzTakenIn(f *testing.F) {
	f.Add("ann:934465:65536\n", 1, 2)
	f.Add("ann:x:1000000:5::/:/bin/sh\n", 2, -1)
	f.Fuzz(func(t *testing.T, text string, id, count int) {
		if id < 0 || id > 6 || count < -1 || count > 6 {
			t.Skip()
		}
		_, _ = takenIn(strings.NewReader(text), id, count, IDs{First: 1_000_000, Last: 1_065_535})
	})
}
