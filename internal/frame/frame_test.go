package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	long := bytes.Repeat([]byte("x"), MaxPayload+1)
	for _, p := range [][]byte{[]byte("hello"), nil, long} {
		if err := w.Write(Stdout, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]byte{[]byte("hello"), {}, long[:MaxPayload], long[MaxPayload:]} {
		typ, got, err := Read(&buf)
		if err != nil || typ != Stdout || !bytes.Equal(got, want) {
			t.Fatalf("got %c %d bytes, %v; want %d bytes", typ, len(got), err, len(want))
		}
	}
	if _, _, err := Read(&buf); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestReadHostile(t *testing.T) {
	for in, want := range map[string]error{
		"o\xff\xff\xff\xff": ErrTooLong, "o\x00\x00\x80\x01": ErrTooLong,
		"o\x00\x00\x00\x05abc": io.ErrUnexpectedEOF, "o\x00": io.ErrUnexpectedEOF,
	} {
		if _, _, err := Read(bytes.NewReader([]byte(in))); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", in, err, want)
		}
	}
}

func TestResize(t *testing.T) {
	if rows, cols, ok := ParseResize(ResizePayload(24, 300)); !ok || rows != 24 || cols != 300 {
		t.Errorf("got %d %d %v", rows, cols, ok)
	}
	if _, _, ok := ParseResize([]byte{1}); ok {
		t.Error("a short payload was taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hi"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, p, err := Read(bytes.NewReader(data)); err == nil && len(p) > MaxPayload {
			t.Errorf("%d bytes in one frame", len(p))
		}
	})
}
