package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOutcome(t *testing.T) {
	gone := Finding{Site: "alice", What: "it lacks a redirect", Safe: true}
	along := Finding{Site: "alice", What: "it lacks a MAC", Safe: true}
	failed := Finding{What: "link x", Safe: true}
	back := Finding{What: "link y", Safe: true}
	decide := Finding{Site: "bob", What: "half done"}
	late := Finding{What: "link z", Safe: true}
	lit := Finding{Site: "carol", What: "hidden by another", Safe: true}

	tried := failed
	tried.Left = "busy"
	tried2 := back
	tried2.Mended = true
	tried3 := decide
	tried3.Left = "this is for you to decide"
	mended := func(f Finding) Finding { f.Mended = true; return f }
	left := func(f Finding, why string) Finding { f.Left = why; return f }

	got := outcome([]Finding{gone, along, failed, back, decide}, []Finding{mended(gone), tried, tried2, tried3, mended(lit)},
		[]Finding{failed, back, decide, late})
	want := []Finding{
		mended(gone), mended(along), left(failed, "busy"), left(back, "it was mended and is there again"),
		left(decide, "this is for you to decide"), mended(lit), left(late, "it came while others were mended: run it again"),
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Finding{})); d != "" {
		t.Errorf("outcome (-want +got):\n%s", d)
	}
}

func TestTryLock(t *testing.T) {
	k := newKeyedLock()
	_, unlock, err := k.lock(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := k.try("alice"); ok {
		t.Error("got a lock that another has")
	}
	free, ok := k.try("bob")
	if !ok {
		t.Error("did not get a lock that nobody has")
	}
	unlock()
	unlock, ok = k.try("alice")
	if !ok {
		t.Fatal("did not get a lock that was given back")
	}
	got := make(chan func())
	go func() {
		_, unlock, _ := k.lock(t.Context(), "alice")
		got <- unlock
	}()
	unlock()
	(<-got)()
	free()
	k.interrupt("alice")
	if len(k.locks) > 0 {
		t.Errorf("%d locks are kept for nobody", len(k.locks))
	}
}
