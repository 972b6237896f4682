package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/site"
)

func TestGauge(t *testing.T) {
	for name, tc := range map[string]struct {
		percents []int // one a day
		want     []int
	}{
		"at rest":             {[]int{0, 50, 79}, []int{0, 0, 0}},
		"up":                  {[]int{79, 80, 99, 100}, []int{0, 80, 0, 100}},
		"a leap":              {[]int{10, 100, 100}, []int{0, 100, 0}},
		"around a mark":       {[]int{80, 78, 80, 75, 81}, []int{80, 0, 0, 0, 0}},
		"below and again":     {[]int{80, 74, 80}, []int{80, 0, 80}},
		"full and again":      {[]int{100, 94, 100}, []int{100, 0, 100}},
		"full, and nearly so": {[]int{100, 96, 100}, []int{100, 0, 0}},
		"more than there is":  {[]int{130}, []int{100}},
	} {
		var g gauge
		for day, percent := range tc.percents {
			got := g.next(time.Unix(0, 0).Add(time.Duration(day)*24*time.Hour), percent)
			if d := cmp.Diff(tc.want[day], got); d != "" {
				t.Errorf("%s: %v, step %d (-want +got):\n%s", name, tc.percents, day, d)
			}
		}
	}
}

// A mark that is crossed too soon after the last time is told of later, while it is crossed.
func TestGaugeTellsLater(t *testing.T) {
	var g gauge
	begin := time.Unix(0, 0)
	at := func(s, percent int) int { return g.next(begin.Add(time.Duration(s)*time.Second), percent) }
	got := []int{at(0, 90), at(10, 10), at(20, 90), at(30, 90), at(61, 90), at(70, 90)}
	want := []int{80, 0, 0, 0, 80, 0}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPercent(t *testing.T) {
	for _, tc := range []struct{ used, limit, want int64 }{
		{0, 0, 0}, {5, 0, 0}, {1, 1000, 0}, {79, 100, 79}, {795, 1000, 80}, {994, 1000, 99}, {995, 1000, 100}, {2, 1, 200}, {1 << 60, 1 << 60, 100},
	} {
		if got := percent(tc.used, tc.limit); int64(got) != tc.want {
			t.Errorf("%d of %d is %d %%, want %d", tc.used, tc.limit, got, tc.want)
		}
	}
}

// Whatever a site does for a day, what is told of it is bounded, and the first crossing of each mark is told at once.
func TestTellingIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g gauge
		now := time.Unix(0, 0)
		told := map[int]int{}
		seen := map[int]bool{}
		for day := now.Add(24 * time.Hour); now.Before(day); {
			now = now.Add(time.Duration(rapid.IntRange(1, 600).Draw(t, "seconds")) * time.Second)
			percent := rapid.SampledFrom([]int{0, 74, 75, 79, 80, 94, 95, 99, 100, 120}).Draw(t, "percent")
			crossed := g.next(now, percent)
			told[crossed]++
			if percent < crossed {
				t.Errorf("%d told at %d %%", crossed, percent)
			}
			for _, mark := range []int{80, 100} {
				if percent >= mark && !seen[mark] {
					seen[mark] = true
					if crossed < mark {
						t.Errorf("the first time at %d %%: told %d", percent, crossed)
					}
				}
			}
		}
		for mark, times := range told {
			// 1, 2, 4 … 60 minutes of silence; one that rests an hour beyond its silence begins anew, best for it after five, in 91 minutes.
			if mark > 0 && times > 80 {
				t.Errorf("%d told %d times in a day", mark, times)
			}
		}
	})
}

// A site that goes up and down as fast as it can is told of 29 times on the first day.
func TestWorstTelling(t *testing.T) {
	var g gauge
	told := 0
	for s := range 24 * 3600 {
		if g.next(time.Unix(int64(s), 0), []int{90, 10}[s%2]) > 0 {
			told++
		}
	}
	if told < 24 || told > 32 {
		t.Errorf("told %d times", told)
	}
}

func TestKillsAreToldInOne(t *testing.T) {
	begin := time.Unix(0, 0)
	nginx, php := container.Kill{PID: 7, Name: "nginx"}, container.Kill{PID: 8, Name: "php"}
	var s strain
	for i, step := range []struct {
		seconds int
		kills   int64
		heard   container.Kill
		fresh   bool
		tell    int64
		last    container.Kill
		owes    bool
	}{
		{0, 1, nginx, true, 1, nginx, false},
		{1, 1, php, false, 0, nginx, false}, // of another instance's site, with the same ids
		{2, 3, php, true, 0, php, true},     // too soon
		{30, 5, container.Kill{}, true, 0, container.Kill{}, true},
		{61, 5, container.Kill{}, false, 4, container.Kill{}, false},
		{62, 5, php, false, 0, php, false}, // its name comes late
	} {
		fresh, tell := s.count(begin.Add(time.Duration(step.seconds)*time.Second), step.kills, step.heard)
		if fresh != step.fresh || tell != step.tell || s.last != step.last || s.owesCount() != step.owes {
			t.Errorf("step %d: fresh %t, tell %d, last %+v, owes %t", i, fresh, tell, s.last, s.owesCount())
		}
	}
}

