//go:build e2e && soak

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
)

// soakSite is what the test knows of one name, and so what may be asked of it.
type soakSite struct {
	name string
	soak *soak
	op   sync.Mutex // held by the worker whose command is about it

	mu      sync.Mutex
	exists  bool
	wanted  bool      // that it runs
	unsure  bool      // a command was cut short: what it did is seen when the site has settled
	mayGo   bool      // such a command would have made or destroyed it
	created time.Time // of the record: rows belong to it

	holds   int       // commands and kills under way that concern it
	turn    int       // grows with each beginning and end of one
	left    time.Time // when the last of them ended
	since   time.Time // when the disturbance that is open began; zero: it is calm
	calmAt  time.Time // when the last one was over
	causes  []string  // of the open one
	shocked bool      // one of them was no command on this site
	failing failing   // requests that failed meanwhile

	pid     int // of PID 1, when it was last seen ready
	started time.Time
	killed  process // the last PID 1 that the test killed

	rows rows
}

// process tells a PID 1 from the next one with its number.
type process struct {
	pid     int
	started time.Time
}

// begin says that something is being done to the site: until it has settled after end, nothing is asked of it.
func (s *soakSite) begin(cause string, shock bool) {
	s.hold()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = time.Now()
	}
	s.shocked = s.shocked || shock
	if !slices.Contains(s.causes, cause) {
		s.causes = append(s.causes, cause)
	}
}

// hold says that a command is under way which visitors must not notice.
func (s *soakSite) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds++
	s.turn++
}

// end is called once for each begin and hold.
func (s *soakSite) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds--
	s.turn++
	s.left = time.Now()
	if turn := s.turn; s.holds == 0 {
		s.soak.settlers.Go(func() { s.settle(turn) })
	}
}

// The longest that a site may take to be what its record says. logisd waits up to a minute before it starts a site that
// keeps dying, and gives its services 90 s; the rest is for a busy machine.
const settleTime = 60*time.Second + 90*time.Second + 60*time.Second

// settle waits until the site is what logisd says that it shall be; from then on that is asked of it. It gives up when
// something else is done to the site.
func (s *soakSite) settle(turn int) {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		seen, err := s.soak.logisd.Site(ctx, s.name)
		var answer *api.Error
		gone := errors.As(err, &answer) && answer.Code == api.CodeNotFound
		switch {
		case gone, err == nil && s.atRest(seen):
			s.calm(turn, seen, gone)
			return
		case ctx.Err() != nil:
			s.soak.violate(s.name, "it has not come to rest within %v: %s", settleTime, describe(seen, err))
			return
		}
		<-tick.C
		if s.turned(turn) {
			return
		}
	}
}

func (s *soakSite) turned(turn int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.turn != turn
}

// atRest tells whether a site is what its record says. One that was killed is not until there is another PID 1, however
// long logisd does not see it.
func (s *soakSite) atRest(seen api.Site) bool {
	if seen.Desired == "stopped" {
		return seen.State == "stopped" && seen.PID == 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return seen.State == "running" && ready(seen) && seen.PID > 0 && s.killed != process{seen.PID, seen.StartedAt}
}

func ready(seen api.Site) bool {
	return len(seen.Services) > 0 && !slices.ContainsFunc(seen.Services, func(v api.Service) bool { return !v.Ready })
}

func describe(seen api.Site, err error) string {
	if err != nil {
		return err.Error()
	}
	var waits []string
	for _, v := range seen.Services {
		if !v.Ready {
			waits = append(waits, v.Name+" is "+v.State)
		}
	}
	return fmt.Sprintf("it is %s, should be %s; process %d; %s %s", seen.State, seen.Desired, seen.PID, strings.Join(waits, ", "), seen.Error)
}

// calm ends the disturbance, unless something else began meanwhile.
func (s *soakSite) calm(turn int, seen api.Site, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn != turn {
		return
	}
	wanted := !gone && seen.Desired == "running"
	switch {
	case s.exists && gone && !s.mayGo:
		s.soak.violate(s.name, "it is lost")
	case !s.unsure && (s.exists == gone || s.wanted != wanted):
		s.soak.violate(s.name, "exists: %v, should run: %v, though its last command said exists: %v, should run: %v", !gone, wanted, s.exists, s.wanted)
	}
	s.exists, s.wanted, s.unsure, s.mayGo = !gone, wanted, false, false
	s.pid, s.started = seen.PID, seen.StartedAt
	if !seen.CreatedAt.Equal(s.created) {
		s.created = seen.CreatedAt
		s.rows = rows{}
	}
	if s.since.IsZero() {
		return
	}
	if wanted {
		s.soak.tally.disturbed(strings.Join(s.causes, ", "), s.name, time.Since(s.since), s.failing)
		s.soak.tally.returned(comeback{s.name, s.left, time.Now()})
	}
	s.since, s.calmAt, s.causes, s.shocked, s.failing = time.Time{}, time.Now(), nil, false, failing{}
}

// say notes what a command did; certain is false where that is to be seen.
func (s *soakSite) say(exists, wanted, certain, mayGo bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !certain {
		s.unsure = true
		s.mayGo = s.mayGo || mayGo
		return
	}
	s.exists, s.wanted = exists, wanted
}

// duty is what may be asked of a site.
type duty int

const (
	nothing duty = iota // it is being changed, or comes back
	answer              // it should be up
	silence             // it is stopped, or does not exist
)

// duty returns what could be asked of the site all the time from since until now.
func (s *soakSite) duty(since time.Time) duty {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.since.IsZero() || !s.calmAt.Before(since):
		return nothing
	case s.exists && s.wanted:
		return answer
	}
	return silence
}

// known returns what the site is as far as commands have said; sure is false while one's outcome is not known.
func (s *soakSite) known() (exists, wanted, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exists, s.wanted, !s.unsure
}

// excused tells whether a command that began at since may have failed for what others did to the site.
func (s *soakSite) excused(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.soak
	return s.shocked || k.daemonAway.meets(since) || k.rulesGone.meets(since) || k.halted.meets(since)
}
