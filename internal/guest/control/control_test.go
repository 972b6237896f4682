package control

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	want := Request{Op: OpExec, Exec: &Exec{Command: []string{"id", "-u"}, TTY: true, Rows: 24}}
	if err := Write(&buf, want); err != nil {
		t.Fatal(err)
	}
	var got Request
	if err := Read(&buf, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := Read(&buf, &got); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestBounds(t *testing.T) {
	if err := Write(io.Discard, LogLine{Text: strings.Repeat("x", MaxMessage)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long message was sent: %v", err)
	}
	var v any
	if err := Read(strings.NewReader("\xff\xff\xff\xff"), &v); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long message was read: %v", err)
	}
	if err := Read(strings.NewReader("\x00\x00\x00\x09{}"), &v); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut message: %v", err)
	}
}

func FuzzReadStatus(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0e{\"ready\":true}"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var s Status
		_ = Read(bytes.NewReader(data), &s)
	})
}
