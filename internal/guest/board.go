package guest

import (
	"strings"
	"sync"

	"github.com/logis-project/logis/internal/guest/control"
)

// States of a service, as control.Service reports them.
const (
	stateWaiting  = "waiting"  // for the services it needs
	stateStarting = "starting" // its process runs, or is about to, and has not answered yet
	stateRunning  = "running"  // it has answered
	stateStopping = "stopping" // it was told to stop
	stateStopped  = "stopped"
	stateFailed   = "failed" // its file is wrong, or it died and is tried again after a pause; Error says which
)

// maxError bounds the Error of one service, in bytes, so that a status of maxServices fits in control.MaxMessage even
// when JSON writes every byte of it as six.
const maxError = 128

// board holds what is known of the services; everyone who waits for a change waits here.
type board struct {
	mu       sync.Mutex
	services []control.Service
	off      []bool // by service: somebody in the site stopped it, nobody waits for it
	byName   map[string]int
	changed  chan struct{} // closed and replaced at every change
	ended    chan struct{} // closed after the last change
}

func newBoard() *board {
	return &board{byName: map[string]int{}, changed: make(chan struct{}), ended: make(chan struct{})}
}

// add puts a service on the board, in the place of one of its name if there is one, and returns its index.
func (b *board) add(s control.Service) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Error = oneLine(s.Error)
	i, known := b.byName[s.Name]
	if !known {
		i = len(b.services)
		b.services, b.off = append(b.services, s), append(b.off, false)
		b.byName[s.Name] = i
	}
	b.services[i] = s
	b.wake()
	return i
}

// wake tells everyone who waits; b.mu is held.
func (b *board) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// setOff changes service i, and whether it is to stay stopped.
func (b *board) setOff(i int, off bool, change func(*control.Service)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.off[i] = off
	change(&b.services[i])
	b.wake()
}

// update changes service i and wakes who waits.
func (b *board) update(i int, change func(*control.Service)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.services[i]
	change(&b.services[i])
	b.services[i].Error = oneLine(b.services[i].Error)
	if b.services[i] != before {
		b.wake()
	}
}

// snapshot returns the present status and a channel that is closed at the next change.
func (b *board) snapshot() (control.Status, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	status := control.Status{Ready: true, Services: append([]control.Service{}, b.services...)}
	for i, s := range b.services {
		status.Ready = status.Ready && (s.Ready || b.off[i])
	}
	return status, b.changed
}

// all returns the services.
func (b *board) all() []control.Service {
	status, _ := b.snapshot()
	return status.Services
}

// find returns the service of that name, or the zero value, and a channel that is closed at the next change.
func (b *board) find(name string) (control.Service, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i, ok := b.byName[name]; ok {
		return b.services[i], b.changed
	}
	return control.Service{}, b.changed
}

// isOff says whether somebody in the site stopped service i.
func (b *board) isOff(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.off[i]
}

// unready returns the first of names that is not ready, "" when all are, and a channel that is closed at the next change.
func (b *board) unready(names []string) (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		if i, ok := b.byName[name]; !ok || !b.services[i].Ready {
			return name, b.changed
		}
	}
	return "", b.changed
}

// end says that no change follows.
func (b *board) end() { close(b.ended) }

// oneLine makes an error text out of s: one line, printable, at most maxError bytes.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.TrimSpace(s)
	if len(s) > maxError {
		s = strings.ToValidUTF8(s[:maxError], "")
	}
	return s
}