// What was killed while logisd was away is counted, and named if the kernel's log still holds it, but no news.
func TestKillsOfBefore(t *testing.T) {
	php := container.Kill{PID: 8, Name: "php"}
	s := strain{seen: -1, told: -1}
	if !s.owesCount() {
		t.Error("never read, and not to be read")
	}
	if fresh, tell := s.count(time.Now(), 3, php); fresh || tell != 0 || s.last != php || s.owesCount() {
		t.Errorf("fresh %t, tell %d, %+v", fresh, tell, s)
	}
	if fresh, tell := s.count(time.Now(), 4, php); !fresh || tell != 1 {
		t.Errorf("one more: fresh %t, tell %d", fresh, tell)
	}
	s.renew()
	if fresh, tell := s.count(time.Now().Add(time.Hour), 1, php); !fresh || tell != 1 {
		t.Errorf("in another container: fresh %t, tell %d", fresh, tell)
	}
}

func TestKilledInWords(t *testing.T) {
	php := container.Kill{PID: 8, Name: "php"}
	host := php
	host.Host = true
	for want, k := range map[string]killed{
		"the kernel killed a process: the site's memory was used up":                                          {number: 1},
		"the kernel killed php (process 8 of the host): the site's memory was used up":                        {1, php},
		"the kernel killed php (process 8 of the host): the host's memory was used up":                        {1, host},
		"the kernel killed 2 processes: the site's memory was used up":                                        {number: 2},
		"the kernel killed 12 processes, php (process 8 of the host) the last: the site's memory was used up": {12, php},
	} {
		if got := k.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A logisd that starts does not tell again of what was told.
func TestRecall(t *testing.T) {
	var s strain
	tell := func(kind event.Type, message string) { s.recall(event.Event{Type: kind, Message: message}) }
	is := func(what string, memory, disk [2]bool) {
		t.Helper()
		if s.memory.told != memory || s.disk.told != disk {
			t.Errorf("%s: memory %v, disk %v", what, s.memory.told, s.disk.told)
		}
	}
	tell(event.SiteCreated, "")
	tell(event.SiteMemory, "80 %: 410MiB of 512MiB of memory in use")
	tell(event.SiteDisk, "80 %: …")
	tell(event.SiteDisk, "100 %: …")
	tell(event.SiteMemory, "of another version")
	is("told", [2]bool{true, false}, [2]bool{true, true})
	tell(event.SiteRestarted, "ready")
	is("restarted", [2]bool{}, [2]bool{true, true})
	tell(event.SiteDestroyed, "")
	is("destroyed", [2]bool{}, [2]bool{})
}

func TestHear(t *testing.T) {
	w := watch{poke: make(chan struct{}, 1), heard: map[string]container.Kill{}}
	record := func(name string, base uint32) site.Record {
		return site.Record{Spec: site.Spec{Name: name}, IDBase: base}
	}
	w.know([]site.Record{record("bob", 1_000_065_536), record("alice", 1_000_000_000), record("carol", 1_000_262_144)})
	for _, k := range []container.Kill{
		{UID: 999_999_999, PID: 1},
		{UID: 1_000_000_000, PID: 2},
		{UID: 1_000_065_535, PID: 3},
		{UID: 1_000_065_536, PID: 4},
		{UID: 1_000_131_072, PID: 5}, // nobody's
		{UID: 1_000_327_679, PID: 6},
		{UID: 1_000_327_680, PID: 7},
		{UID: 5, PID: 8, Site: "dan"},
	} {
		w.hear(k)
	}
	got := map[string]int{}
	heard, all := w.take()
	for name, k := range heard {
		got[name] = k.PID
	}
	if d := cmp.Diff(map[string]int{"alice": 3, "bob": 4, "carol": 6, "dan": 8}, got); d != "" || all {
		t.Errorf("all %t, heard (-want +got):\n%s", all, d)
	}
	<-w.poke
	w.miss()
	if heard, all := w.take(); len(heard) > 0 || !all {
		t.Errorf("all %t, heard %v", all, heard)
	}
}
