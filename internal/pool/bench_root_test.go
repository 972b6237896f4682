//go:build root

package pool

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func BenchmarkSite(b *testing.B) {
	p := open(b, loopOptions(b))
	var creates, deletes time.Duration
	for b.Loop() {
		start := time.Now()
		dir := create(b, p, "alice", 0, Disk{Limit: 256 * mib, Reserve: 96 * mib})
		creates += time.Since(start)
		if err := os.WriteFile(filepath.Join(dir.Root, "file"), make([]byte, mib), 0o600); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := p.DeleteSite(b.Context(), "alice"); err != nil {
			b.Fatal(err)
		}
		deletes += time.Since(start)
	}
	b.ReportMetric(float64(creates.Microseconds())/float64(b.N)/1000, "create-ms")
	b.ReportMetric(float64(deletes.Microseconds())/float64(b.N)/1000, "delete-ms")
}
