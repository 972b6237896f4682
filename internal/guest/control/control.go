// Package control is the protocol between logisd and PID 1 of a site, spoken over a listening unix socket that PID 1
// inherits. One connection carries one request: a message (4 bytes length, big endian, then JSON), then what the
// operation says. Whatever comes from the site is hostile: every message is bounded by MaxMessage.
package control

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxMessage bounds one message, in bytes.
const MaxMessage = 64 << 10

// MaxProgram bounds the executable of an Exec, in bytes.
const MaxProgram = 32 << 20

// ErrTooLong is returned for a message that announces more than MaxMessage bytes.
var ErrTooLong = errors.New("control message too long")

// Operations.
const (
	OpWatch = "watch" // answer: a Status message now and after every change, until the connection closes
	OpExec  = "exec"  // answer: the frames of package frame
	OpLogs  = "logs"  // answer: LogLine messages, then the connection closes (with Follow: never)
	OpTune  = "tune"  // answer: the Tune that is now in force; of a release that does not know it: none
	OpFacts = "facts" // answer: an empty message; of a release that does not know it: none
)

// Request is the first message of every connection.
type Request struct {
	Op   string `json:"op"`
	Exec *Exec  `json:"exec,omitempty"`
	Logs *Logs  `json:"logs,omitempty"`
	Tune *Tune  `json:"tune,omitempty"`
	// Facts take the place of all that were sent before.
	Facts *Facts `json:"facts,omitempty"`
}

// Facts are what a site cannot know by itself and its owner wants to. Its PID 1 only tells them on.
type Facts struct {
	URLs      []string `json:"urls"`
	SSHHost   string   `json:"ssh_host"`
	SSHPort   uint16   `json:"ssh_port"`
	Memory    int64    `json:"memory"`      // limit, in bytes
	Disk      int64    `json:"disk"`        // limit, in bytes
	DiskInUse int64    `json:"disk_in_use"` // bytes
}

// Tune are settings of PID 1 that change while it runs.
type Tune struct {
	LogBytes int64 `json:"log_bytes"` // of each service's log, on disk
}

// Exec asks for one command.
type Exec struct {
	Command []string `json:"command"`
	User    string   `json:"user"`  // login name or uid inside; "" is root
	Login   bool     `json:"login"` // the user's login shell, in its home; Command is ignored
	TTY     bool     `json:"tty"`
	Rows    uint16   `json:"rows"`
	Cols    uint16   `json:"cols"`
	Term    string   `json:"term"`
	// Program is the length of an executable that follows this message on the connection, and is what runs: nothing on the
	// site's disk has a say in it. Command is then its arguments, the name first.
	Program int64 `json:"program,omitempty"`
}

// Logs asks for the last Lines lines of one service, or of all ("").
type Logs struct {
	Service string `json:"service"`
	Lines   int    `json:"lines"`
	Follow  bool   `json:"follow"`
}

// LogLine is one line of a service's output.
type LogLine struct {
	Time    string `json:"time"` // RFC 3339 with nanoseconds
	Service string `json:"service"`
	Text    string `json:"text"`
}

// Status is what PID 1 knows of its services.
type Status struct {
	Ready    bool      `json:"ready"` // every service is ready
	Services []Service `json:"services"`
}

// Service is the state of one service.
type Service struct {
	Name     string `json:"name"`
	State    string `json:"state"` // waiting, starting, running, stopping, stopped, failed
	Ready    bool   `json:"ready"`
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	Error    string `json:"error,omitempty"`   // why it is not running, one line
	Invalid  bool   `json:"invalid,omitempty"` // its file is wrong: it is not started before the site is
}

// Write sends v as one message.
func Write(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode control message: %w", err)
	}
	if len(body) > MaxMessage {
		return ErrTooLong
	}
	buf := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(buf, uint32(len(body)))
	if _, err := w.Write(append(buf, body...)); err != nil {
		return fmt.Errorf("write control message: %w", err)
	}
	return nil
}

// Read reads one message into v. It returns io.EOF only between messages.
func Read(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxMessage {
		return ErrTooLong
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return io.ErrUnexpectedEOF
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode control message: %w", err)
	}
	return nil
}
