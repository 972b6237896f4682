package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// says is a site whose end of every session writes the same bytes and hangs up.
func says(m *servertest.Engine, said *[]byte) {
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
		_, _ = inside.Write(*said)
	}
}

// stillServes fails the test if the server is not what it was.
func stillServes(t *testing.T, c *client.Client, after []byte) {
	t.Helper()
	if all, err := c.Sites(t.Context()); err != nil || len(all) != 1 {
		t.Fatalf("after %q: %d sites, %v", after, len(all), err)
	}
}

// FuzzHostileLogs has a site answer a request for its logs with any bytes.
func FuzzHostileLogs(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\x00\x00\x00\x1d{\"time\":\"x\",\"text\":\"\\u0000\"}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x04null\x00\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		m := servertest.New()
		says(m, &said)
		c := dial(t, m)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_ = c.Logs(ctx, "alice", client.LogsOptions{Lines: 5}, func(api.LogLine) error { return nil })
		if err := ctx.Err(); err != nil {
			t.Errorf("%q: %v", said, err)
		}
		stillServes(t, c, said)
	})
}

// FuzzHostileExec has a site answer a command with any bytes: they reach the client, which takes what are frames.
func FuzzHostileExec(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hix\x00\x00\x00\x01\x00"))
	f.Add([]byte("o\xff\xff\xff\xff"))
	f.Add([]byte("x\x00\x00\x00\x00"))
	f.Add([]byte("!\x00\x00\x00\x02\xff\x1bx\x00\x00\x00\x01\x7f"))
	f.Fuzz(func(t *testing.T, said []byte) {
		m := servertest.New()
		says(m, &said)
		c := dial(t, m)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		s, err := c.Exec(ctx, "alice", api.ExecRequest{Command: []string{"true"}})
		if err != nil {
			t.Fatalf("%q: %v", said, err)
		}
		status, err := s.Wait(io.Discard, io.Discard)
		if errors.Is(err, context.DeadlineExceeded) || err == nil && (status < 0 || status > 255) {
			t.Errorf("%q: status %d, %v", said, status, err)
		}
		_ = s.Close()
		stillServes(t, c, said)
	})
}
