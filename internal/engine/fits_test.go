package engine

import (
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/site"
)

// small is a machine of which it is easy to ask too much.
func small() machine {
	return machine{container.Host{Memory: 4 << 30, Swap: 1 << 30, CPUs: 2, Tasks: 32768, OpenFiles: 20000}, 8 << 30}
}

func limits() site.Limits {
	return site.Limits{Memory: 4 << 30, Swap: 1 << 30, CPUs: 2, PIDs: 32768, OpenFiles: 20000, Disk: 8 << 30}
}

// All that the machine has can be asked for, and no more; what a site has already is not asked again.
func TestMisfits(t *testing.T) {
	if got := small().misfits(site.Limits{}, limits()); len(got) > 0 {
		t.Errorf("all that there is: %+v", got)
	}
	for want, more := range map[string]func(*site.Limits){
		"memory of 4GiB":   func(l *site.Limits) { l.Memory++ },
		"swap of 1GiB":     func(l *site.Limits) { l.Swap++ },
		"2.5 cpus":         func(l *site.Limits) { l.CPUs = 2.5 },
		"32769 processes":  func(l *site.Limits) { l.PIDs++ },
		"20001 open files": func(l *site.Limits) { l.OpenFiles++ },
		"disk of 8GiB":     func(l *site.Limits) { l.Disk++ },
		"swap of 99TiB is more than this machine has (1GiB)": func(l *site.Limits) { l.Swap = 99 << 40 },
	} {
		asked := limits()
		more(&asked)
		got := small().misfits(site.Limits{}, asked)
		if len(got) != 1 || !strings.HasPrefix(got[0].what, want) || got[0].next == "" {
			t.Errorf("%s: got %+v", want, got)
		}
		if got := small().misfits(asked, asked); len(got) > 0 {
			t.Errorf("%s, which the site has: got %+v", want, got)
		}
	}
}

// Where there is no swap as yet, some may be allowed, but not more than means anything.
func TestMisfitsWithoutSwap(t *testing.T) {
	m := small()
	m.Swap = 0
	asked := limits()
	if got := m.misfits(site.Limits{}, asked); len(got) > 0 {
		t.Errorf("swap that may come: %+v", got)
	}
	asked.Swap = 5 << 30
	if got := m.misfits(site.Limits{}, asked); len(got) != 1 || got[0].what != "swap of 5GiB is more than this machine has (none, and 4GiB of memory)" {
		t.Errorf("got %+v", got)
	}
}

func TestGivenIn(t *testing.T) {
	given := givenIn(site.Limits{Swap: site.Unset, CPUs: 1})
	if given("swap") || given("memory") || !given("cpus") {
		t.Error("what a request names is not told from what it leaves to the defaults")
	}
	if !givenIn(site.Limits{})("swap") {
		t.Error("swap of nothing was asked for")
	}
}

func TestEnough(t *testing.T) {
	base := image.Image{Name: "lemp", MinMemory: 128 << 20}
	if err := enough(base, 128<<20); err != nil {
		t.Error(err)
	}
	want := "invalid: memory of 64MiB is too little for the services of image lemp: it needs 128MiB"
	if err := enough(base, 64<<20); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
