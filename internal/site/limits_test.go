package site

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckLimits(t *testing.T) {
	good := Limits{Memory: 512 << 20, Swap: 0, Disk: 2 << 30, CPUs: 1, PIDs: 512}.complete()
	if err := good.Check(); err != nil {
		t.Fatalf("good limits: %v", err)
	}
	for name, change := range map[string]func(*Limits){
		"memory": func(l *Limits) { l.Memory = MinMemory - 1 },
		"swap":   func(l *Limits) { l.Swap = -1 },
		"disk":   func(l *Limits) { l.Disk = MinDisk - 1 },
		"cpus":   func(l *Limits) { l.CPUs = 0 },
		"nan":    func(l *Limits) { l.CPUs = math.NaN() },
		"pids":   func(l *Limits) { l.PIDs = MinPIDs - 1 },

		"no cpu weight":      func(l *Limits) { l.CPUWeight = 0 },
		"cpu weight":         func(l *Limits) { l.CPUWeight = MaxWeight + 1 },
		"no i/o weight":      func(l *Limits) { l.IOWeight = 0 },
		"i/o weight":         func(l *Limits) { l.IOWeight = MaxWeight + 1 },
		"i/o bandwidth":      func(l *Limits) { l.IOBandwidth = MinIOBandwidth - 1 },
		"negative":           func(l *Limits) { l.IOBandwidth = -1 },
		"bandwidth":          func(l *Limits) { l.Bandwidth = MinBandwidth - 1 },
		"fast disk":          func(l *Limits) { l.IOBandwidth = MaxBandwidth + 1 },
		"fast network":       func(l *Limits) { l.Bandwidth = 100 << 40 },
		"negative bandwidth": func(l *Limits) { l.Bandwidth = -1 },
		"few files":          func(l *Limits) { l.OpenFiles = MinOpenFiles - 1 },
		"many files":         func(l *Limits) { l.OpenFiles = MaxOpenFiles + 1 },
		"small log":          func(l *Limits) { l.LogSize = MinLogSize - 1 },
		"large log":          func(l *Limits) { l.LogSize = MaxLogSize + 1 },
	} {
		l := good
		change(&l)
		if err := l.Check(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

// A record of a release that knew fewer limits reads as the defaults, and what a newer one wrote is kept.
func TestLimitsOfOlderRecords(t *testing.T) {
	rec := reserve(t, open(t, t.TempDir()), spec("alice"))
	data, err := encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	var old map[string]any
	if err := json.Unmarshal(data, &old); err != nil {
		t.Fatal(err)
	}
	limits := old["spec"].(map[string]any)["limits"].(map[string]any)
	for _, key := range []string{"cpu_weight", "io_weight", "io_bandwidth_bytes", "bandwidth_bytes", "open_files", "log_bytes"} {
		if _, ok := limits[key]; !ok {
			t.Errorf("a record has no %s: %s", key, data)
		}
		delete(limits, key)
	}
	if data, err = json.Marshal(old); err != nil {
		t.Fatal(err)
	}
	got, err := decode(data)
	want := Limits{
		Memory: rec.Spec.Limits.Memory, Disk: rec.Spec.Limits.Disk, CPUs: 1, PIDs: 100,
		CPUWeight: 100, IOWeight: 100, OpenFiles: 4096, LogSize: 2 << 20,
	}
	if d := cmp.Diff(want, got.Spec.Limits); d != "" || err != nil {
		t.Errorf("limits of an older record: %v (-want +got):\n%s", err, d)
	}
	if err := got.Spec.Limits.Check(); err != nil {
		t.Errorf("limits of an older record cannot be set again: %v", err)
	}
	rec.Spec.Limits.CPUWeight, rec.Spec.Limits.LogSize, rec.Spec.Limits.Bandwidth = 7, 1<<20, 1<<20
	if data, err = encode(rec); err != nil || !strings.Contains(string(data), `"cpu_weight": 7`) {
		t.Fatalf("encode: %s, %v", data, err)
	}
	if got, err = decode(data); err != nil || got.Spec.Limits != rec.Spec.Limits {
		t.Errorf("limits come back as %+v, %v", got.Spec.Limits, err)
	}
}
