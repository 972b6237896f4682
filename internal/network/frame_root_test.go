//go:build root

package network

import (
	"bytes"
	"os"
	"testing"
)

// rawSocket sends and receives whole frames at a link of ns.
type rawSocket struct{ *wire }

func openRaw(t *testing.T, ns *os.File, link string) *rawSocket {
	t.Helper()
	w, err := openWire(ns, link)
	try(t, err)
	t.Cleanup(w.close)
	return &rawSocket{w}
}

func (s *rawSocket) send(t *testing.T, frame []byte) {
	t.Helper()
	try(t, s.wire.send(frame))
}

// receiveUntil returns the frames that arrive before the one for which last is true.
func (s *rawSocket) receiveUntil(t *testing.T, last func(frame []byte) bool) [][]byte {
	t.Helper()
	var frames [][]byte
	arrived := false
	try(t, s.receive(func(frame []byte) bool {
		if arrived = last(frame); !arrived {
			frames = append(frames, bytes.Clone(frame))
		}
		return !arrived
	}))
	if !arrived {
		t.Fatal("the last frame did not arrive")
	}
	return frames
}
