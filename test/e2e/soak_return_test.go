//go:build e2e && soak

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

// startTime is how long a site may take from its PID 1 to all services ready, or logisd to come to it, on a machine that is
// busy with 20 sites.
const startTime = 30 * time.Second

// debt is by when logisd is to start a site: now, or where it died or failed after a pause.
type debt struct {
	at    time.Time
	pause time.Duration
	died  bool
}

// restarts goes through what logisd tells: it starts each site that died after the pause that it owes it, and each site comes
// back in the time that this and a start take.
func (k *soak) restarts(t *testing.T) {
	t.Helper()
	var events []api.Event
	err := k.logisd.Events(t.Context(), client.EventsOptions{Lines: 10_000}, func(e api.Event) error {
		if !e.Time.Before(k.tally.began.Truncate(time.Millisecond)) {
			events = append(events, e)
		}
		return nil
	})
	if err != nil {
		t.Errorf("read events: %v", err)
	}
	k.tally.mu.Lock()
	returns := k.tally.returns
	k.tally.mu.Unlock()
	slices.SortFunc(returns, func(a, b comeback) int { return a.back.Compare(b.back) })

	kinds, debts, trouble := map[string]int{}, map[string]debt{}, map[string]int{}
	var begun time.Time // of the logisd that is speaking
	var took []time.Duration
	for _, e := range events {
		for len(returns) > 0 && returns[0].back.Before(e.Time) {
			checkReturn(t, returns[0], debts[returns[0].site], begun)
			returns = returns[1:]
		}
		kinds[e.Type]++
		switch e.Type {
		case "daemon.started": // it knows nothing of what was
			begun = e.Time
			clear(debts)
			clear(trouble)
		case "site.died", "site.failed":
			// A second, doubled with each death that comes soon again, a minute at most.
			debts[e.Site] = debt{e.Time, min(time.Second<<min(trouble[e.Site], 6), time.Minute), e.Type == "site.died"}
			trouble[e.Site]++
		case "site.restarted":
			d := debts[e.Site]
			if late := e.Time.Sub(d.at); d.died {
				took = append(took, late)
				if late > d.pause+startTime {
					t.Errorf("%s died at %v and was started again %v later, where %v was the pause", e.Site, d.at, late, d.pause)
				}
			}
			debts[e.Site] = debt{at: e.Time}
		default:
			d := debts[e.Site] // a command came first; the pause goes on where that did not start it
			d.died = false
			debts[e.Site] = d
		}
	}
	for _, r := range returns {
		checkReturn(t, r, debts[r.site], begun)
	}
	t.Logf("events: %v", kinds)
	if len(took) > 0 {
		slices.Sort(took)
		t.Logf("PID 1 died and logisd started it again, its pause included: %d times, median %v, longest %v", len(took),
			took[len(took)/2], took[len(took)-1])
	}
}

func checkReturn(t *testing.T, r comeback, d debt, begun time.Time) {
	t.Helper()
	from := r.left
	for _, later := range []time.Time{d.at.Add(d.pause), begun} {
		if later.After(from) {
			from = later
		}
	}
	if late := r.back.Sub(from); late > startTime {
		t.Errorf("%s was ready only at %v, %v after logisd had nothing to wait for", r.site, r.back, late)
	}
}
