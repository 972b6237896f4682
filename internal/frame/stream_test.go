package frame

import (
	"bytes"
	"testing"
)

// FuzzFrames reads a whole stream as the command line does: what is taken is written again as it was.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("o\x00\x00\x00\x02hie\x00\x00\x00\x00x\x00\x00\x00\x01\x00"))
	f.Add([]byte("o\x00\x00\x80\x01"))
	f.Add([]byte("w\x00\x00\x00\x04\x00\x18\x00\x50"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		var again bytes.Buffer
		w := NewWriter(&again)
		for {
			kind, payload, err := Read(r)
			if err != nil {
				break
			}
			_, _, _ = ParseResize(payload)
			if err := w.Write(kind, payload); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(data, again.Bytes()) {
			t.Errorf("%q became %q", data, again.Bytes())
		}
	})
}
