package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotCounted is returned where no proxy tells how many requests there were.
var ErrNotCounted = errors.New("no logis-proxy tells how many requests there were")

// slack is how many tallies a proxy may tell beyond two for each route: of no site, and of sites that are made meanwhile.
const slack = 64

// countTimeout is what a proxy has to tell of all sites.
const countTimeout = time.Second

// Counts is what the proxy that serves, and those before it whose count it goes on with, have counted.
type Counts struct {
	Since  time.Time        // nothing before is in it
	Sites  map[string]Tally // of the sites that have a route and had a request
	NoSite Tally
}

// Counts asks the proxies for their counts, which takes no part in a visitor's request. Who asks while it is being asked waits,
// and gets what was counted after it came. The error wraps ErrNotCounted: no proxy is connected, it is of an earlier release, or
// it does not answer soon.
func (p *Publisher) Counts(ctx context.Context) (Counts, error) {
	came := time.Now()
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	select {
	case p.counting <- struct{}{}:
		defer func() { <-p.counting }()
	case <-ctx.Done():
		return Counts{}, fmt.Errorf("%w: %w", ErrNotCounted, ctx.Err())
	}
	if p.counted.began.After(came) {
		return p.counted.Counts, p.counted.err
	}
	p.counted.began = time.Now()
	counts, err := p.count(ctx)
	p.counted.err = err
	if err == nil {
		p.counted.Counts = counts
	}
	return counts, err
}

// counted is the last answer.
type counted struct {
	Counts
	began time.Time
	err   error // then Counts is that before
}

// count asks every proxy that goes on with the newest one's count.
func (p *Publisher) count(ctx context.Context) (Counts, error) {
	p.mu.Lock()
	var tellers []*session
	var since int64
	for _, s := range slices.Backward(p.sessions) {
		if began := s.counts(); began != 0 && (since == 0 || began == since) {
			tellers, since = append(tellers, s), began
		}
	}
	most := 2*len(p.routes) + slack
	for name := range p.deleted {
		delete(p.counted.Sites, name)
	}
	clear(p.deleted)
	p.mu.Unlock()
	if len(tellers) == 0 {
		return Counts{}, ErrNotCounted
	}
	all := map[string]Tally{}
	heard := 0
	for _, s := range tellers {
		tallies, err := s.count(ctx, most)
		if err != nil {
			continue
		}
		heard++
		for _, t := range tallies {
			all[t.Site] = t.orMore(all[t.Site])
		}
	}
	if heard == 0 {
		return Counts{}, fmt.Errorf("%w: it does not answer", ErrNotCounted)
	}
	if p.counted.Since.Equal(time.UnixMilli(since)) {
		// What a proxy counted that has just gone, its successor may not know yet.
		for name, t := range p.counted.Sites {
			all[name] = t.orMore(all[name])
		}
		all[""] = p.counted.NoSite.orMore(all[""])
	}
	out := Counts{Since: time.UnixMilli(since), Sites: map[string]Tally{}, NoSite: all[""]}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, t := range all {
		// Of a site that was made anew meanwhile this may be the count of the one before.
		if _, known := p.routes[name]; known && !p.deleted[name] {
			out.Sites[name] = t
		}
	}
	return out, nil
}

// tallying is what a proxy tells before it acknowledges a Count.
type tallying struct {
	most    int // tallies
	tallies []Tally
}

// counts is since when the proxy counts; 0 is not known.
func (s *session) counts() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != nil {
		return 0
	}
	return s.since
}

// count asks the proxy for at most so many tallies. One that has not answered the last time is not asked again.
func (s *session) count(ctx context.Context, most int) ([]Tally, error) {
	s.mu.Lock()
	if s.tallying != nil {
		s.mu.Unlock()
		return nil, errors.New("it has not answered yet")
	}
	mine := &tallying{most: most}
	s.tallying = mine
	s.queue(Message{Op: Count})
	w := wait{seq: s.sent, done: make(chan struct{})}
	s.waits, s.tallied = append(s.waits, w), w.seq
	s.mu.Unlock()
	select {
	case <-w.done:
		return mine.tallies, nil // written before done was closed, and not after
	case <-s.gone:
		return nil, errDisconnected
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tally takes what the proxy tells of one site; mu is held.
func (s *session) tally(t Tally) error {
	switch {
	case s.tallying == nil:
		return errors.New("a tally that nobody has asked for")
	case len(s.tallying.tallies) == s.tallying.most:
		return fmt.Errorf("more than %d tallies", s.tallying.most)
	}
	s.tallying.tallies = append(s.tallying.tallies, t)
	return nil
}
