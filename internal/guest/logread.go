package guest

import (
	"bytes"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

const (
	maxLogLines = 10_000  // lines of one request
	followQueue = 256     // lines that a follower may lag behind
	maxTail     = 1 << 20 // bytes of a file that are looked at for them
)

// tail returns the last n lines of the log and, with follow, a channel that gets every later one; the channel is closed
// when no line follows. Under the lock nothing is lost or seen twice in between.
func (l *serviceLog) tail(n int, follow bool) ([]control.LogLine, chan control.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := lastLines(l.path, n)
	if len(lines) < n {
		lines = append(lastLines(l.path+".1", n-len(lines)), lines...)
	}
	found := make([]control.LogLine, 0, len(lines))
	for _, line := range lines {
		found = append(found, parseLogLine(l.name, line))
	}
	if !follow {
		return found, nil
	}
	next := make(chan control.LogLine, followQueue)
	if l.closed {
		close(next)
	} else {
		l.readers[next] = true
	}
	return found, next
}

// forget ends the following of tail.
func (l *serviceLog) forget(next chan control.LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.readers, next)
}

// parseLogLine takes a line of the file apart. The file lies in the site: a line without a time has been written by
// someone else and is all text.
func parseLogLine(service, line string) control.LogLine {
	stamp, text, ok := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339Nano, stamp); !ok || err != nil {
		stamp, text = "", line
	}
	return control.LogLine{Time: stamp, Service: service, Text: text[:min(len(text), maxLine)]}
}

// lastLines returns the last n whole lines of the file at path, looking at no more than its last maxTail bytes. A file
// that is missing or no regular file has none.
func lastLines(path string, n int) []string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil || n <= 0 {
		return nil
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	for want := int64(64 << 10); ; want *= 4 {
		want = min(want, fi.Size(), maxTail)
		data := make([]byte, want)
		got, err := f.ReadAt(data, fi.Size()-want)
		if err != nil && err != io.EOF {
			return nil
		}
		data = data[:got]
		if want < fi.Size() { // begins inside a line
			_, data, _ = bytes.Cut(data, []byte{'\n'})
		}
		if bytes.Count(data, []byte{'\n'}) < n && want < min(fi.Size(), maxTail) {
			continue
		}
		if i := bytes.LastIndexByte(data, '\n'); i < 0 {
			return nil
		} else {
			data = data[:i]
		}
		lines := strings.Split(string(data), "\n")
		return slices.Clone(lines[max(0, len(lines)-n):])
	}
}

// logsOf returns the log of a service, or all logs for "".
func (g *guest) logsOf(service string) []*serviceLog {
	var logs []*serviceLog
	for _, s := range g.roster.all() {
		if service == "" || service == s.name {
			logs = append(logs, s.log)
		}
	}
	if l := g.scripts.currentLog(); l != nil && (service == "" || service == l.name) {
		logs = append(logs, l)
	}
	return logs
}

// logs answers one request for lines. There is no answer for a service that does not exist: the connection just closes.
func (g *guest) logs(conn net.Conn, req control.Logs, gone <-chan struct{}) {
	g.readLogs(req, gone, func(line control.LogLine) error { return control.Write(conn, line) })
}

// readLogs gives take the last lines of one log or all, and with Follow what comes until gone or an error of take.
func (g *guest) readLogs(req control.Logs, gone <-chan struct{}, take func(control.LogLine) error) {
	logs := g.logsOf(req.Service)
	n := max(0, min(req.Lines, maxLogLines))
	var past []control.LogLine
	later := make([]chan control.LogLine, len(logs))
	for i, l := range logs {
		lines, next := l.tail(n, req.Follow)
		if later[i] = next; next != nil {
			defer l.forget(next)
		}
		past = append(past, lines...)
		slices.SortStableFunc(past, func(a, b control.LogLine) int { return strings.Compare(a.Time, b.Time) })
		past = slices.Clone(past[max(0, len(past)-n):])
	}
	for _, line := range past {
		if take(line) != nil {
			return
		}
	}
	if req.Follow {
		follow(later, gone, take)
	}
}

// follow gives take the lines of several logs until all have ended or the reader has gone.
func follow(later []chan control.LogLine, gone <-chan struct{}, take func(control.LogLine) error) {
	lines := make(chan control.LogLine)
	stop := make(chan struct{})
	var copying sync.WaitGroup
	for _, next := range later {
		copying.Go(func() { forward(next, lines, stop) })
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		copying.Wait()
	}()
	defer func() { <-ended }()
	defer close(stop)
	for {
		select {
		case line := <-lines:
			if take(line) != nil {
				return
			}
		case <-ended:
			return
		case <-gone:
			return
		}
	}
}

func forward(from <-chan control.LogLine, to chan<- control.LogLine, stop <-chan struct{}) {
	for {
		select {
		case line, ok := <-from:
			if !ok {
				return
			}
			select {
			case to <- line:
			case <-stop:
				return
			}
		case <-stop:
			return
		}
	}
}
