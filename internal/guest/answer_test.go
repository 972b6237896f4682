package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/logis-project/logis/internal/guest/control"
)

// FuzzAnswer writes any bytes to PID 1's end of the control socket: it answers with messages, or hangs up.
func FuzzAnswer(f *testing.F) {
	for _, req := range []control.Request{
		{Op: control.OpWatch},
		{Op: control.OpLogs, Logs: &control.Logs{Lines: 5}},
		{Op: control.OpLogs, Logs: &control.Logs{Lines: -1 << 40, Follow: true}},
		{Op: control.OpExec, Exec: &control.Exec{Command: []string{"true"}, Program: -1}},
		{Op: "none"},
	} {
		var b bytes.Buffer
		if err := control.Write(&b, req); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		f.Add(append(b.Bytes(), "more"...))
	}
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, said []byte) {
		g := &guest{opts: Options{Logs: t.TempDir(), Run: t.TempDir(), Texts: t.TempDir()}, board: newBoard()}
		g.board.add(control.Service{Name: "nginx", State: stateWaiting})
		close(g.board.ended) // a watcher gets the last status, and the connection ends
		s := newServer(nil, everybody(1), g.answer)
		inside, outside := net.Pipe()
		defer outside.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer inside.Close()
			s.answer(t.Context(), s, inside, nobody)
		}()
		go func() {
			_, _ = outside.Write(said)
			if len(said) < 4 || !whole(said) {
				outside.Close() // it waits for the rest, up to its deadline
			}
		}()
		for {
			var any json.RawMessage
			if err := control.Read(outside, &any); err != nil {
				break
			}
			if len(any) > control.MaxMessage {
				t.Errorf("a message of %d bytes", len(any))
			}
		}
		outside.Close()
		<-ended
	})
}

// whole tells whether bytes begin with a whole message, or one that is refused.
func whole(said []byte) bool {
	var any json.RawMessage
	err := control.Read(bytes.NewReader(said), &any)
	return !errors.Is(err, io.ErrUnexpectedEOF)
}
