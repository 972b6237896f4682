package proxy

import (
	"io"
	"net/http"
	"sync"
	"testing"
)

// TestUpstreamConnectionsAreReused: however many visitors ask at once, a request does not open a connection of its own to the
// site. The firewall allows the host 100 new ones a second to each.
func TestUpstreamConnectionsAreReused(t *testing.T) {
	const visitors, requests = 64, 20
	var mu sync.Mutex
	opened := map[string]bool{}
	r := newRig(t, Limits{})
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		opened[req.RemoteAddr] = true
	})
	// In rounds: all of a round are in the proxy before one of the next is.
	for range requests {
		var round sync.WaitGroup
		for range visitors {
			round.Go(func() {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr+"/", nil)
				req.Host = "alice.localhost"
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			})
		}
		round.Wait()
	}
	if got := len(opened); got > 2*visitors {
		t.Errorf("%d visitors with %d requests each: %d connections to the site", visitors, requests, got)
	}
}
