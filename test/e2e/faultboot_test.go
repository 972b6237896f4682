//go:build e2e

package e2e

import (
	"encoding/json"
	"syscall"
	"testing"
)

// TestFaultsOfStart ends the start of logisd itself at every step: on a host without sites, beside one that runs, and where
// it has to undo a site. The start after that finds everything as it should be, and the end after that takes the host down.
func TestFaultsOfStart(t *testing.T) {
	h := newFaultyHouse(t)
	h.daemon.stop(t)
	down := h.take(t)
	pid := 0
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T) // of logisd that runs; leaves none
		check   func(t *testing.T)
	}{
		{"without sites", func(t *testing.T) { h.daemon.stop(t) }, func(*testing.T) {}},
		{"beside a running site", func(t *testing.T) {
			h.logis(t, "create", "alice")
			pid = h.pid(t, "alice")
			h.daemon.stop(t)
		}, func(t *testing.T) {
			if now := h.pid(t, "alice"); now != pid {
				t.Errorf("the site's PID 1 is %d, it was %d", now, pid)
			}
			h.atRest(t, h.list(t)[0])
		}},
		{"with a half-made site", func(t *testing.T) {
			h.fault(t, "container: spec sent=kill")
			if h.try("create", "alice") == nil {
				t.Error("create went through a kill")
			}
			h.daemon.died(t)
		}, func(t *testing.T) {
			for _, s := range h.list(t) {
				if s.State != "failed" || s.Error == "" { // its undoing was ended in an error, and no start came after
					t.Errorf("%s is left, %s", s.Name, s.State)
				}
			}
		}},
	} {
		h.daemon.start(t)
		c.prepare(t)
		h.fault(t, "")
		h.daemon.start(t)
		steps := h.steps(t)
		h.destroyAll(t)
		h.daemon.stop(t)
		for _, step := range steps {
			for _, how := range []string{"error", "kill"} {
				t.Run(c.name+"/"+step+"/"+how, func(t *testing.T) {
					h.fault(t, "")
					h.daemon.start(t)
					c.prepare(t)
					h.fault(t, step+"="+how)
					up := h.daemon.comesUp(t)
					h.fault(t, "")
					if up && how == "kill" {
						t.Errorf("logisd went through a kill after %q", step)
					}
					if !up {
						h.daemon.start(t)
					}
					c.check(t)
					h.destroyAll(t)
					h.daemon.stop(t)
					h.compare(t, down)
				})
			}
		}
	}
	h.daemon.start(t)
}

// TestFaultsOfStop ends logisd's own end at every step, and its start once more, now with the host taken down before: where
// the start fails, it takes away what it had made.
func TestFaultsOfStop(t *testing.T) {
	h := newFaultyHouse(t)
	h.proxy.stop(t)
	h.fault(t, "")
	h.daemon.stop(t)
	stopping := h.steps(t)
	h.fault(t, "")
	h.daemon.start(t)
	starting := h.steps(t)
	h.daemon.stop(t)
	down := h.take(t)
	for _, step := range starting {
		t.Run("start/"+step+"/error", func(t *testing.T) {
			h.fault(t, step+"=error")
			if h.daemon.comesUp(t) {
				h.daemon.stop(t)
				t.Fatalf("logisd went through an error after %q", step)
			}
			h.fault(t, "")
			h.compare(t, down)
		})
	}
	for _, step := range stopping {
		for _, how := range []string{"error", "kill"} {
			t.Run("stop/"+step+"/"+how, func(t *testing.T) {
				h.fault(t, "")
				h.daemon.start(t)
				h.fault(t, step+"="+how)
				if err := h.daemon.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Error(err)
				}
				h.daemon.died(t)
				h.fault(t, "")
				if how == "kill" {
					h.daemon.start(t)
					h.daemon.stop(t)
				}
				h.compare(t, down)
			})
		}
	}
	h.daemon.start(t)
	h.proxy.start(t)
}

func (h *house) pid(t testing.TB, site string) int {
	t.Helper()
	var shown struct{ PID int }
	if err := json.Unmarshal([]byte(h.logis(t, "show", site, "--format", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	return shown.PID
}
