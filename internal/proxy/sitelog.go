package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/route"
)

const (
	maxSiteLog     = 64 << 10 // bytes of a site's file, after which it becomes the older of two
	maxSitePending = 16 << 10 // bytes of a site's lines that are worth a write at once
	maxSiteBacklog = 32 << 10 // bytes of them that wait for a disk that does not keep up: what comes then is lost
	maxSiteField   = 256      // bytes of one field of a line, before it is escaped
	siteLogPrefix  = "access-"
	siteLogSuffix  = ".log"
	olderLog       = ".1"
)

// siteLogs keep what visitors asked of each site, for its admin to read: two files a site of printable ASCII, each of at most
// maxSiteLog bytes and one write, which is of maxSiteBacklog and a line. A replaced proxy and its successor write to the same
// ones. No request waits for a disk.
type siteLogs struct {
	dir   string
	known func(site string) bool // has a route
	log   *slog.Logger
	full  chan struct{} // a write is worth it; buffered, 1

	files sync.Mutex // held while files are written, read or removed; taken before mu

	mu      sync.Mutex
	pending map[string][]byte // by site: whole lines that are not written yet
}

func newSiteLogs(dir string, known func(string) bool, log *slog.Logger) *siteLogs {
	return &siteLogs{dir: dir, known: known, log: log, full: make(chan struct{}, 1), pending: map[string][]byte{}}
}

// appendSiteLine appends the line of a request that is over: when, by which host name, whose, what, and what came of it.
func appendSiteLine(b []byte, ex *exchange, r *http.Request, now time.Time) []byte {
	field := func(s string, word bool) {
		if len(s) > maxSiteField {
			s = s[:maxSiteField] + "..."
		}
		b = appendField(b, s, word)
	}
	begin := len(b)
	b = now.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, ' ')
	field(ex.host, true)
	b = append(b, ' ')
	field(visitor(r.RemoteAddr), true)
	b = append(b, ` "`...)
	field(r.Method, true)
	b = append(b, ' ')
	field(r.RequestURI, true)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(ex.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, ex.written, 10)
	b = append(b, ' ')
	b = strconv.AppendFloat(b, float64(now.Sub(ex.start))/float64(time.Millisecond), 'f', 1, 64)
	b = append(b, `ms "`...)
	field(r.UserAgent(), false)
	b = append(b, '"')
	return append(b[:min(len(b), begin+route.MaxLogLine)], '\n')
}

// record adds the line of a request to a site; not to one that has gone meanwhile, whose name may be another's tomorrow.
func (l *siteLogs) record(site string, ex *exchange, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending[site]) > maxSiteBacklog || !l.known(site) {
		return
	}
	l.pending[site] = appendSiteLine(l.pending[site], ex, r, time.Now())
	if len(l.pending[site]) > maxSitePending {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
}

// run flushes at intervals, and when it is worth it, until ctx is done.
func (l *siteLogs) run(ctx context.Context) {
	t := time.NewTicker(logInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.flush()
		case <-l.full:
			l.flush()
		}
	}
}

// flush writes what has been recorded.
func (l *siteLogs) flush() {
	l.files.Lock()
	defer l.files.Unlock()
	l.mu.Lock()
	all := l.pending
	l.pending = map[string][]byte{}
	l.mu.Unlock()
	for site, lines := range all {
		l.write(site, lines)
	}
}

func (l *siteLogs) path(site string) string {
	return filepath.Join(l.dir, siteLogPrefix+site+siteLogSuffix)
}

// take returns what a site has waiting, which is not there any more.
func (l *siteLogs) take(site string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.pending[site]
	delete(l.pending, site)
	return lines
}

// write writes lines of a site; l.files is held. What cannot be written is lost.
func (l *siteLogs) write(site string, lines []byte) {
	path := l.path(site)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		l.log.Warn("write access log of site", "site", site, "error", err)
		return
	}
	defer f.Close()
	_, err = f.Write(lines)
	if fi, statErr := f.Stat(); err == nil && statErr == nil && fi.Size() > maxSiteLog {
		err = os.Rename(path, path+olderLog)
	}
	if err != nil {
		l.log.Warn("write access log of site", "site", site, "error", err)
	}
}

// remove forgets what a site's visitors asked for.
func (l *siteLogs) remove(site string) {
	l.files.Lock()
	defer l.files.Unlock()
	l.take(site)
	for _, path := range []string{l.path(site), l.path(site) + olderLog} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.log.Warn("remove access log of site", "site", site, "error", err)
		}
	}
}

// keep removes the logs of all sites but these.
func (l *siteLogs) keep(routes []route.Route) {
	stays := map[string]bool{}
	for _, r := range routes {
		stays[r.Site] = true
	}
	files, _ := filepath.Glob(filepath.Join(l.dir, siteLogPrefix+"*"))
	for _, file := range files {
		site := strings.TrimPrefix(filepath.Base(file), siteLogPrefix)
		site = strings.TrimSuffix(strings.TrimSuffix(site, olderLog), siteLogSuffix)
		if !stays[site] {
			l.remove(site)
		}
	}
}

// read returns the last n lines of a site and where they end; with from, which is where an earlier answer ended, those since, at
// most n of the last. Where the files have gone on so far that from is in neither, it is as without.
func (l *siteLogs) read(site string, n int, from string) (lines []string, at string) {
	l.files.Lock()
	defer l.files.Unlock()
	if waiting := l.take(site); len(waiting) > 0 {
		l.write(site, waiting)
	}
	older, olderInode := readLog(l.path(site) + olderLog)
	newer, inode := readLog(l.path(site))
	at = fmt.Sprintf("%d:%d", inode, len(newer))
	if inode == 0 { // just made the older one
		at = fmt.Sprintf("%d:%d", olderInode, len(older))
	}
	file, offset, _ := strings.Cut(from, ":")
	if skip, err := strconv.Atoi(offset); err == nil && skip >= 0 {
		switch file {
		case strconv.FormatUint(inode, 10):
			older, newer = nil, newer[min(skip, len(newer)):]
		case strconv.FormatUint(olderInode, 10):
			older = older[min(skip, len(older)):]
		}
	}
	for line := range strings.Lines(string(append(older, newer...))) {
		// After a power cut there may be anything, which logisd would not take.
		if line = strings.TrimSuffix(line, "\n"); line != "" && route.CheckLogLine(line) == nil {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):], at
}

// readLog returns what a file holds, up to its last whole line, and its inode.
func readLog(path string) (data []byte, inode uint64) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, 0
	}
	defer f.Close()
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return nil, 0
	}
	data, _ = io.ReadAll(io.LimitReader(f, 4*maxSiteLog))
	return data[:bytes.LastIndexByte(data, '\n')+1], st.Ino
}
