//go:build root

package container

import "testing"

// BenchmarkLook is what one site costs logisd every ten seconds, at rest and with nearly full memory, and in a list.
func BenchmarkLook(b *testing.B) {
	box := newBox(b)
	c := box.start(box.spec("alice", 0))
	for name, enough := range map[string]int64{"rest": 1 << 40, "full": 0} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.Working(enough); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("usage", func(b *testing.B) { // of a list, as often as somebody asks
		for b.Loop() {
			if _, err := c.Usage(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kills", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.OOMKills(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
