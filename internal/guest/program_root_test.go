//go:build root

package guest

import (
	"os"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

// A program that is handed over runs, whatever lies under its name on the disk; what breaks off or is too long does not.
func TestExecProgram(t *testing.T) {
	b := newBox(t, nil)
	echo, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"", "alice"} {
		conn := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{
			Command: []string{"no-such-command", "handed over"}, User: user, Program: int64(len(echo)),
		}})
		if _, err := conn.Write(echo); err != nil {
			t.Fatal(err)
		}
		if err := frame.NewWriter(conn).Write(frame.Stdin, nil); err != nil {
			t.Fatal(err)
		}
		if got := collect(t, conn, nil); got.Stdout != "handed over\n" || got.Exit != 0 {
			t.Errorf("user %q: %+v", user, got)
		}
	}
	for why, size := range map[string]int64{"too long": control.MaxProgram + 1, "broken off": 100, "negative": -1} {
		conn := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"x"}, Program: size}})
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got := collect(t, conn, nil); got.Exit != 126 || !strings.HasPrefix(got.Error, "receive the program: ") {
			t.Errorf("%s: %+v", why, got)
		}
	}
}
