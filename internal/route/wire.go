package route

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Bounds of one line on the socket, in bytes, its newline included. A reader ends the connection on a longer one.
const (
	MaxMessage = 256 << 10 // logisd to logis-proxy
	MaxReply   = 8 << 10   // logis-proxy to logisd
)

// Op says what a Message does.
type Op string

// The operations. On connect logisd sends the whole table: Begin, one Set a route, End. The proxy puts it in place of the
// one it has when End arrives. From then on a Set or a Delete takes effect at once, until the next Begin.
const (
	Begin  Op = "begin"
	Set    Op = "set"
	Delete Op = "delete"
	End    Op = "end"
	// Count asks for the Tally of each site that had a request. It is sent to a proxy that has told its Since.
	Count Op = "count"
	// Log asks for lines of a site's access log. It is sent to a proxy that has told that it has Logs.
	Log Op = "log"
)

// Message is one line of JSON from logisd to logis-proxy.
type Message struct {
	Seq   uint64 `json:"seq"` // 1, 2, … on each connection
	Op    Op     `json:"op"`
	Route *Route `json:"route,omitempty"` // of Set
	Site  string `json:"site,omitempty"`  // of Delete and Log
	Lines int    `json:"lines,omitempty"` // of Log: how many of the last
	From  string `json:"from,omitempty"`  // of Log: the At of an earlier answer, for what came since; "" is none
}

// Reply is one line of JSON from logis-proxy to logisd. With an Ack every message up to it is in effect, and what a Count asks
// for was told; a table is acknowledged once, at its End. The others tell of one site each.
type Reply struct {
	Ack uint64 `json:"ack,omitempty"`
	// Since is when the count of requests began, in Unix milliseconds; with the Ack of an End, by a proxy that answers Count.
	Since int64  `json:"since,omitempty"`
	Tally *Tally `json:"tally,omitempty"`
	// Logs says, with the Ack of an End, that the proxy answers Log; At, with that of a Log, where its lines end.
	Logs bool   `json:"logs,omitempty"`
	At   string `json:"at,omitempty"`
	Line string `json:"line,omitempty"`
}

// errTooLong is returned for a line past its bound.
var errTooLong = errors.New("line too long")

// Encode appends m to buf as one line.
func (m Message) Encode(buf []byte) ([]byte, error) {
	line, err := json.Marshal(m)
	if err != nil {
		return buf, fmt.Errorf("encode message: %w", err)
	}
	if len(line)+1 > MaxMessage {
		return buf, fmt.Errorf("encode message: %w: %d bytes", errTooLong, len(line))
	}
	return append(append(buf, line...), '\n'), nil
}

// ParseMessage reads one line from logisd, without its newline. It checks the form, not the route: a route that this
// release does not understand is for the caller to pass over.
func ParseMessage(line []byte) (Message, error) {
	var m Message
	if len(line) >= MaxMessage {
		return m, fmt.Errorf("parse message: %w", errTooLong)
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("parse message: %w", err)
	}
	if m.Seq == 0 || m.Op == "" || m.Op == Set && m.Route == nil {
		return m, errors.New("parse message: incomplete")
	}
	return m, nil
}

// Encode appends r to buf as one line.
func (r Reply) Encode(buf []byte) []byte {
	line, _ := json.Marshal(r) // numbers, and text: it cannot fail
	return append(append(buf, line...), '\n')
}

// ParseReply reads one line from logis-proxy, without its newline.
func ParseReply(line []byte) (Reply, error) {
	var r Reply
	if len(line) >= MaxReply {
		return r, fmt.Errorf("parse reply: %w", errTooLong)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("parse reply: %w", err)
	}
	switch {
	case (r.Ack == 0) == (r.Tally == nil && r.Line == "") || r.Tally != nil && r.Line != "":
		return r, errors.New("parse reply: neither an ack nor a tally nor a line")
	case len(r.At) > maxLogAt:
		return r, errors.New("parse reply: no position")
	case r.Line != "":
		return r, CheckLogLine(r.Line)
	case r.Since < 0 || r.Since > maxSince:
		return r, errors.New("parse reply: counted since no time")
	case r.Tally != nil:
		return r, r.Tally.check()
	}
	return r, nil
}
