//go:build e2e && soak

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// tally counts what a soak does and sees.
type tally struct {
	mu         sync.Mutex
	began      time.Time
	commands   map[string]count
	kills      map[string]int
	requests   map[string]count
	causes     map[string]cause
	rows       count
	checked    int // rows that were looked for
	proxy      failing
	seen       map[string]time.Time // when a site last answered in peace
	written    map[string]time.Time // when its database last did
	returns    []comeback
	violations []violation
}

// comeback is how a site came to be up after a disturbance.
type comeback struct {
	site       string
	left, back time.Time // when the last command or kill of the test ended, and when all was ready
}

type count struct{ done, failed int }

// cause is what disturbed sites, and what that did to their visitors.
type cause struct {
	times, failed   int
	longest, outage time.Duration // until the site was ready; from the first request that failed to the last
	where           string        // the longest was
}

type violation struct {
	at         time.Time
	site, text string
}

// mostViolations ends a run: what comes later only says the same again.
const mostViolations = 12

func newTally() *tally {
	return &tally{
		began: time.Now(), commands: map[string]count{}, kills: map[string]int{}, requests: map[string]count{},
		causes: map[string]cause{}, seen: map[string]time.Time{}, written: map[string]time.Time{},
	}
}

func (c count) plus(err error) count {
	c.done++
	if err != nil {
		c.failed++
	}
	return c
}

func (t *tally) command(kind string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commands[kind] = t.commands[kind].plus(err)
}

func (t *tally) killed(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kills[what]++
}

func (t *tally) request(when string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[when] = t.requests[when].plus(err)
}

func (t *tally) row(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = t.rows.plus(err)
}

func (t *tally) verified(rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checked += rows
}

func (t *tally) well(site string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[site] = time.Now()
}

func (t *tally) wrote(site string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written[site] = time.Now()
}

// peaceful fails unless every site that should be up has answered, and taken a row, since a time.
func (t *tally) peaceful(sites []*soakSite, since time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range sites {
		if s.duty(since) == answer && (t.seen[s.name].Before(since) || t.written[s.name].Before(since)) {
			return fmt.Errorf("%s has not answered since all is at rest", s.name)
		}
	}
	return nil
}

// proxyFailed notes a request that failed for the proxy's sake; proxyBack that it serves again after so long.
func (t *tally) proxyFailed(began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy.add(began)
}

func (t *tally) proxyBack(after time.Duration) {
	t.mu.Lock()
	f := t.proxy
	t.proxy = failing{}
	t.mu.Unlock()
	t.disturbed("logis-proxy killed", "all", after, f)
}

// disturbed notes that a site was out of order for so long and is up again.
func (t *tally) disturbed(name, site string, length time.Duration, f failing) {
	if strings.Contains(name, ", ") {
		name = "several of these at once"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.causes[name]
	c.times++
	c.failed += f.count
	if length > c.longest {
		c.longest, c.where = length, fmt.Sprintf("%s at %s", site, time.Now().UTC().Format(time.TimeOnly))
	}
	c.outage = max(c.outage, f.last.Sub(f.first))
	t.causes[name] = c
}

func (t *tally) returned(c comeback) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.returns = append(t.returns, c)
}

// violate notes what must not happen, and reports whether that is enough of it.
func (t *tally) violate(site, format string, args ...any) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.violations) < mostViolations {
		t.violations = append(t.violations, violation{time.Now(), site, fmt.Sprintf(format, args...)})
	}
	return len(t.violations) == mostViolations
}

func (t *tally) progress() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	commands, kills, requests := 0, 0, 0
	for _, c := range t.commands {
		commands += c.done
	}
	for _, n := range t.kills {
		kills += n
	}
	for _, c := range t.requests {
		requests += c.done
	}
	return fmt.Sprintf("after %v: %d commands, %d kills and the like, %d requests, %d rows; %d violations",
		time.Since(t.began).Round(time.Second), commands, kills, requests, t.rows.done-t.rows.failed, len(t.violations))
}

// summary is the tables of a run.
func (t *tally) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	counts := func(title, second, third string, of map[string]count) {
		fmt.Fprintf(w, "\n%s\t%s\t%s\n", title, second, third)
		for _, name := range slices.Sorted(maps.Keys(of)) {
			fmt.Fprintf(w, "  %s\t%d\t%d\n", name, of[name].done, of[name].failed)
		}
	}
	counts("COMMANDS", "given", "cut short, refused or met by a kill", t.commands)
	fmt.Fprintf(w, "\nKILLS AND THE LIKE\ttimes\n")
	for _, name := range slices.Sorted(maps.Keys(t.kills)) {
		fmt.Fprintf(w, "  %s\t%d\n", name, t.kills[name])
	}
	counts("REQUESTS", "all", "failed", t.requests)
	fmt.Fprintf(w, "\nBACK AFTER\ttimes\tlongest until ready\trequests failed\tlongest outage\tthe longest\n")
	for _, name := range slices.Sorted(maps.Keys(t.causes)) {
		c := t.causes[name]
		fmt.Fprintf(w, "  %s\t%d\t%.1f s\t%d\t%.1f s\t%s\n", name, c.times, c.longest.Seconds(), c.failed, c.outage.Seconds(), c.where)
	}
	fmt.Fprintf(w, "\nROWS\tacknowledged %d\trefused %d\tlooked for and there %d\n", t.rows.done-t.rows.failed, t.rows.failed, t.checked)
	_ = w.Flush() // into memory
	return out.String()
}
