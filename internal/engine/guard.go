package engine

import (
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/event"
)

// guardRules brings the rules back whenever another program takes them away: without them sites are neither reached nor kept
// apart. It tries until it has, and ends with the engine.
func (e *Engine) guardRules() {
	var told losses
	err := e.network.Watch(e.background, func() error {
		err := e.ReloadNetwork(e.background)
		kind, text := told.next(time.Now(), err)
		if e.background.Err() != nil || kind == "" {
			return err
		}
		if err != nil {
			text = fmt.Sprintf("%s: %v", text, err)
		}
		e.log.Warn(text)
		e.note(kind, "", 0, "%s", text)
		return err
	})
	if err != nil {
		e.log.Error("nobody watches the nftables rules: see logis doctor", "error", err)
	}
}

const (
	toldLosses = 3           // of a row, each by itself
	quietRow   = time.Minute // without a loss: a row is over
)

// losses are a row of losses of the rules: it is told of so that a program which deletes them in a loop does not push
// everybody's events out.
type losses struct {
	last   time.Time
	told   int
	failed bool // the rules could not be loaded the last time
}

// next says what to tell of a loss that was met at now, with err if it could not be; "" is nothing.
func (l *losses) next(now time.Time, err error) (event.Type, string) {
	if now.Sub(l.last) > quietRow {
		l.told = 0
	}
	l.last = now
	if err != nil && l.failed {
		return "", ""
	}
	l.failed = err != nil
	l.told++
	switch {
	case l.told == toldLosses+1:
		return event.RulesLost, "another program deletes the nftables rules again and again: they are loaded again once a second"
	case l.told > toldLosses:
		return "", ""
	case err != nil:
		return event.RulesLost, "another program deleted the nftables rules, and they are not all back: see logis doctor"
	}
	return event.RulesRestored, "another program deleted the nftables rules: they are loaded again"
}
