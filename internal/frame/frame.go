// Package frame is the codec of an exec stream: the frames that the command line and PID 1 of a site exchange, and that
// logisd copies between them unread. A frame is one type byte, a length (4 bytes, big endian) and that many bytes.
// Both ends bound what they accept: a length above MaxPayload ends the stream with ErrTooLong.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Type names what a frame carries.
type Type byte

// Frame types. Stdin, Resize and Signal go towards the site; Stdout, Stderr, Exit and Error come from it.
const (
	Stdin  Type = 'i' // bytes; an empty payload is end of file
	Resize Type = 'w' // rows and columns, 2 bytes each, big endian
	Signal Type = 's' // one byte: the signal's number on Linux
	Stdout Type = 'o' // bytes
	Stderr Type = 'e' // bytes
	Exit   Type = 'x' // one byte: exit status, 128+n for signal n; always the last frame
	Error  Type = '!' // UTF-8 text: the command could not be started; Exit with status 127 (not found) or 126 follows
)

// MaxPayload bounds the payload of one frame, in bytes.
const MaxPayload = 32 << 10

// ErrTooLong is returned by Read for a frame that announces more than MaxPayload bytes.
var ErrTooLong = errors.New("frame too long")

// Writer writes frames; safe for concurrent use.
type Writer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewWriter returns a Writer on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write sends p as one or more frames of type t. An empty p sends one empty frame.
func (w *Writer) Write(t Type, p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		n := min(len(p), MaxPayload)
		buf := make([]byte, 5+n)
		buf[0] = byte(t)
		binary.BigEndian.PutUint32(buf[1:], uint32(n))
		copy(buf[5:], p[:n])
		if _, err := w.w.Write(buf); err != nil {
			return fmt.Errorf("write frame: %w", err)
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
	}
}

// Read reads one frame from r. It returns io.EOF only between frames.
func Read(r io.Reader) (Type, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > MaxPayload {
		return 0, nil, ErrTooLong
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return Type(head[0]), p, nil
}

// ResizePayload encodes a window size for a Resize frame.
func ResizePayload(rows, cols uint16) []byte {
	p := make([]byte, 4)
	binary.BigEndian.PutUint16(p, rows)
	binary.BigEndian.PutUint16(p[2:], cols)
	return p
}

// ParseResize decodes the payload of a Resize frame.
func ParseResize(p []byte) (rows, cols uint16, ok bool) {
	if len(p) != 4 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:]), true
}
