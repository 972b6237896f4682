package engine

import (
	"slices"

	"github.com/logis-project/logis/internal/guest/control"
)

// SiteProgress says what goes on with a site that is being made, started or stopped.
type SiteProgress struct {
	Step    Step
	Waiting []string // services that are waited for, at most waitingMost. The names are the site's.
}

// Step is a part of such a change.
type Step string

// The steps, in their order.
const (
	StepTurn      Step = "turn"      // another command has the site
	StepDisk      Step = "disk"      // its disk is made
	StepFiles     Step = "files"     // what is its own is written: account, keys, database
	StepStop      Step = "stop"      // its services end
	StepContainer Step = "container" // PID 1 is started, with limits, network and route
	StepServices  Step = "services"  // its services get ready
)

// waitingMost bounds the services that a SiteProgress names: a site may have as many as its owner likes.
const waitingMost = 16

// SiteReport is told of progress, one call at a time; nil drops it.
type SiteReport func(SiteProgress)

func (r SiteReport) step(s Step) { r.tell(s, nil) }

func (r SiteReport) tell(s Step, waiting []string) {
	if r != nil {
		r(SiteProgress{Step: s, Waiting: waiting[:min(len(waiting), waitingMost)]})
	}
}

// pending names the services that are not ready.
func pending(s snapshot) []string {
	return namesOf(s, func(v control.Service) bool { return !v.Ready })
}

// running names the services that have a process.
func running(s snapshot) []string {
	return namesOf(s, func(v control.Service) bool { return v.PID != 0 })
}

func namesOf(s snapshot, fits func(control.Service) bool) []string {
	var names []string
	for _, v := range s.services {
		if fits(v) {
			names = append(names, v.Name)
		}
	}
	return names
}

// reportEnd tells report which services of a site still run, until done is closed.
func (e *Engine) reportEnd(name string, report SiteReport, done <-chan struct{}) {
	var told []string
	for {
		s := e.live(name).snapshot()
		if now := running(s); s.container != nil && !slices.Equal(now, told) {
			report.tell(StepStop, now)
			told = now
		}
		select {
		case <-s.changed:
		case <-done:
			return
		}
	}
}
