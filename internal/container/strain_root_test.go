//go:build root

package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"
)

// TestStrainAndKills: memory that is held counts, cache that nobody uses does not, and a kill is counted and named, live and
// by a logisd that comes later.
func TestStrainAndKills(t *testing.T) {
	b := newBox(t)
	alice, bob := b.start(b.spec("alice", 0)), b.start(b.spec("bob", 1))
	const (
		limit   = 64 << 20
		hostile = ") total-vm:\x1b" // as the kernel's own words go on
		escaped = `) total-vm:\x1b`
	)

	begin := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	heard, ended := make(chan Kill, 100), make(chan error, 1)
	go func() {
		ended <- b.runtime.Kills(ctx, func(k Kill) {
			if !k.At.Before(begin) {
				heard <- k
			}
		}, func() {})
	}()

	if r := run(t, alice, "", "/probe", "hog", fmt.Sprint(4*limit), hostile); r.status != 128+9 {
		t.Fatalf("four times the limit: %+v", r)
	}
	for c, want := range map[*Container]int64{alice: 1, bob: 0} {
		u, err := c.Usage()
		must(t, err)
		kills, err := c.OOMKills()
		must(t, err)
		if kills != want || u.OOMKills != want {
			t.Errorf("%s: %d kills, %d in its usage, want %d", c.name, kills, u.OOMKills, want)
		}
	}
	ours := func(k Kill) bool { return k.Site == "alice" || k.Site == "" && k.UID-idBase < 65536 }
	var named Kill
	for !ours(named) {
		select {
		case named = <-heard: // others of this machine have sites of these ids too
		case err := <-ended:
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				t.Skipf("kills are counted; nothing names them here: %v", err)
			}
			t.Fatalf("the log ended: %v", err)
		}
	}
	if named.Name != escaped || named.PID <= 0 || named.Host || named.UID != idBase || named.At.After(time.Now().Add(time.Second)) {
		t.Errorf("heard of %+v", named)
	}
	stop()
	must(t, <-ended)

	// One that comes later reads what the log still holds.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	found := false
	must(t, b.runtime.Kills(ctx, func(k Kill) {
		if k.PID == named.PID && k.Name == named.Name && k.At.Sub(named.At).Abs() < time.Second {
			found = true
			stop()
		}
	}, func() {}))
	if !found {
		t.Error("the kill is not found in the log afterwards")
	}
}

func TestWorkingLeavesOutCache(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	if r := run(t, c, "", "/probe", "cache", fmt.Sprint(24<<20)); r.status != 0 {
		t.Fatalf("write a file: %+v", r)
	}
	u, err := c.Usage()
	must(t, err)
	working, err := c.Working(0)
	must(t, err)
	all, err := c.Working(1 << 40)
	must(t, err)
	if u.Cache < 16<<20 || u.Memory < u.Cache || working > u.Memory-16<<20 || all < 16<<20 {
		t.Errorf("usage %+v, working %d, with the cache %d", u, working, all)
	}
}
