package server

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	rareLines = 10 // at most, in each rarePause
	rarePause = time.Minute
	maxLogged = 1024 // bytes of a text of a client's in the log
)

// rare is a log for what a client can cause at will: a few lines a minute, and how many there would have been.
type rare struct {
	log *slog.Logger

	mu     sync.Mutex
	since  time.Time
	lines  int
	hidden int
}

func (r *rare) warn(message string, args ...any)  { r.say(slog.LevelWarn, message, args) }
func (r *rare) error(message string, args ...any) { r.say(slog.LevelError, message, args) }

func (r *rare) say(level slog.Level, message string, args []any) {
	if hidden, ok := r.next(time.Now()); ok {
		if hidden > 0 {
			args = append(args, "left_out_before", hidden)
		}
		r.log.Log(context.Background(), level, message, args...)
	}
}

// next says whether there is room for a line, and how many there was none for since the last.
func (r *rare) next(now time.Time) (hidden int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= rarePause {
		r.since, r.lines = now, 0
	}
	if r.lines >= rareLines {
		r.hidden++
		return 0, false
	}
	r.lines++
	hidden, r.hidden = r.hidden, 0
	return hidden, true
}

// Write implements io.Writer for net/http's own log, one line a call.
func (r *rare) Write(p []byte) (int, error) {
	r.warn(short(strings.TrimSpace(string(p))))
	return len(p), nil
}

// short bounds what a client has said before it is logged.
func short(s string) string {
	if len(s) > maxLogged {
		return s[:maxLogged] + "…"
	}
	return s
}
