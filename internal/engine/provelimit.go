package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

const answeredAll = "every request answered"

// pressure is a limit of a throw-away site that its own root drives to the edge, while the neighbour is visited.
type pressure struct {
	name  string
	want  string
	parts func(*proof) []string // of siege.Command
	judge func(*toll) string    // what was reached: want, or what else; numbers follow after ": "

	change site.Change                                  // is made for it only
	lacks  func(*proof) string                          // why this host cannot hold it to that; nil where every host can
	count  func(context.Context, *proof) (int64, error) // is called at the edge, and once more at the end
	beside func(context.Context, *proof)                // what the host does meanwhile, until ctx ends

	ready func(context.Context, *proof) error // waits for what must be before it begins
	then  func(context.Context, *proof) error // is called once it is over, however that was

	last *toll // set by drive
}

// toll is what came of it.
type toll struct {
	edges    map[string]string // what each part said; from inside, so believed only of a program of ours in a site of ours
	parts    []string
	before   container.Usage
	top      container.Usage // the most that was seen of each
	cpus     float64         // used once all was at its edge
	first    int64           // that pressure.count told at the edge
	last     int64           // and at the end,
	took     time.Duration   // which was so much later
	disk     int64           // bytes, afterwards
	visitors visits
}

// limitRows are two rows a limit: what was reached, and how the neighbour fared.
func limitRows() []outsideRow {
	rows := heldRows()
	for _, l := range pressures() {
		rows = append(rows,
			outsideRow{group: "limits", name: l.name, want: []string{l.want}, throwaway: true, numbers: true, try: l.drive},
			outsideRow{
				group: "limits", name: l.name + ", the neighbour meanwhile", want: []string{answeredAll}, throwaway: true, numbers: true,
				try: func(context.Context, *proof) (string, error) {
					if l.last == nil {
						return "", fmt.Errorf("%w: the limit was not driven to its edge", errLacking)
					}
					return l.last.visitors.sum()
				},
			})
	}
	return rows
}

func pressures() []*pressure {
	limits, bounds := proofLimits(), network.ShareOfSite()
	size := func(n int64) string { return units.BytesSize(float64(n)) }
	fixed := func(parts ...string) func(*proof) []string { return func(*proof) []string { return parts } }
	memory, disk := "at most "+size(limits.Memory), "at most "+size(limits.Disk)
	pids, cpus := fmt.Sprintf("at most %d", limits.PIDs), fmt.Sprintf("at most %g", limits.CPUs)
	opened := fmt.Sprintf("at most %d a second after %d at once", bounds.Rate, bounds.Burst)
	const refused, allOf = "refused past the limit", "every part at its edge"
	hold := func(p *proof) string {
		return fmt.Sprintf("hold=%s:%d:%d", p.network.Gateway4(), p.network.ProxyPort(), bounds.Open+1000)
	}
	open := func(p *proof) string {
		return fmt.Sprintf("open=%s:%d:200", p.network.Gateway4(), p.network.ProxyPort())
	}
	all := []*pressure{
		{
			name: "new connections", want: opened, lacks: proxyless, then: fill,
			parts: func(p *proof) []string { return []string{open(p)} },
			judge: func(s *toll) string {
				const seconds = 4 // that the program counts for
				n, err := strconv.Atoi(strings.TrimSuffix(s.edges[s.parts[0]], " a second"))
				most := bounds.Rate + bounds.Burst/seconds
				return within(err == nil && n > 0 && n <= most*11/10, opened, "%s of the first %d", s.edges[s.parts[0]], seconds)
			},
		},
		{name: "processors", want: cpus, parts: fixed("cpu=4"), judge: func(s *toll) string {
			return within(s.cpus <= limits.CPUs*1.1, cpus, "%.2f of %g", s.cpus, limits.CPUs) // the quota is kept by tenths of a second
		}},
		{name: "memory and swap", want: memory, parts: fixed("memory=" + strconv.FormatInt(4<<30, 10)), judge: func(s *toll) string {
			ok := s.top.Memory <= limits.Memory && s.top.Swap <= limits.Swap && s.top.OOMKills > s.before.OOMKills
			return within(ok, memory, "%s and %s of swap, %d killed", size(s.top.Memory), size(s.top.Swap), s.top.OOMKills-s.before.OOMKills)
		}},
		{name: "tasks", want: pids, parts: fixed("pids=100000"), judge: func(s *toll) string {
			return within(s.top.PIDs <= limits.PIDs && s.top.PIDs > limits.PIDs*9/10, pids, "%d", s.top.PIDs)
		}},
	}
	all = append(all, stores()...) // before the disk is full
	all = append(all, []*pressure{
		{name: "disk", want: disk, parts: fixed("disk=/home"), judge: func(s *toll) string {
			ok := s.disk <= limits.Disk && strings.Contains(s.edges["disk=/home"], "quota exceeded")
			return within(ok, disk, "%s, and %s", size(s.disk), s.edges["disk=/home"])
		}},
		{name: "open files of a process", want: refused, parts: fixed("files=10000000"), judge: func(s *toll) string {
			words := s.edges["files=10000000"]
			return within(strings.Contains(words, "Too many open files"), refused, "%s", words)
		}},
	}...)
	all = append(all, connections())
	all = append(all, flows()...)
	return append(all, &pressure{
		name: "all at once", want: allOf, parts: func(p *proof) []string {
			return []string{"disk=/home", "memory=4294967296", hold(p), open(p), "files=10000000", "cpu=4", "pids=100000"}
		}, judge: func(s *toll) string {
			return within(len(s.edges) == len(s.parts), allOf, "%d of %d", len(s.edges), len(s.parts))
		},
	})
}

// within is what is wanted, if so, and the numbers.
func within(ok bool, want, format string, args ...any) string {
	if !ok {
		want = "NOT " + want
	}
	return want + ": " + fmt.Sprintf(format, args...)
}

// drive runs the parts in the subject until all are at their edge, and a little longer.
func (l *pressure) drive(ctx context.Context, p *proof) (_ string, err error) {
	if l.then != nil {
		defer func() { err = errors.Join(err, l.then(ctx, p)) }()
	}
	if l.change != (site.Change{}) {
		back, setErr := p.change(ctx, l.change)
		if setErr != nil {
			return "", setErr
		}
		defer func() { err = errors.Join(err, back()) }()
	}
	if l.lacks != nil {
		if why := l.lacks(p); why != "" {
			return "", fmt.Errorf("%w: %s", errLacking, why)
		}
	}
	if l.ready != nil {
		if err := l.ready(ctx, p); err != nil {
			return "", err
		}
	}
	s, err := p.press(ctx, l)
	if err != nil {
		return "", err
	}
	l.last = s
	return l.judge(s), nil
}

// Times of a pressure.
const (
	edgeTime   = 3 * time.Minute // within which all parts are at their edge: the disk of an emulated machine is slow
	atEdgeTime = time.Second     // that they are left there
	calmTime   = time.Minute     // within which they are gone
)
