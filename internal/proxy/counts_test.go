package proxy

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/route"
)

// counted is what logisd is told of a site.
func (r *rig) counted(site string) route.Tally {
	r.t.Helper()
	counts, err := r.publisher.Counts(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return counts.Sites[site]
}

func TestCounts(t *testing.T) {
	r := newRig(t, Limits{})
	before := time.Now().Truncate(time.Millisecond)
	up := r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/":
			io.WriteString(w, "alice")
		case "/moved":
			w.WriteHeader(301)
		case "/999":
			w.WriteHeader(999)
		default:
			w.WriteHeader(404)
		}
	})
	r.site("bob", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "bob") })
	for _, path := range []string{"/", "/", "/", "/moved", "/nothing", "/nothing", "/999"} {
		r.get("alice.localhost", path)
	}
	r.get("nobody.localhost", "/")
	r.set("alice", up.Listener.Addr().String(), route.Stopped) // its count goes on
	r.get("alice.localhost", "/")

	counts, err := r.publisher.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := counts.Sites["alice"]
	if diff := cmp.Diff([5]int64{0, 3, 1, 2, 2}, got.Classes); diff != "" {
		t.Errorf("alice: %s", diff)
	}
	took := int64(0)
	for _, n := range got.Took {
		took += n
	}
	if took != 8 || got.Nanos <= 0 {
		t.Errorf("times of %d requests, %d ns", took, got.Nanos)
	}
	if _, ok := counts.Sites["bob"]; ok || counts.NoSite.Classes[3] != 1 || counts.Since.After(time.Now()) || counts.Since.Before(before.Add(-time.Minute)) {
		t.Errorf("%+v", counts)
	}

	// logisd comes and goes: the count is the proxy's.
	r.publisher.Close()
	r.publish()
	r.awaitConnected()
	r.publisher.Replace([]route.Route{counted("alice"), counted("bob")})
	poll(t, "the table is there", func() bool { res, _ := r.get("bob.localhost", "/"); return res.StatusCode == 503 })
	// The empty table of a publisher without sites has taken alice's route away in between, and a new site begins anew.
	if got := r.counted("alice").Total(); got != 0 {
		t.Errorf("a route that was deleted and made again has %d requests", got)
	}
}

func counted(site string) route.Route {
	r := testRoute(site, site+".localhost")
	r.State = route.Stopped
	return r
}

func TestCountsTakeHostileNumbers(t *testing.T) {
	var c counts
	for _, status := range []int{-1, 0, 99, 600, 1 << 40} {
		c.add(status, -time.Hour)
	}
	if got := c.tally("a"); got.Classes != [5]int64{4: 5} || got.Took[0] != 5 || got.Nanos != 0 {
		t.Errorf("%+v", got)
	}
}

// A WebSocket is counted when it ends, and its time is none that a visitor waited.
func TestWebSocketCount(t *testing.T) {
	var c counts
	c.add(http.StatusSwitchingProtocols, time.Hour)
	if got := c.tally("a"); got.Classes[0] != 1 || got.Took != (route.Tally{}).Took || got.Nanos != 0 {
		t.Errorf("%+v", got)
	}
}

// Visitors of a proxy that is replaced under them are all counted, once, and no count that logisd is told goes back.
func TestCountsOutliveHandOvers(t *testing.T) {
	r, _, _ := newRelay(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alice") })
	since := func() time.Time {
		counts, err := r.publisher.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return counts.Since
	}
	first := since()
	stop := make(chan struct{})
	var visitors sync.WaitGroup
	pages := make([]int64, 4)
	for i := range pages {
		visitors.Go(func() {
			for {
				c, in := r.dial("")
				for range 50 {
					select {
					case <-stop:
						c.Close()
						return
					default:
					}
					res := ask(t, c, in)
					if pages[i]++; res.Close {
						break
					}
				}
				c.Close()
			}
		})
	}
	last := int64(0)
	forward := func() {
		t.Helper()
		now := r.counted("alice").Total()
		if now < last {
			t.Errorf("%d requests after %d", now, last)
		}
		last = now
	}
	for n := range 3 {
		r.replace <- syscall.SIGUSR2
		poll(t, "there is a successor", func() bool {
			forward()
			return strings.Count(r.log.String(), "starting a successor") == n+1
		})
		goal := last + 200
		poll(t, "visitors come", func() bool { forward(); return last >= goal })
	}
	close(stop)
	visitors.Wait()
	want := pages[0] + pages[1] + pages[2] + pages[3]
	poll(t, "all are counted", func() bool { forward(); return last == want })
	if got := since(); !got.Equal(first) {
		t.Errorf("counted since %v, before that since %v", got, first)
	}
	if log := r.log.String(); strings.Contains(log, "level=WARN") {
		t.Error(log)
	}
}

// A successor that fails leaves the count where it is.
func TestCountsAfterFailedHandOver(t *testing.T) {
	r, _, _ := newRelay(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alice") })
	r.get("alice.localhost", "/")
	broken := errors.New("it is broken")
	r.refuse.Store(&broken)
	r.replace <- syscall.SIGUSR2
	poll(t, "it has failed", func() bool { return strings.Contains(r.log.String(), "goes on serving") })
	r.get("alice.localhost", "/")
	if got := r.counted("alice").Total(); got != 2 {
		t.Errorf("%d requests", got)
	}
}

func TestInherit(t *testing.T) {
	alice := func(n int64) string {
		return string(route.Reply{Tally: &route.Tally{Site: "alice", Classes: [5]int64{1: n}}}.Encode(nil))
	}
	ack := string(route.Reply{Ack: 1, Since: 1_700_000_000_000}.Encode(nil))
	for name, test := range map[string]struct {
		told  string
		want  int64
		began bool
	}{
		"all":                      {alice(3) + ack + alice(2), 5, true},
		"another's site":           {strings.ReplaceAll(alice(3), "alice", "zoe") + ack, 0, true},
		"nothing":                  {"", 0, false},
		"half":                     {alice(3) + alice(2), 0, false},
		"cut off":                  {alice(3) + ack + alice(2)[:20], 3, true},
		"of a later release":       {alice(3) + ack + `{"ack":2}` + "\n" + alice(2), 3, true},
		"neither count nor number": {alice(-3) + ack, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(in, test.told)
			in.Close()
			tab := newTestTable()
			tab.set(testRoute("alice"))
			since, began := tab.since.Load(), false
			inherit(t.Context(), out, tab, func() { began = true })
			if got := tab.bySite["alice"].counts.tally("alice").Total(); got != test.want || began != test.began {
				t.Errorf("%d requests, begun %v", got, began)
			}
			if now := tab.since.Load(); (now == 1_700_000_000_000) != began || !began && now != since {
				t.Errorf("since %d", now)
			}
		})
	}
}

// A successor that does not read holds up nobody.
func TestBequestUnread(t *testing.T) {
	tab := newTestTable()
	for i := range 3000 {
		name := strings.Repeat("a", 40) + string(rune('a'+i%26)) + strings.Repeat("b", i/26%20)
		tab.set(testRoute(name))
		tab.bySite[name].counts.add(200, time.Second)
	}
	b, heir, err := bequeath(tab)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(heir).ReadString('\n'); err != nil || !strings.Contains(line, "tally") {
		t.Errorf("%q, %v", line, err)
	}
	b.revoke()
	if err := heir.Close(); err != nil {
		t.Error(err)
	}
}
