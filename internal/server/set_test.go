package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// Only what a request names is changed, zero included.
func TestSet(t *testing.T) {
	m := servertest.New()
	s := servertest.StatusOf("alice", site.Running)
	s.Record.Spec.Limits.Swap, s.Record.Spec.Priority = 1<<30, 4
	m.Put(s)
	c := dial(t, m)
	for _, tc := range []struct {
		req  api.SetRequest
		want func(*api.Site)
	}{
		{api.SetRequest{SwapBytes: new(int64(0)), Priority: new(0)}, func(s *api.Site) { s.Limits.SwapBytes, s.Priority = 0, 0 }},
		{
			api.SetRequest{MemoryBytes: new(int64(1 << 30)), DiskBytes: new(int64(4 << 30)), CPUs: new(0.5), PIDs: new(int64(99)), Priority: new(-5)},
			func(s *api.Site) {
				s.Limits.MemoryBytes, s.Limits.DiskBytes, s.Limits.CPUs, s.Limits.PIDs, s.Priority = 1<<30, 4<<30, 0.5, 99, -5
			},
		},
		{
			api.SetRequest{
				CPUWeight: new(int64(7)), IOWeight: new(int64(8)), IOBandwidthBytes: new(int64(9 << 20)), BandwidthBytes: new(int64(10 << 20)),
				OpenFiles: new(int64(1100)), LogBytes: new(int64(1 << 20)),
			},
			func(s *api.Site) {
				l := &s.Limits
				l.CPUWeight, l.IOWeight, l.IOBandwidthBytes, l.BandwidthBytes, l.OpenFiles, l.LogBytes = 7, 8, 9<<20, 10<<20, 1100, 1<<20
			},
		},
		{
			api.SetRequest{IOBandwidthBytes: new(int64(0)), BandwidthBytes: new(int64(0))},
			func(s *api.Site) { s.Limits.IOBandwidthBytes, s.Limits.BandwidthBytes = 0, 0 },
		},
	} {
		want, err := c.Site(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		tc.want(&want)
		got, err := c.Set(t.Context(), "alice", tc.req)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("Set: %v (-want +got):\n%s", err, d)
		}
	}
	if _, err := c.Set(t.Context(), "alice", api.SetRequest{}); code(err) != api.CodeInvalid || !strings.Contains(err.Error(), "nothing is to change") {
		t.Errorf("Set of nothing: %v", err)
	}
	if _, err := c.Set(t.Context(), "alice", api.SetRequest{PIDs: new(int64(0))}); code(err) != api.CodeInvalid {
		t.Errorf("Set of no processes: %v", err)
	}
	if _, err := c.Set(t.Context(), "nobody", api.SetRequest{Priority: new(1)}); code(err) != api.CodeNotFound {
		t.Errorf("Set of no site: %v", err)
	}
}
