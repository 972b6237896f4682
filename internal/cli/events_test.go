package cli_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/server/servertest"
)

// happened is an engine where all sorts of things have happened.
func happened() *servertest.Engine {
	m := servertest.New()
	for i, e := range []event.Event{
		{Type: event.DaemonStarted, Message: "logisd 0.1.0"},
		{Type: event.ImageBuilt, Message: "lemp@0123456789ab", Seconds: 61.5},
		{Type: event.SiteCreated, Site: "alice", Message: "from image lemp@0123456789ab", Seconds: 0.5},
		{Type: event.SiteStopped, Site: "alice", Seconds: 1.25},
		{Type: event.SiteDied, Site: "bob-with-a-long-name", Message: "PID 1 ended unexpectedly: " + strings.Repeat("many words ", 10)},
		{Type: event.BootFinished, Message: "2 up, 1 failed: carol (it has no disk)", Seconds: 3},
	} {
		e.Time = servertest.Birth().Add(time.Duration(i) * time.Second)
		m.Happened.Add(e)
	}
	return m
}

func TestEvents(t *testing.T) {
	socket, _ := servertest.Serve(t, happened())
	golden(t, "events", utc(run(t, socket, "", "events").out))
	golden(t, "events.json", run(t, socket, "", "events", "--format", "json").out)
	if r := run(t, socket, "", "events", "-n", "1"); r.status != 0 || strings.Count(r.out, "\n") != 2 {
		t.Errorf("one event: %+v", r)
	}
	for _, args := range []string{"events -n -1", "events alice", "events --format xml"} {
		r := run(t, socket, "", strings.Fields(args)...)
		if oneLine(t, r, args); r.status != 2 {
			t.Errorf("logis %s: %+v", args, r)
		}
	}
}

// TestEventsOnTerminal: a long message goes on below where it began.
func TestEventsOnTerminal(t *testing.T) {
	socket, _ := servertest.Serve(t, happened())
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	cmd := command(socket, "events")
	cmd.Stdout = slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	var shown bytes.Buffer
	_, _ = shown.ReadFrom(master) // EIO when the command has ended
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	golden(t, "events-80", utc(strings.ReplaceAll(shown.String(), "\r", "")))
	golden(t, "events-120", utc(onTerminal(t, 120, cli.Terminal{Socket: socket}, "events")))
	for line := range strings.Lines(shown.String()) {
		if len(strings.TrimRight(line, "\r\n")) > 80 {
			t.Errorf("%q is longer than the terminal", line)
		}
	}
}

// TestFollowedEvents: Ctrl-C ends it in silence, logisd's end with a word.
func TestFollowedEvents(t *testing.T) {
	m := happened()
	socket, stop := servertest.Serve(t, m)
	for _, interrupt := range []bool{true, false} {
		cmd := command(socket, "events", "-f", "-n", "0")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if line := following(t, cmd, m); !strings.Contains(line, "alice") {
			t.Errorf("shows %q", line)
		}
		want, status := "", 0
		if interrupt {
			_ = cmd.Process.Signal(os.Interrupt)
		} else {
			stop()
			want, status = "logis: cannot read the events: logisd has ended: run it again when logisd is back\n", 1
		}
		if got := exitStatus(cmd.Wait()); got != status || errs.String() != want {
			t.Errorf("exit status %d, stderr %q", got, errs.String())
		}
	}
}

// following starts cmd and returns the first line that it shows of what happens from then on.
func following(t *testing.T, cmd *exec.Cmd, m *servertest.Engine) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	go func() {
		in := bufio.NewReader(out)
		for {
			line, err := in.ReadString('\n')
			if strings.Contains(line, "site.started") || err != nil {
				shown <- line
				return
			}
		}
	}()
	tick := time.NewTicker(10 * time.Millisecond) // until it follows nobody knows when it does
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			m.Happened.Add(event.Event{Type: event.SiteStarted, Site: "alice"})
		case line := <-shown:
			return line
		}
	}
}
