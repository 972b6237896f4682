package guest

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

// words encodes a request as the command services does.
func words(list ...string) []byte {
	body := strings.Join(list, "\x00")
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// Whatever is written to the socket of the site's own people, the answer is frames of what is meant for a terminal, and
// nothing but the table of commands happens: no order reaches a service for a user that is not trusted.
func FuzzAnswerInside(f *testing.F) {
	f.Add(words("list"), int64(0))
	f.Add(words("restart", "nginx", "ssh", "../x"), int64(33))
	f.Add(words("logs", "nginx", "-n", "5"), int64(0))
	f.Add(words("policy", "nginx", "start"), int64(33))
	f.Add(append(words("mail"), "Subject: a\n\nb\x1b[2J\n"...), int64(33))
	f.Add(words("exec", "/bin/sh"), int64(0))
	f.Add([]byte("\xff\xff\xff\xff"), int64(0))
	f.Fuzz(func(t *testing.T, said []byte, uid int64) {
		if bytes.Contains(said, []byte("-f")) {
			return // it goes on until the reader goes
		}
		dir := t.TempDir()
		g := &guest{opts: Options{Site: "alice", Services: dir, Logs: dir, Run: dir, Texts: dir, Scripts: dir}, board: newBoard()}
		g.accounts = accounts{passwd: filepath.Join(dir, "passwd"), group: filepath.Join(dir, "group")}
		s, err := g.newService(Service{Name: "nginx"})
		if err != nil {
			t.Fatal(err)
		}
		g.roster.services = append(g.roster.services, s)
		ordered := false
		stop := make(chan struct{})
		served := make(chan struct{})
		go func() {
			defer close(served)
			select {
			case o := <-s.orders:
				ordered = true
				g.obey(s, o)
			case <-stop:
			}
			close(s.done) // what is ordered next is told that the site stops
		}()
		var conn recorder
		conn.in.Reset(said)
		g.answerInside(t.Context(), newServer(nil, everybody(1), nil), &conn, uid)
		close(stop)
		<-served
		if ordered && uid != 0 {
			t.Errorf("user %d gave an order by %q", uid, said)
		}
		for conn.out.Len() > 0 {
			kind, text, err := frame.Read(&conn.out)
			if err != nil {
				t.Fatal(err)
			}
			if kind != frame.Exit && bytes.ContainsAny(text, "\x1b\x00\x9b\r") {
				t.Errorf("answer %q", text)
			}
		}
	})
}

// recorder is a connection whose other end has said everything, and takes everything.
type recorder struct {
	net.Conn
	in  bytes.Reader
	out bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error)       { return r.in.Read(p) }
func (r *recorder) Write(p []byte) (int, error)      { return r.out.Write(p) }
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

func TestParseLogs(t *testing.T) {
	for line, want := range map[string]control.Logs{
		"":              {Lines: defaultLines},
		"nginx":         {Service: "nginx", Lines: defaultLines},
		"nginx -n 5":    {Service: "nginx", Lines: 5},
		"-n5 -f nginx":  {Service: "nginx", Lines: 5, Follow: true},
		"nginx -n 0 -f": {Service: "nginx", Follow: true},
	} {
		if got, err := parseLogs(strings.Fields(line)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{"nginx php", "-n", "-n x", "-n -1", "-n 10001", "--follow", "-x"} {
		if got, err := parseLogs(strings.Fields(line)); err == nil {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestFill(t *testing.T) {
	values := map[string][]string{"owner": {"alice"}, "url": {"http://a/", "http://b/"}, "none": nil}
	got := fill("I am ${owner}\n page ${url} of ${owner}\n${none} is left out\n${unknown}\nplain ${ and $x\nend", values)
	want := "I am alice\n page http://a/ of alice\n page http://b/ of alice\nplain ${ and $x\nend"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestShare(t *testing.T) {
	for want, n := range map[string][2]int64{
		"312 MiB of 2 GiB used (15 %)":   {312 << 20, 2 << 30},
		"1.5 KiB of 10 B used (15360 %)": {1536, 10},
		"0 B of 512 MiB used (0 %)":      {0, 512 << 20},
	} {
		if got := share(n[0], n[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Where there is no lxcfs /proc/meminfo tells of the host: that is not told to the owner.
func TestMemoryInUse(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal:  524288 kB\nMemFree: 1 kB\nMemAvailable: 262144 kB\n":   256 << 20,
		"MemTotal:  24524288 kB\nMemFree: 1 kB\nMemAvailable: 262144 kB\n": -1,
		"MemTotal:  524288 kB\nMemAvailable: 99999999 kB\n":                -1,
		"MemTotal:  many kB\nMemAvailable: 1 kB\n":                         -1,
		"MemTotal:  -5 kB\nMemAvailable: 1 kB\n":                           -1,
		"":                                                                 -1,
	} {
		path := filepath.Join(t.TempDir(), "meminfo")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		used, ok := memoryInUse(path, 512<<20)
		if ok != (want >= 0) || ok && used != want {
			t.Errorf("%q: %d, %v", text, used, ok)
		}
	}
}

func TestReadMail(t *testing.T) {
	read := func(mail string) (lines []string) {
		readMail(strings.NewReader(mail), func(line string) { lines = append(lines, line) })
		return lines
	}
	got := read("From: x\nSubject: Cron <alice@alice> echo hi\nTo: alice\n\nhi\n\nSubject: no\n")
	if diff := cmp.Diff([]string{"Cron <alice@alice> echo hi", "hi", "", "Subject: no"}, got); diff != "" {
		t.Error(diff)
	}
	const rest = "(the rest of what it printed was not kept)"
	for _, long := range []string{strings.Repeat("x\n", maxMail), strings.Repeat("x", 2*maxLine)} {
		if got := read("\n" + long); len(got) == 0 || got[len(got)-1] != rest || len(got) > maxMail/2+1 {
			t.Errorf("%d lines, the last %q", len(got), got[max(0, len(got)-1):])
		}
	}
}

// What PID 1 runs as a service is never run by its init script as well, under none of its names.
func TestEnabledScripts(t *testing.T) {
	dir := t.TempDir()
	g := &guest{opts: Options{Scripts: dir, Logs: dir}, board: newBoard()}
	g.accounts.group = filepath.Join(dir, "group")
	s, err := g.newService(Service{Name: "own"})
	if err != nil {
		t.Fatal(err)
	}
	g.roster.services = []*service{s}
	if got := g.enabledScripts("2", 'S'); got != nil {
		t.Errorf("without a directory: %q", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "rc2.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{
		"S02redis-server", "S01memcached", "S01nginx", "S01ssh", "S01cron", "S01mariadb", "S01mysql", "S01php8.2-fpm", "S01own",
		"K01apache2", "README", "S1x", "SXXx", "S01", "S01.hidden", "S01a b", "S03-x",
	} {
		if err := os.WriteFile(filepath.Join(dir, "rc2.d", link), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := g.enabledScripts("2", 'S'); !slices.Equal(got, []string{"memcached", "redis-server"}) {
		t.Errorf("to start: %q", got)
	}
	if got := g.enabledScripts("2", 'K'); !slices.Equal(got, []string{"apache2"}) {
		t.Errorf("to stop: %q", got)
	}
}

// What a visitor has written into a log, or a service says of its end, does not steer the terminal of who reads it.
func TestLogIsHarmless(t *testing.T) {
	var out bytes.Buffer
	a := &answer{frames: frame.NewWriter(&out)}
	hostile := "GET /\x1b]0;x\a\r\u009b2J\u202e\xff ü"
	if err := a.log(control.LogLine{Time: "2026-11-27T01:00:00Z", Service: "nginx", Text: hostile}, true); err != nil {
		t.Fatal(err)
	}
	_, got, err := frame.Read(&out)
	if want := "2026-11-27 01:00:00Z nginx: GET /\ufffd]0;x\ufffd\ufffd\ufffd2J\ufffd\ufffd ü\n"; string(got) != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if got := table([]control.Service{{Name: "nginx", Error: hostile}}, nil); strings.ContainsAny(got, "\x1b\a\r\u009b\u202e") {
		t.Errorf("%q", got)
	}
}
