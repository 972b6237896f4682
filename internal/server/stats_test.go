package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

func TestStats(t *testing.T) {
	m := servertest.New()
	for _, name := range []string{"alice", "bob", "carol"} {
		m.Put(servertest.StatusOf(name, site.Running))
	}
	socket, _ := servertest.Serve(t, m)
	c := client.New(socket)
	defer c.Close()
	for want, names := range map[string][]string{"alice bob carol": nil, "carol alice": {"carol", "alice"}} {
		stats, err := c.Stats(t.Context(), names...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range stats.Sites {
			got = append(got, s.Name)
			if s.Limits.MemoryBytes != 512<<20 || s.Network.SentBytes == 0 || s.State != "running" {
				t.Errorf("%+v", s)
			}
		}
		if strings.Join(got, " ") != want || stats.At.IsZero() {
			t.Errorf("%v at %v, want %s", got, stats.At, want)
		}
	}
	for want, names := range map[string][]string{api.CodeNotFound: {"alice", "nobody"}, api.CodeInvalid: slices.Repeat([]string{"alice"}, 1001)} {
		_, err := c.Stats(t.Context(), names...)
		if e, ok := err.(*api.Error); !ok || e.Code != want { //nolint:errorlint // the client's own
			t.Errorf("%d names: %v, want %s", len(names), err, want)
		}
	}
}
