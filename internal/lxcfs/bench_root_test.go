//go:build root

package lxcfs

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/logis-project/logis/internal/testhost"
)

// BenchmarkOpen is what a start of a site waits for; BenchmarkFirst that of the first, which starts the server.
func BenchmarkOpen(b *testing.B) {
	v := benchView(b)
	for b.Loop() {
		mounts, err := v.Open("alice")
		must(b, err)
		closeAll(mounts)
	}
}

func BenchmarkFirst(b *testing.B) {
	v := benchView(b)
	for b.Loop() {
		mounts, err := v.Open("alice")
		must(b, err)
		closeAll(mounts)
		leave(b, v, "alice")
	}
}

func benchView(b *testing.B) *View {
	b.Helper()
	v := New(Options{
		Instance: testhost.Instance(), State: filepath.Join(testhost.Dir(), "lxcfs.json"), Log: slog.New(slog.DiscardHandler),
	})
	b.Cleanup(func() { must(b, v.Down(context.Background())) })
	return v
}
