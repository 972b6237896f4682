package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// consuming is an engine with a site at rest, one at its limits, one that is stopped and one whose disk is full for files, and names
// of every length.
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
	put("dave", site.Failed, site.Usage{Disk: 1800 << 20, Files: 1792 << 20, FilesLimit: 1792 << 20})
	return m
}

func TestStatsTable(t *testing.T) {
	m := consuming()
	socket, _ := servertest.Serve(t, m)
	golden(t, "stats", run(t, socket, "", "stats").out)
	golden(t, "stats.json", run(t, socket, "", "stats", "--format", "json").out)
	for args, want := range map[string]string{
		"carol alice": "carol alice",
		"--sort disk": "bob-with-a-name-of-the-full-len carol dave alice",
		"--sort memory alice carol bob-with-a-name-of-the-full-len": "bob-with-a-name-of-the-full-len alice carol",
		"--sort requests carol alice":                               "alice carol",
		"--sort cpu carol alice":                                    "alice carol",
	} {
		r := run(t, socket, "", append([]string{"stats"}, strings.Fields(args)...)...)
		var got []string
		for line := range strings.Lines(r.out) {
			got = append(got, strings.Fields(line)[0])
		}
		if r.status != 0 || strings.Join(got, " ") != "NAME "+want {
			t.Errorf("logis stats %s: %q, want %s: %+v", args, got, want, r)
		}
	}
	for args, want := range map[string]struct {
		status int
		err    string
	}{
		"stats alice alice":  {2, "given twice"},
		"stats alice nobody": {3, `cannot read what sites use: "nobody": no such site`},
		"stats --format xml": {2, "--format is table or json"},
		"stats --sort size":  {2, `--sort is name, cpu, memory, disk or requests, not "size"`},
	} {
		r := run(t, socket, "", strings.Fields(args)...)
		if oneLine(t, r, args); r.status != want.status || !strings.Contains(r.err, want.err) {
			t.Errorf("logis %s: %+v", args, r)
		}
	}
	if r := run(t, socket, "", "__complete", "stats", "alice", ""); !strings.HasPrefix(r.out, "bob-with") || strings.Contains(r.out, "alice") {
		t.Errorf("completion: %+v", r)
	}
	m.Uncounted = true
	golden(t, "stats-uncounted", run(t, socket, "", "stats").out)
	if r := run(t, socket, "", "stats", "--format", "json"); strings.Contains(r.out, "requests") {
		t.Errorf("requests that nobody counts: %s", r.out)
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

// watched is `logis stats` on a terminal of its own.
type watched struct {
	t      *testing.T
	master *os.File
	out    *bufio.Reader
	cmd    *exec.Cmd
	errs   bytes.Buffer
}

// watch starts it on a terminal of so many rows and columns.
func watch(t *testing.T, socket string, rows, cols uint16, env ...string) *watched {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	t.Cleanup(func() { master.Close() })
	w := &watched{t: t, master: master, out: bufio.NewReader(master)}
	w.resize(rows, cols)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w.cmd = exec.Command(program, "stats")
	w.cmd.Env = append(os.Environ(), append([]string{"LOGIS_TEST_CLI=1", "LOGIS_SOCKET=" + socket, "TZ=UTC", "TERM=xterm", "NO_COLOR="}, env...)...)
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = slave, slave, &w.errs
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watched) resize(rows, cols uint16) {
	w.t.Helper()
	if err := pty.Setsize(w.master, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		w.t.Fatal(err)
	}
}

// termios is how the terminal is set.
func (w *watched) termios() *unix.Termios {
	w.t.Helper()
	got, err := unix.IoctlGetTermios(int(w.master.Fd()), unix.TCGETS)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// frame is the next whole screen: it ends where the rest of the terminal is erased.
func (w *watched) frame() string {
	w.t.Helper()
	var all string
	for !strings.HasSuffix(all, "\x1b[J") {
		part, err := w.out.ReadString('J')
		if all += part; err != nil {
			w.t.Fatalf("%v after %q", err, all)
		}
	}
	return all
}

// ends types a key, and returns what is left on the terminal.
func (w *watched) ends(key string) string {
	w.t.Helper()
	if _, err := io.WriteString(w.master, key); err != nil {
		w.t.Fatal(err)
	}
	var rest bytes.Buffer
	_, _ = rest.ReadFrom(w.out) // EIO: the other end is closed
	if err := w.cmd.Wait(); err != nil || w.errs.Len() > 0 {
		w.t.Errorf("%v, stderr %q", err, w.errs.String())
	}
	if got := w.termios(); got.Lflag&(unix.ECHO|unix.ICANON) != unix.ECHO|unix.ICANON {
		w.t.Errorf("keys are not shown any more: %#x", got.Lflag)
	}
	_, left, found := strings.Cut(rest.String(), "\x1b[?1049l")
	if !found {
		w.t.Errorf("the screen is not what it was: %q", rest.String())
	}
	return left
}

// TestLiveStats: on a terminal the table is drawn again and again until q or Ctrl-C, fits 80 columns, and stays when it ends.
func TestLiveStats(t *testing.T) {
	for name, key := range map[string]string{"q": "q", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			socket, _ := servertest.Serve(t, consuming())
			w := watch(t, socket, 24, 80)
			frames := []string{w.frame(), w.frame(), w.frame()}
			if !strings.HasPrefix(frames[0], "\x1b[?1049h") {
				t.Errorf("no screen of its own: %q", frames[0])
			}
			if got := w.termios(); got.Lflag&(unix.ECHO|unix.ICANON) != 0 || got.Lflag&unix.ISIG == 0 {
				t.Errorf("keys: %#x", got.Lflag)
			}
			golden(t, "stats-80-first", drawn(frames[0]))
			golden(t, "stats-80", drawn(frames[2]))
			golden(t, "stats-80-colours", strings.ReplaceAll(strings.ReplaceAll(frames[2], "\r", ""), "\x1b", "␛")+"\n")
			left := strings.TrimRight(drawn(w.ends(key)), "\n")
			if !strings.HasPrefix(left, "NAME") || strings.Count(left, "\n") != 4 || strings.Contains(left, "^C") {
				t.Errorf("left on the terminal:\n%s", left)
			}
			for line := range strings.SplitSeq(drawn(frames[2])+left, "\n") {
				if n := utf8.RuneCountInString(line); n > 79 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// TestLiveStatsResize: another size is drawn at once and whole, however small.
func TestLiveStatsResize(t *testing.T) {
	socket, _ := servertest.Serve(t, consuming())
	w := watch(t, socket, 24, 200, "NO_COLOR=1")
	wide := w.frame()
	if strings.Contains(wide, "\x1b[3") || strings.Contains(wide, "\x1b[1m") {
		t.Errorf("colours: %q", wide)
	}
	if head := strings.Fields(drawn(wide)); head[len(strings.Fields("NAME CPU MEMORY MEM% DISK DISK% IN/S OUT/S REQ/S REQUESTS 5XX/S PIDS OOM"))-1] != "OOM" {
		t.Errorf("200 columns do not show all:\n%s", drawn(wide))
	}
	for _, size := range [][2]uint16{{24, 60}, {5, 40}, {4, 20}, {3, 80}, {2, 30}, {1, 10}, {1, 1}} {
		w.resize(size[0], size[1])
		fits := func(frame string) bool {
			lines := strings.Split(strings.TrimSuffix(drawn(frame), "\n"), "\n")
			for _, line := range lines {
				if utf8.RuneCountInString(line) > max(int(size[1])-1, 1) {
					return false
				}
			}
			return len(lines) <= int(size[0])
		}
		for n := 0; !fits(w.frame()); n++ { // one that was on its way
			if n == 5 {
				t.Fatalf("%d rows of %d columns do not hold it", size[0], size[1])
			}
		}
	}
	w.ends("q")
}

// TestLiveStatsTerminalGoes: it ends with its terminal, and does not draw for nobody.
func TestLiveStatsTerminalGoes(t *testing.T) {
	socket, _ := servertest.Serve(t, consuming())
	w := watch(t, socket, 24, 80)
	w.frame()
	w.master.Close()
	_ = w.cmd.Wait() // by SIGHUP, or with the error of a write
	if w.cmd.ProcessState == nil {
		t.Error("it runs on")
	}
}

var escapes = regexp.MustCompile(`\x1b\[[?0-9;]*[A-Za-z]|\r`)

// drawn is what a frame shows, without the codes that move the cursor.
func drawn(frame string) string { return escapes.ReplaceAllString(frame, "") + "\n" }
