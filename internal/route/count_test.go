package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counts reads a whole table, and acknowledges it as a proxy that counts.
func (p *peer) counts(since int64) {
	p.t.Helper()
	for {
		if m := p.next(); m.Op == End {
			p.say(string(Reply{Ack: m.Seq, Since: since}.Encode(nil)))
			return
		}
	}
}

// tell answers a Count.
func (p *peer) tell(tallies ...Tally) {
	p.t.Helper()
	m := p.next()
	if m.Op != Count {
		p.t.Errorf("asked to %q", m.Op)
	}
	var out []byte
	for _, t := range tallies {
		out = Reply{Tally: &t}.Encode(out)
	}
	p.say(string(Reply{Ack: m.Seq}.Encode(out)))
}

func tallyOf(site string, n int64) Tally { return Tally{Site: site, Classes: [5]int64{1: n}} }

// asks asks for the counts.
func asks(p *Publisher, ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { _, err := p.Counts(ctx); done <- err }()
	return done
}

// counting returns when so many proxies have told since when they count.
func counting(t *testing.T, p *Publisher, n int) {
	t.Helper()
	poll(t, "the proxies have told", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		told := 0
		for _, s := range p.sessions {
			if s.counts() != 0 {
				told++
			}
		}
		return told == n
	})
}

func TestCounts(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80"), testRoute("bob", "10.83.0.3:80")})
	if _, err := p.Counts(t.Context()); !errors.Is(err, ErrNotCounted) {
		t.Errorf("nobody there: %v", err)
	}
	early := dial(t, socket)
	early.table() // of a release that does not count: it would end the connection on a Count
	poll(t, "it is connected", p.Connected)
	if _, err := p.Counts(t.Context()); !errors.Is(err, ErrNotCounted) {
		t.Errorf("one that does not count: %v", err)
	}
	other, first, second := dial(t, socket), dial(t, socket), dial(t, socket)
	other.counts(5000) // its count is not the newest's
	first.counts(7000)
	second.counts(7000)
	counting(t, p, 3)
	go func() {
		second.tell(tallyOf("alice", 5), tallyOf("bob", 2))
		first.tell(tallyOf("alice", 7), tallyOf("", 3), tallyOf("zoe", 1))
	}()
	got, err := p.Counts(t.Context())
	want := Counts{Since: time.UnixMilli(7000), Sites: map[string]Tally{"alice": tallyOf("alice", 7), "bob": tallyOf("bob", 2)}, NoSite: tallyOf("", 3)}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
}

// Those who ask while the proxy is being asked cause one more question together, and none waits for a proxy that hangs.
func TestCountsAreShared(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace(nil)
	proxy := dial(t, socket)
	proxy.counts(7000)
	counting(t, p, 1)
	first := asks(p, t.Context())
	m := proxy.next()
	var others []<-chan error
	for range 5 {
		others = append(others, asks(p, t.Context()))
	}
	proxy.ack(m.Seq)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	m = proxy.next()
	proxy.ack(m.Seq)
	served := 0
	for _, c := range others {
		if err := <-c; err == nil { // one that came late has its own question, which nobody answers here
			served++
		}
	}
	if served == 0 {
		t.Error("nobody shared the second answer")
	}
}

