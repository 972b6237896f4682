package server

import "time"

// Limits of time, size and number; a zero field takes its default. Of each number a user other than root may have a quarter,
// and all of them together seven eighths: no member of the group can keep another out, and none of them root, as which
// systemd's watchdog asks.
type Limits struct {
	Header time.Duration // for the request line and headers: 5 s
	Body   time.Duration // for the whole of a JSON body: 10 s
	Stall  time.Duration // without progress of an archive that comes, or of an answer that is not taken: 1 min

	Connections int // open at once: 1,024
	Calls       int // requests at work at once, streams apart: 256
	Streams     int // answers and sessions that go on, at once: exec, logs, events, builds, archives: 512
}

func (l Limits) withDefaults() Limits {
	def(&l.Header, 5*time.Second)
	def(&l.Body, 10*time.Second)
	def(&l.Stall, time.Minute)
	def(&l.Connections, 1024)
	def(&l.Calls, 256)
	def(&l.Streams, 512)
	return l
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
