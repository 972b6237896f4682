package event

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the time of event 0; each later one is a second later.
func noon() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }

func numbered(i int) Event {
	return Event{Time: noon().Add(time.Duration(i) * time.Second), Site: "alice", Type: SiteStarted, Message: fmt.Sprint(i), Seconds: 0.25}
}

func span(from, to int) []Event {
	var all []Event
	for i := from; i < to; i++ {
		all = append(all, numbered(i))
	}
	return all
}

func last(t *testing.T, l *Log, n int) []Event {
	t.Helper()
	var all []Event
	if err := l.Last(n, func(e Event) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, what string, want, got []Event) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func path(t *testing.T) string { return filepath.Join(t.TempDir(), "events.jsonl") }

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLast(t *testing.T) {
	l := Open(Options{})
	same(t, "none", nil, last(t, l, 5))
	for _, e := range span(0, Kept+7) {
		l.Add(e)
	}
	same(t, "three", span(Kept+4, Kept+7), last(t, l, 3))
	same(t, "zero", nil, last(t, l, 0))
	same(t, "more than there are", span(7, Kept+7), last(t, l, 2*Kept))
	stop := errors.New("enough")
	if err := l.Last(3, func(Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Last = %v", err)
	}
}

func TestEventsOutliveTheDaemon(t *testing.T) {
	path := path(t)
	l := Open(Options{Path: path})
	for _, e := range span(0, 3) {
		l.Add(e)
	}
	// A daemon that is killed closes nothing.
	l = Open(Options{Path: path})
	l.Add(numbered(3))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Add(Event{Type: SiteDied}) // too late for the disk
	same(t, "read back", span(0, 4), last(t, Open(Options{Path: path}), 10))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestTornFile(t *testing.T) {
	path := path(t)
	l := Open(Options{Path: path})
	for _, e := range span(0, 3) {
		l.Add(e)
	}
	whole := contents(t, path)
	begin := strings.LastIndex(strings.TrimSpace(whole), "\n") + 1 // of the last line
	for cut := begin; cut < len(whole); cut++ {
		if err := os.WriteFile(path, []byte("\x00\x00noise\n"+whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		Open(Options{Path: path}).Add(numbered(9))
		want := span(0, 2)
		if cut == len(whole)-1 { // only the line's end is missing
			want = span(0, 3)
		}
		same(t, fmt.Sprintf("cut at %d", cut), append(want, numbered(9)), last(t, Open(Options{Path: path}), 10))
	}
}

func TestRotation(t *testing.T) {
	const limit = 2000
	path := path(t)
	l := Open(Options{Path: path, MaxSize: limit})
	for _, e := range span(0, 100) {
		l.Add(e)
	}
	size := 0
	for _, name := range []string{path, path + ".1"} {
		text := contents(t, name)
		if size += len(text); len(text) > limit {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
	each := len(contents(t, path)) / strings.Count(contents(t, path), "\n")
	kept := size / each
	if kept < limit/each {
		t.Errorf("only %d events are kept", kept)
	}
	same(t, "read back", span(100-kept, 100), last(t, Open(Options{Path: path, MaxSize: limit}), 100))

	// Killed between the two steps of a rotation, and told another limit.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l = Open(Options{Path: path, MaxSize: limit / 4})
	l.Add(numbered(100))
	got := last(t, l, 100)
	same(t, "after a kill", span(101-len(got), 101), got)
}

// TestFullDisk lets the file grow no more in the middle of a line, as a full disk does.
func TestFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	path := path(t)
	var said bytes.Buffer
	l := Open(Options{Path: path, Log: slog.New(slog.NewTextHandler(&said, nil))})
	for _, e := range span(0, 2) {
		l.Add(e)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	full := was
	full.Cur = uint64(len(contents(t, path)) + 20)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	for _, e := range span(2, 5) {
		l.Add(e)
	}
	err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was)
	if err != nil {
		t.Fatal(err)
	}
	l.Add(numbered(5))
	same(t, "in memory", span(0, 6), last(t, l, 10))
	same(t, "on disk", append(span(0, 2), numbered(5)), last(t, Open(Options{Path: path}), 10))
	if n := strings.Count(said.String(), "\n"); n != 1 || !strings.Contains(said.String(), "file too large") {
		t.Errorf("the log has %d lines: %s", n, said.String())
	}
}

// TestUnusableFile: what lies in the way of the file costs the file, not the events.
func TestUnusableFile(t *testing.T) {
	dir := path(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	fifo := path(t)
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	link, target := path(t), path(t)
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, link, filepath.Join(dir, "none", "x")} {
		var said bytes.Buffer
		l := Open(Options{Path: path, Log: slog.New(slog.NewTextHandler(&said, nil))})
		l.Add(numbered(0))
		same(t, path, span(0, 1), last(t, l, 10))
		if said.Len() == 0 {
			t.Errorf("%s: not a word", path)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if contents(t, target) != "" {
		t.Error("wrote through a symbolic link")
	}
}

func TestFollow(t *testing.T) {
	l := Open(Options{})
	for _, e := range span(0, 5) {
		l.Add(e)
	}
	type follower struct {
		lines int
		got   []Event
		seen  chan struct{}
	}
	followers := []*follower{{lines: 1}, {lines: 2}}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, f := range followers {
		f.seen = make(chan struct{}, 100)
		all.Go(func() {
			err := l.Follow(ctx, f.lines, func(e Event) error {
				f.got = append(f.got, e)
				f.seen <- struct{}{}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Follow = %v", err)
			}
		})
	}
	for _, f := range followers {
		<-f.seen // it follows: what comes now, comes to it
	}
	for _, e := range span(5, 20) {
		l.Add(e)
	}
	for _, f := range followers {
		for range f.lines - 1 + 15 {
			<-f.seen
		}
	}
	cancel()
	all.Wait()
	for _, f := range followers {
		same(t, fmt.Sprintf("last %d and what came", f.lines), span(5-f.lines, 20), f.got)
	}
}

// TestSlowFollower: it holds nobody up, and is told how much it has missed.
func TestSlowFollower(t *testing.T) {
	l := Open(Options{})
	l.Add(numbered(0))
	asleep, awake := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var got []Event
	ended := make(chan error, 1)
	go func() {
		ended <- l.Follow(ctx, 1, func(e Event) error {
			if got = append(got, e); len(got) == 1 {
				close(asleep)
				<-awake
			}
			if len(got) == 1+1+Kept {
				cancel()
			}
			return nil
		})
	}()
	<-asleep
	for _, e := range span(1, Kept+6) {
		l.Add(e)
	}
	close(awake)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v", err)
	}
	if got[1].Type != Lost || got[1].Message != "5 events came faster than they were read" {
		t.Errorf("in place of the lost: %+v", got[1])
	}
	same(t, "after the lost", span(6, Kept+6), got[2:])
}

func TestTidy(t *testing.T) {
	l := Open(Options{})
	l.Add(Event{Site: "a\nb", Type: "site.died", Message: "x\x1b[2J\u202e\u009b\r\nlogis: all is well\xff", Seconds: -1})
	l.Add(Event{Type: "t", Message: strings.Repeat("é", maxMessage), Seconds: 1.23456})
	l.Add(Event{Message: "of no type"})
	l.Add(Event{Type: "t", Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	got := last(t, l, 10)
	if len(got) != 2 || got[0].Time.IsZero() {
		t.Fatalf("got %+v", got)
	}
	for i := range got {
		got[i].Time = time.Time{}
	}
	same(t, "tidy", []Event{
		{Site: "a b", Type: SiteDied, Message: "x\ufffd[2J\ufffd\ufffd  logis: all is well\ufffd"},
		{Type: "t", Message: strings.Repeat("é", (maxMessage-4)/2) + "…", Seconds: 1.235},
	}, got)
}

func TestNilLog(t *testing.T) {
	var l *Log
	l.Add(numbered(0))
	same(t, "nothing", nil, last(t, l, 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Follow(ctx, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Follow = %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzReadBack: whatever lies in the file, what is read is events, and what is added afterwards is found again.
func FuzzReadBack(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-02T12:00:00Z","site":"a","type":"site.died","message":"m","seconds":1}` + "\n{"))
	f.Add([]byte("\x00\x00\n[]\nnull\n1\n" + `{"time":"0000-01-01T00:00:00+23:59","type":"x"}`))
	f.Add([]byte(`{"time":"9999-12-31T23:59:59-23:59","type":"x","seconds":1e308}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := path(t)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		l := Open(Options{Path: path})
		for _, e := range last(t, l, Kept) {
			if again, ok := tidy(e); !ok || again != e {
				t.Errorf("read %+v", e)
			}
		}
		l.Add(numbered(0))
		before := last(t, l, Kept)
		same(t, "read again", before, last(t, Open(Options{Path: path}), Kept))
	})
}
