package cli

import "github.com/logis-project/logis/api"

// paint is how text is shown where there is colour: the parameters of SGR, ECMA-48 8.3.117.
type paint string

const (
	plainly paint = ""
	head    paint = "1"  // bold
	good    paint = "32" // green
	busy    paint = "33" // yellow: on its way, or nearly full
	bad     paint = "31" // red
	idle    paint = "2"  // faint
	resting paint = "36" // cyan
)

// colours tells whether standard output shows colours: a terminal that has them, and a user who wants them
// (https://no-color.org).
func (c *commandLine) colours() bool {
	_, ok := terminal(c.stdout)
	return ok && !c.NoColor && c.Term != "" && c.Term != "dumb"
}

// tint writes text, which must be clean, in colour where there is any.
func (c *commandLine) tint(p paint, text string) string {
	if p == plainly || text == "" || !c.colour {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// stateOf is the paint of a site's state.
func stateOf(s api.Site) paint {
	switch s.State {
	case "running":
		return good
	case "failed":
		return bad
	case "stopped":
		return idle
	case "asleep":
		return resting
	}
	return busy // creating, starting, stopping, destroying
}

// fullness is the paint of a share of a limit: the marks are those of events.
func fullness(used, limit int64) paint {
	switch {
	case limit <= 0:
		return plainly
	case float64(used) >= 0.995*float64(limit):
		return bad
	case float64(used) >= 0.795*float64(limit):
		return busy
	}
	return plainly
}
