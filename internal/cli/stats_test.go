package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// consuming is an engine with a site at rest, one at its limits, one that is stopped, and names of every length.
func consuming() *servertest.Engine {
	m := servertest.New()
	put := func(name string, state site.State, u site.Usage) {
		s := servertest.StatusOf(name, state)
		s.Usage = u
		m.Put(s)
	}
	put("alice", site.Running, site.Usage{Memory: 60 << 20, Cache: 13 << 20, Disk: 12345678, PIDs: 14, CPUSeconds: 3.25})
	put("bob-with-a-name-of-the-full-len", site.Running, site.Usage{Memory: 512 << 20, Disk: 2 << 30, PIDs: 512, CPUSeconds: 1e6, OOMKills: 1234})
	put("carol", site.Stopped, site.Usage{Disk: 1999 << 20})
	return m
}

func TestStatsTable(t *testing.T) {
	socket, _ := servertest.Serve(t, consuming())
	golden(t, "stats", run(t, socket, "", "stats").out)
	golden(t, "stats.json", run(t, socket, "", "stats", "--format", "json").out)
	if r := run(t, socket, "", "stats", "carol", "alice"); r.status != 0 || !regexp.MustCompile(`(?s)^NAME.*\ncarol .*\nalice [^\n]*\n$`).MatchString(r.out) {
		t.Errorf("two, in their order: %+v", r)
	}
	for args, want := range map[string]struct {
		status int
		err    string
	}{
		"stats alice alice":  {2, "given twice"},
		"stats alice nobody": {3, "cannot read what sites use: \"nobody\": no such site"},
		"stats --format xml": {2, "--format is table or json"},
	} {
		r := run(t, socket, "", strings.Fields(args)...)
		if oneLine(t, r, args); r.status != want.status || !strings.Contains(r.err, want.err) {
			t.Errorf("logis %s: %+v", args, r)
		}
	}
	if r := run(t, socket, "", "__complete", "stats", "alice", ""); !strings.HasPrefix(r.out, "bob-with") || strings.Contains(r.out, "alice") {
		t.Errorf("completion: %+v", r)
	}
	empty, _ := servertest.Serve(t, servertest.New())
	if r := run(t, empty, "", "stats"); r.status != 0 || !strings.HasPrefix(r.out, "There is no site yet.") {
		t.Errorf("without sites: %+v", r)
	}
	var stats api.Stats
	if err := json.Unmarshal([]byte(run(t, empty, "", "stats", "--format", "json").out), &stats); err != nil || stats.Sites == nil {
		t.Errorf("without sites: %+v, %v", stats, err)
	}
}

// TestLiveStats: on a terminal the table is drawn again and again until Ctrl-C, fits 80 columns, and stays when it ends.
func TestLiveStats(t *testing.T) {
	socket, _ := servertest.Serve(t, consuming())
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "stats")
	cmd.Env = append(os.Environ(), "LOGIS_TEST_CLI=1", "LOGIS_SOCKET="+socket, "TZ=UTC")
	var errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = slave, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	// Whole screens end where the rest of the terminal is erased.
	r := bufio.NewReader(master)
	var frames []string
	for len(frames) < 3 {
		frame, err := r.ReadString('J')
		if err != nil {
			t.Fatalf("%v after %q", err, frame)
		}
		if strings.HasSuffix(frame, "\x1b[J") {
			frames = append(frames, frame)
		}
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil { // what Ctrl-C sends
		t.Fatal(err)
	}
	var rest bytes.Buffer
	_, _ = rest.ReadFrom(r) // EIO: the other end is closed
	if err := cmd.Wait(); err != nil || errs.Len() > 0 {
		t.Errorf("%v, stderr %q", err, errs.String())
	}
	if !strings.HasPrefix(frames[0], "\x1b[?1049h") || !strings.Contains(rest.String(), "\x1b[?1049l") {
		t.Errorf("the screen is not what it was: %q … %q", frames[0], rest.String())
	}
	golden(t, "stats-80-first", drawn(frames[0]))
	golden(t, "stats-80", drawn(frames[2]))
	_, left, _ := strings.Cut(rest.String(), "\x1b[?1049l")
	table, _, _ := strings.Cut(drawn(frames[2]), "\n\n")
	if got := strings.TrimRight(drawn(left), "\n"); strings.Count(got, "\n") != 3 || len(got) < len(table)-9 {
		t.Errorf("left on the terminal:\n%s", got)
	}
	for line := range strings.SplitSeq(drawn(frames[2]), "\n") {
		if n := utf8.RuneCountInString(line); n > 79 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

var escapes = regexp.MustCompile(`\x1b\[[?0-9;]*[A-Za-z]|\r`)

// drawn is what a frame shows, without the codes that move the cursor.
func drawn(frame string) string { return escapes.ReplaceAllString(frame, "") + "\n" }
