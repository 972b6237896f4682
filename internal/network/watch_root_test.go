//go:build root

package network

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	ctx, cancel := context.WithCancel(t.Context())
	lost, ended := make(chan struct{}, 8), make(chan error, 1)
	go func() {
		ended <- h.Watch(ctx, func() {
			if err := h.Ensure(ctx, nil, nil); err != nil {
				t.Error(err)
			}
			lost <- struct{}{}
		})
	}()
	nft := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(nftPath(), args...).CombinedOutput(); err != nil {
			t.Fatalf("nft %v: %v: %s", args, err, out)
		}
	}
	for _, loss := range [][]string{{"flush", "ruleset"}, {"delete", "table", "bridge", h.instance}, {"delete", "table", "inet", h.instance}} {
		// Neither our own changes nor another program's tables are a loss.
		h.ensure(t)
		nft("add", "table", "inet", "other")
		nft("delete", "table", "inet", "other")
		nft(loss...) // the first is seen also where it comes before Watch listens
		select {
		case <-lost:
		case <-time.After(patience):
			t.Fatalf("nft %v: not noticed", loss)
		}
		if h.missing() {
			t.Errorf("nft %v: a table is missing still", loss)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(lost) > 0 {
		t.Error("more than the three losses were seen")
	}
}
