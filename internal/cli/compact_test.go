package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
)

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

func TestAmount(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 7: "7", 99_999: "99999", 100_000: "100k", 9_999_400: "9999k", 12_345_678: "12M", 9e18: "9000P"} {
		if got := amount(n); got != want || len(got) > 6 {
			t.Errorf("%g is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 0.04: "0", 0.5: "0.5", 1: "1", 9.94: "9.9", 9.96: "10", 1234.4: "1234"} {
		if got := perSecond(n); got != want {
			t.Errorf("%g is %s, want %s", n, got, want)
		}
	}
}

// However narrow the terminal, no line is wider than it; at 80 columns nothing is missing that the issue asks for.
func TestStatsFit(t *testing.T) {
	full := api.SiteStats{
		Name: "a-name-of-the-full-length-of-31", State: "running", Limits: api.Limits{MemoryBytes: 999 << 20, DiskBytes: 999 << 20, CPUs: 16, PIDs: 9999},
		Usage:   api.Usage{MemoryBytes: 999 << 20, DiskBytes: 999 << 20, PIDs: 9999, OOMKills: 9999, CPUSeconds: 12.34},
		Network: api.Traffic{ReceivedBytes: 999 << 20, SentBytes: 999 << 20}, Requests: &api.Requests{Total: 99_999, Status: api.StatusClasses{C5xx: 99_999}},
	}
	began := full
	began.Usage.CPUSeconds, began.Network, began.Requests = 0, api.Traffic{}, &api.Requests{}
	at := time.Unix(1_700_000_000, 0)
	columns, rows := statsTable(api.Stats{At: at, Sites: []api.SiteStats{began}, RequestsSince: &at},
		api.Stats{At: at.Add(time.Second), Sites: []api.SiteStats{full}, RequestsSince: &at}, "name")
	for width := 1; width < 130; width++ {
		lines := layout(columns, rows, width)
		for _, l := range lines {
			var text string
			for _, part := range l {
				text += part.text
			}
			if n := columnsOf(text); n > width {
				t.Errorf("width %d: %d columns: %s", width, n, text)
			}
			if width == 79 && l[1].text == "NAME" {
				for _, head := range []string{"CPU", "MEMORY", "DISK", "IN/S", "OUT/S", "REQ/S", "REQUESTS"} {
					if !strings.Contains(text, head) {
						t.Errorf("no %s in 80 columns: %s", head, text)
					}
				}
			}
		}
	}
}
