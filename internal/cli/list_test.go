package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/mattn/go-runewidth"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// onTerminal runs a command line on a terminal of so many columns, three days after all sites were made, and returns what it
// shows.
func onTerminal(t *testing.T, columns uint16, like cli.Terminal, args ...string) string {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, master) // EIO when the slave is closed
	}()
	like.In, like.Out, like.Err, like.Now = strings.NewReader(""), slave, slave, later
	if status := cli.Run(t.Context(), args, like); status != 0 {
		t.Errorf("logis %v: status %d", args, status)
	}
	_ = slave.Close()
	<-read
	return strings.ReplaceAll(shown.String(), "\r\n", "\n")
}

// later is the time on the clock of tables.
func later() time.Time { return servertest.Birth().Add(75 * time.Hour) }

// manySites is a server with sites in every state, of long names and full disks.
func manySites(t *testing.T) (socket string) {
	m := servertest.New()
	for i, state := range []site.State{
		site.Creating, site.Stopped, site.Starting, site.Running, site.Asleep, site.Stopping, site.Failed, site.Destroying,
	} {
		s := servertest.StatusOf(fmt.Sprintf("%s-%d", state, i), state)
		s.Record.CreatedAt = s.Record.CreatedAt.Add(time.Duration(i) * 10 * time.Hour)
		if state == site.Running || state == site.Asleep {
			s.Usage = site.Usage{Memory: 60 << 20, Cache: 13 << 20, Disk: 12345678, PIDs: 14}
		}
		m.Put(s)
	}
	long := servertest.StatusOf("anne-marie-of-the-long-family-n", site.Running)
	long.Usage = site.Usage{Memory: 500 << 20, Disk: 1600 << 20, Files: 1536 << 20, FilesLimit: 1536 << 20, PIDs: 14}
	long.Domains = append(long.Domains, "www.long-family.example.org", "long-family.example.org")
	long.URLs = append(long.URLs, "http://www.long-family.example.org/", "http://long-family.example.org/")
	m.Put(long)
	socket, _ = servertest.Serve(t, m)
	return socket
}

// TestList: into a pipe nothing is cut; a terminal's width is never exceeded.
func TestList(t *testing.T) {
	socket := manySites(t)
	var out bytes.Buffer
	cli.Run(t.Context(), []string{"list"}, cli.Terminal{Out: &out, Err: &out, Socket: socket, Now: later})
	golden(t, "list", out.String())
	for _, columns := range []uint16{40, 80, 120, 200} {
		golden(t, fmt.Sprintf("list-%d", columns), onTerminal(t, columns, cli.Terminal{Socket: socket}, "list"))
	}
	for columns := uint16(8); columns < 220; columns++ {
		for line := range strings.Lines(onTerminal(t, columns, cli.Terminal{Socket: socket}, "list")) {
			if n := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); n > int(columns) {
				t.Errorf("%d columns on a terminal of %d: %q", n, columns, line)
			}
		}
	}
}

// TestColours: only on a terminal that has them, for a user who wants them.
func TestColours(t *testing.T) {
	socket := manySites(t)
	shown := onTerminal(t, 80, cli.Terminal{Socket: socket, Term: "xterm"}, "list")
	golden(t, "list-80-colours", strings.ReplaceAll(shown, "\x1b", "␛"))
	plain := onTerminal(t, 80, cli.Terminal{Socket: socket, Term: "xterm", NoColor: true}, "list")
	golden(t, "list-80", plain)
	for _, term := range []string{"", "dumb"} {
		if got := onTerminal(t, 80, cli.Terminal{Socket: socket, Term: term}, "list"); got != plain {
			t.Errorf("TERM=%q: %q", term, got)
		}
	}
	shown = onTerminal(t, 80, cli.Terminal{Socket: socket, Term: "xterm"}, "show", "failed-6")
	if !strings.Contains(shown, "\x1b[31mhas failed\x1b[0m") {
		t.Errorf("a failed site is not red: %q", shown)
	}
}
