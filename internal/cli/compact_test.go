package cli

import "testing"

func TestCompact(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1K", 1023: "1K", 1024: "1K", 1536: "1.5K", 10188: "9.9K", 10189: "10K", 512 << 20: "512M", 1000 << 20: "1G",
		1999 << 20: "2G", 1<<63 - 1: "8E",
	} {
		if got := compact(n); got != want || len(got) > 4 {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tc := range []struct {
		used, limit int64
		want        string
	}{
		{0, 0, "0 %"}, {0, 100, "0 %"}, {1, 1000, "1 %"}, {55, 100, "55 %"}, {999, 1000, "99 %"}, {1000, 1000, "100 %"}, {2000, 1000, "200 %"},
	} {
		if got := share(tc.used, tc.limit); got != tc.want {
			t.Errorf("%d of %d is %s, want %s", tc.used, tc.limit, got, tc.want)
		}
	}
}

// However narrow the terminal, no line is wider than it.
func TestStatsFit(t *testing.T) {
	rows := [][]string{statsHead, {"a-name-of-the-full-length-of-31", "12.34/16", "999M/999M", "100%", "999M/999M", "100%", "999M", "999M", "9999/9999", "9999"}}
	for width := 2; width < 130; width++ {
		for _, line := range statsColumns(rows, width) {
			if n := len([]rune(line)); n > width-1 {
				t.Errorf("width %d: %d columns: %s", width, n, line)
			}
		}
	}
	if got := statsColumns(rows, 0)[1]; got[:31] != rows[1][0] {
		t.Errorf("without a width: %s", got)
	}
}