func TestHangingProxyIsNotAskedAgain(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80")})
	proxy := dial(t, socket)
	proxy.counts(7000)
	counting(t, p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	hanging := asks(p, ctx)
	m := proxy.next()
	cancel()
	if err := <-hanging; !errors.Is(err, ErrNotCounted) {
		t.Errorf("it hangs: %v", err)
	}
	if _, err := p.Counts(t.Context()); !errors.Is(err, ErrNotCounted) {
		t.Errorf("it still hangs: %v", err)
	}
	set := make(chan error, 1)
	go func() { set <- p.Set(t.Context(), testRoute("bob", "10.83.0.3:80")) }()
	next := proxy.next()
	if next.Op != Set {
		t.Fatalf("asked to %q again", next.Op)
	}
	proxy.ack(m.Seq)
	proxy.ack(next.Seq)
	if err := <-set; err != nil {
		t.Error(err)
	}
	answered := asks(p, t.Context())
	proxy.tell(tallyOf("alice", 1))
	if err := <-answered; err != nil {
		t.Errorf("it answers again: %v", err)
	}
}

// A proxy that tells what it was not asked for, or without end, is dropped.
func TestHostileCounts(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80")})
	unasked := dial(t, socket)
	unasked.counts(7000)
	unasked.say(string(Reply{Tally: &Tally{Site: "alice"}}.Encode(nil)))
	unasked.waitClosed()

	endless := dial(t, socket)
	endless.counts(7000)
	counting(t, p, 1)
	done := asks(p, t.Context())
	endless.next()
	var out []byte
	for i := range 2 + slack + 1 {
		out = Reply{Tally: &Tally{Site: fmt.Sprint("site", i)}}.Encode(out)
	}
	endless.say(string(out))
	endless.waitClosed()
	if err := <-done; !errors.Is(err, ErrNotCounted) {
		t.Error(err)
	}
}

// The longest tally that a proxy of this release can tell is one that this release takes.
func TestLongestTally(t *testing.T) {
	most := Tally{Site: strings.Repeat("a", 63), Nanos: 1 << 60}
	for i := range most.Classes {
		most.Classes[i] = 1 << 60
	}
	for i := range most.Took {
		most.Took[i] = 1 << 60
	}
	line := Reply{Tally: &most}.Encode(nil)
	if got, err := ParseReply(line[:len(line)-1]); err != nil || *got.Tally != most {
		t.Errorf("%d bytes: %v", len(line), err)
	}
}

// No number goes back while the proxy's count is the same, but for a site that was made anew.
func TestCountsGrow(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80"), testRoute("bob", "10.83.0.3:80")})
	proxy := dial(t, socket)
	proxy.counts(7000)
	counting(t, p, 1)
	told := func(tallies ...Tally) map[string]Tally {
		t.Helper()
		done := make(chan Counts, 1)
		go func() { c, _ := p.Counts(t.Context()); done <- c }()
		proxy.tell(tallies...)
		return (<-done).Sites
	}
	told(tallyOf("alice", 7), tallyOf("bob", 5))
	if got := told(tallyOf("alice", 3)); got["alice"] != tallyOf("alice", 7) || got["bob"] != tallyOf("bob", 5) {
		t.Errorf("of one that is behind: %v", got)
	}
	anew := func() {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			done <- errors.Join(p.Delete(t.Context(), "alice"), p.Set(t.Context(), testRoute("alice", "10.83.0.2:80")))
		}()
		proxy.ack(proxy.next().Seq)
		proxy.ack(proxy.next().Seq)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	anew()
	if got := told(tallyOf("alice", 1)); got["alice"] != tallyOf("alice", 1) {
		t.Errorf("of another site with the name: %v", got)
	}
	// While the proxy is being asked, by somebody who does not wait for it.
	asked := make(chan Counts, 1)
	go func() { c, _ := p.Counts(t.Context()); asked <- c }()
	m := proxy.next()
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	_ = p.Delete(hasty, "alice")
	_ = p.Set(hasty, testRoute("alice", "10.83.0.2:80"))
	former := tallyOf("alice", 9)
	proxy.say(string(Reply{Ack: m.Seq}.Encode(Reply{Tally: &former}.Encode(nil))))
	if _, ok := (<-asked).Sites["alice"]; ok {
		t.Error("a site that is being made anew has a count")
	}
	proxy.ack(proxy.next().Seq)
	proxy.ack(proxy.next().Seq)
	if got := told(tallyOf("alice", 2)); got["alice"] != tallyOf("alice", 2) {
		t.Errorf("of another site with the name, made meanwhile: %v", got)
	}
}
