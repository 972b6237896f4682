package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/logis-project/logis/api"
)

var statsHead = []string{"NAME", "CPU", "MEMORY", "", "DISK", "", "IN/S", "OUT/S", "PIDS", "OOM"}

// statsLines writes the table of what sites used between two samples: its head, and a line a site. A width of 0 is none; where
// there is one, names are cut so that the lines fit.
func statsLines(before, now api.Stats, width int) []string {
	old := map[string]api.SiteStats{}
	for _, s := range before.Sites {
		old[s.Name] = s
	}
	seconds := now.At.Sub(before.At).Seconds()
	rows := [][]string{statsHead}
	for _, s := range now.Sites {
		rows = append(rows, statsRow(old[s.Name], s, seconds))
	}
	return statsColumns(rows, width)
}

const unknown = "-"

// statsRow is a site's row. A site that does not run has its disk alone.
func statsRow(old, s api.SiteStats, seconds float64) []string {
	row := []string{
		clean(s.Name), unknown, unknown, "", upTo(s.Usage.DiskBytes, s.Limits.DiskBytes), percentOf(s.Usage.DiskBytes, s.Limits.DiskBytes),
		unknown, unknown, unknown, unknown,
	}
	if s.Usage.PIDs == 0 {
		return row
	}
	used := working(s.Usage)
	row[2], row[3] = upTo(used, s.Limits.MemoryBytes), percentOf(used, s.Limits.MemoryBytes)
	row[8], row[9] = fmt.Sprintf("%d/%d", s.Usage.PIDs, s.Limits.PIDs), fmt.Sprint(s.Usage.OOMKills)
	cpu := s.Usage.CPUSeconds - old.Usage.CPUSeconds
	in := s.Network.ReceivedBytes - old.Network.ReceivedBytes
	out := s.Network.SentBytes - old.Network.SentBytes
	// A counter that went back is of a site that was started anew; one that was not there before says nothing of a second.
	if seconds <= 0 || old.Name == "" || old.Usage.PIDs == 0 || cpu < 0 || in < 0 || out < 0 {
		return row
	}
	row[1] = fmt.Sprintf("%.2f/%g", cpu/seconds, s.Limits.CPUs)
	row[6], row[7] = compact(int64(float64(in)/seconds)), compact(int64(float64(out)/seconds))
	return row
}

const (
	statsGap = 2 // between two columns; 1 before a share, which belongs to the column before
	minName  = 8
)

// statsColumns aligns the rows: names to the left, all else to the right.
func statsColumns(rows [][]string, width int) []string {
	widths := make([]int, len(statsHead))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	gaps := make([]int, len(statsHead))
	total := 0
	for i := range statsHead {
		gaps[i] = statsGap
		switch {
		case i == 0:
			gaps[i] = 0
		case statsHead[i] == "":
			gaps[i] = 1
		}
		total += gaps[i] + widths[i]
	}
	if over := total - (width - 1); width > 0 && over > 0 { // the last column stays empty, as in fit
		widths[0] = max(widths[0]-over, minName)
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		line := fmt.Sprintf("%-*s", widths[0], cut(row[0], widths[0]))
		for i, cell := range row[1:] {
			line += strings.Repeat(" ", gaps[i+1]) + fmt.Sprintf("%*s", widths[i+1], cell)
		}
		if width > 0 {
			line = cut(line, width-1)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// cut shortens text of narrow characters to so many columns.
func cut(s string, columns int) string {
	if r := []rune(s); len(r) > max(columns, 1) {
		return string(r[:max(columns, 1)-1]) + "…"
	}
	return s
}

// upTo writes "47M/512M".
func upTo(used, limit int64) string { return compact(used) + "/" + compact(limit) }

// percentOf is share in three or four columns.
func percentOf(used, limit int64) string { return strings.ReplaceAll(share(used, limit), " ", "") }

// compact writes a number of bytes in at most four columns: "0", "999", "1.9K", "512M", "2G".
func compact(n int64) string {
	value, unit := float64(n), 0
	units := []string{"", "K", "M", "G", "T", "P", "E"}
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit > 0 && value < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + units[unit]
	}
	return fmt.Sprintf("%.0f%s", value, units[unit])
}
