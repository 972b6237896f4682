package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/logis-project/logis/api"
)

const unknown = "-"

// statsOrders are what the rows of stats can be in the order of.
var statsOrders = []string{"name", "cpu", "memory", "disk", "requests"}

// oneOf writes "a, b or c".
func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

var statsColumns = []column{
	{head: "NAME", least: 8},
	{head: "CPU", right: true},
	{head: "MEMORY", right: true},
	{head: "MEM%", right: true, spare: 4},
	{head: "DISK", right: true, spare: 7},
	{head: "DISK%", right: true},
	{head: "IN/S", right: true},
	{head: "OUT/S", right: true},
	{head: "REQ/S", right: true},
	{head: "REQUESTS", right: true, spare: 5},
	{head: "5XX/S", right: true, spare: 3},
	{head: "PIDS", right: true, spare: 2},
	{head: "OOM", right: true, spare: 1},
}

// statsTable is the table of what sites used between two samples, a row a site, in an order of statsOrders; by name is the order of
// the samples.
func statsTable(before, now api.Stats, order string) ([]column, [][]cell) {
	old := map[string]api.SiteStats{}
	for _, s := range before.Sites {
		old[s.Name] = s
	}
	var all []rates
	for _, s := range now.Sites {
		all = append(all, ratesOf(old[s.Name], s, now.At.Sub(before.At).Seconds(), sameCount(before, now)))
	}
	if of := map[string]func(rates) float64{
		"cpu":      func(u rates) float64 { return u.cpu },
		"memory":   func(u rates) float64 { return float64(working(u.Usage)) },
		"disk":     func(u rates) float64 { return float64(u.Usage.DiskBytes) },
		"requests": func(u rates) float64 { return u.requests },
	}[order]; of != nil {
		slices.SortStableFunc(all, func(a, b rates) int { return cmp.Compare(of(b), of(a)) })
	}
	rows := make([][]cell, 0, len(all))
	for _, u := range all {
		rows = append(rows, u.row())
	}
	return statsColumns, rows
}

// sameCount reports whether both samples have requests of one count, so that they can be compared.
func sameCount(before, now api.Stats) bool {
	return before.RequestsSince != nil && now.RequestsSince != nil && before.RequestsSince.Equal(*now.RequestsSince)
}

// rates is what a site used in a second; less than zero where that is not known.
type rates struct {
	api.SiteStats
	cpu, in, out, requests, failed float64
}

func ratesOf(old, s api.SiteStats, seconds float64, counted bool) rates {
	u := rates{SiteStats: s, cpu: -1, in: -1, out: -1, requests: -1, failed: -1}
	if seconds <= 0 || old.Name == "" { // one that was not there before says nothing of a second
		return u
	}
	cpu := s.Usage.CPUSeconds - old.Usage.CPUSeconds
	in := s.Network.ReceivedBytes - old.Network.ReceivedBytes
	out := s.Network.SentBytes - old.Network.SentBytes
	// A counter that went back is of a site that was started anew.
	if s.Usage.PIDs > 0 && old.Usage.PIDs > 0 && cpu >= 0 && in >= 0 && out >= 0 {
		u.cpu, u.in, u.out = cpu/seconds, float64(in)/seconds, float64(out)/seconds
	}
	if counted && s.Requests != nil && old.Requests != nil && s.Requests.Total >= old.Requests.Total {
		u.requests = float64(s.Requests.Total-old.Requests.Total) / seconds
		u.failed = float64(s.Requests.Status.C5xx-old.Requests.Status.C5xx) / seconds
	}
	return u
}

// row is a site's row of statsColumns. A site that does not run has its disk and its requests.
func (u rates) row() []cell {
	s := u.SiteStats
	as := api.Site{Name: s.Name, State: s.State, Usage: s.Usage, Limits: s.Limits}
	row := slices.Repeat([]cell{{text: unknown}}, len(statsColumns))
	row[0] = cell{text: s.Name}
	if p := stateOf(as); p == bad || p == idle {
		row[0].paint = p
	}
	if s.Usage.PIDs > 0 {
		used := working(s.Usage)
		p := fullness(used, s.Limits.MemoryBytes)
		row[2], row[3] = cell{upTo(used, s.Limits.MemoryBytes), p}, cell{percentOf(used, s.Limits.MemoryBytes), p}
		row[11] = cell{fmt.Sprintf("%d/%d", s.Usage.PIDs, s.Limits.PIDs), fullness(s.Usage.PIDs, s.Limits.PIDs)}
		row[12] = cell{text: fmt.Sprint(s.Usage.OOMKills)}
		if s.Usage.OOMKills > 0 {
			row[12].paint = busy
		}
	}
	row[4] = cell{upTo(s.Usage.DiskBytes, s.Limits.DiskBytes), diskPaint(as)}
	row[5] = cell{diskShare(as), diskPaint(as)}
	if u.cpu >= 0 {
		row[1].text = fmt.Sprintf("%.2f/%g", u.cpu, s.Limits.CPUs)
		row[6].text, row[7].text = compact(int64(u.in)), compact(int64(u.out))
	}
	if u.requests >= 0 {
		row[8].text = perSecond(u.requests)
		row[10].text = perSecond(u.failed)
		if u.failed > 0 {
			row[10].paint = bad
		}
	}
	if s.Requests != nil {
		row[9].text = amount(float64(s.Requests.Total))
	}
	return row
}

// diskShare is the share of what is fuller: the disk, or what of it files may use.
func diskShare(s api.Site) string {
	u, most := s.Usage, filesLimit(s)
	if most > 0 && float64(u.FilesBytes)/float64(most) > float64(u.DiskBytes)/float64(s.Limits.DiskBytes) {
		return percentOf(u.FilesBytes, most)
	}
	return percentOf(u.DiskBytes, s.Limits.DiskBytes)
}
