package server

import (
	"io"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
)

// meterPause is the shortest time between two elements that tell of bytes.
const meterPause = 200 * time.Millisecond

// meter tells of the bytes that are read through it, as part of the step that goes on.
type meter struct {
	r     io.Reader
	total int64 // 0 is unknown
	send  func(api.Progress)

	mu    sync.Mutex // Read and step may be called from different goroutines
	now   api.Progress
	later *time.Timer // not nil while bytes wait to be told of
	ended bool
}

// step begins a step.
func (m *meter) step(p api.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.Bytes, p.TotalBytes = m.now.Bytes, m.total
	m.now = p
	m.send(p)
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Bytes += int64(n)
	if m.later == nil && n > 0 {
		m.later = time.AfterFunc(meterPause, m.tell)
	}
	return n, err
}

func (m *meter) tell() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.later = nil
	if !m.ended {
		m.send(m.now)
	}
}

// end makes sure that nothing more is sent.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	if m.later != nil {
		m.later.Stop()
	}
}
