// Package event keeps what happened on the host: sites made, started, died; images built; logisd come and gone. It owns the
// bounded memory of events and the file that they outlive logisd in. It must not decide anything, fail the change that an
// event tells of, or hold it up. It imports nothing of the module.
package event

import (
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Type says what happened, as noun.verb.
type Type string

// The types of events. Those of a site have Site set.
const (
	SiteCreated    Type = "site.created"
	SiteDestroyed  Type = "site.destroyed"
	SiteStarted    Type = "site.started"
	SiteStopped    Type = "site.stopped"
	SiteChanged    Type = "site.changed"   // its limits or its priority
	SiteFailed     Type = "site.failed"    // a start, a stop or a destroy did not come to its end
	SiteDied       Type = "site.died"      // PID 1 ended though nobody wanted it to
	SiteRestarted  Type = "site.restarted" // by logisd itself, after it died or failed
	SiteAdopted    Type = "site.adopted"   // it ran on while logisd was away
	SiteMemory     Type = "site.memory"    // its memory is 80 or 100 % full: the message begins with which
	SiteDisk       Type = "site.disk"      // its disk is
	SiteOOM        Type = "site.oom"       // the kernel killed processes of it for want of memory
	SiteUndone     Type = "site.undone"    // half made or half destroyed: all of it is gone
	SiteSwept      Type = "site.swept"     // what belonged to no site is removed
	ImageBuilt     Type = "image.built"
	ImageImported  Type = "image.imported"
	ImageRemoved   Type = "image.removed"
	SitesHalted    Type = "sites.halted"   // all were stopped, until the next boot or `logis sites up`
	RulesRestored  Type = "rules.restored" // another program had deleted the nftables rules
	RulesLost      Type = "rules.lost"     // and they cannot be loaded again
	DaemonStarted  Type = "daemon.started"
	DaemonStopping Type = "daemon.stopping"
	BootFinished   Type = "boot.finished" // every site that should run was started or failed
	Lost           Type = "events.lost"   // a follower was too slow: only it sees this one
)

// Event is one thing that happened. Message can hold words from inside a site: printable and bounded here, but words.
type Event struct {
	Time    time.Time `json:"time"` // UTC, to the millisecond
	Site    string    `json:"site,omitempty"`
	Type    Type      `json:"type"`
	Message string    `json:"message,omitempty"`
	Seconds float64   `json:"seconds,omitempty"` // how long it took; zero where that says nothing
}

// Bounds of an event's texts, in bytes: a name, and what fits a few lines of a terminal.
const (
	maxName    = 64
	maxMessage = 600
)

// tidy bounds an event, wherever it comes from; ok is false when it says nothing.
func tidy(e Event) (_ Event, ok bool) {
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	e.Site, e.Message = line(e.Site, maxName), line(e.Message, maxMessage)
	e.Type = Type(line(string(e.Type), maxName))
	if !(e.Seconds > 0) || math.IsInf(e.Seconds, 0) { // the first also catches NaN, which JSON does not have
		e.Seconds = 0
	}
	e.Seconds = math.Round(e.Seconds*1000) / 1000
	// RFC 3339 has four digits for the year, and JSON no other way to write a time.
	return e, e.Type != "" && e.Time.Year() >= 0 && e.Time.Year() <= 9999
}

// line makes one printable line of a text, cut to a number of bytes.
func line(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r): // controls, and format characters such as U+202E
			return unicode.ReplacementChar
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) <= limit {
		return s
	}
	const cut = "…"
	end := limit - len(cut)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cut
}
