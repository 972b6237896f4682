package cli_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// TestUnread: output into a pipe that nobody reads any more ends a command in silence, as SIGPIPE does; where that signal is
// ignored too, and where nothing more comes.
func TestUnread(t *testing.T) {
	m := happened()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Session = func(ctx context.Context, _ string, inside net.Conn, _ any) {
		_ = control.Write(inside, control.LogLine{Service: "nginx", Text: "hello"})
		_, _ = inside.Read(make([]byte, 1)) // until the client goes
	}
	socket, _ := servertest.Serve(t, m)
	for _, args := range [][]string{
		{"list"},
		{"list", "--format", "json"},
		{"show", "alice"},
		{"--help"},
		{"logs", "alice", "-f"},
		{"events", "-f", "--format", "json"},
		{"events", "-f"},
	} {
		for _, trap := range []string{"", "trap '' PIPE; "} {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := command(socket, args...)
			cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", trap + `exec "$0" "$@"`}, cmd.Args...)
			var errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = write, &errs
			_ = read.Close()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = write.Close()
			_ = cmd.Wait()
			w := cmd.ProcessState.Sys().(syscall.WaitStatus)
			byItself, bySignal := w.Exited() && w.ExitStatus() == 141, w.Signaled() && w.Signal() == syscall.SIGPIPE
			if !byItself && !bySignal || errs.Len() > 0 {
				t.Errorf("%slogis %v: %v, stderr %q", trap, args, cmd.ProcessState, errs.String())
			}
		}
	}
}
