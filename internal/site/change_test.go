package site

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChange(t *testing.T) {
	old := Spec{Name: "alice", Image: "lemp", Limits: Limits{Memory: 512 << 20, Swap: 1 << 30, Disk: 2 << 30, CPUs: 1, PIDs: 512}.complete(), Priority: 3}
	for name, tc := range map[string]struct {
		change Change
		want   func(*Spec)
	}{
		"memory":   {Change{Memory: new(int64(1 << 30))}, func(s *Spec) { s.Limits.Memory = 1 << 30 }},
		"no swap":  {Change{Swap: new(int64(0))}, func(s *Spec) { s.Limits.Swap = 0 }},
		"disk":     {Change{Disk: new(int64(3 << 30))}, func(s *Spec) { s.Limits.Disk = 3 << 30 }},
		"cpus":     {Change{CPUs: new(0.5)}, func(s *Spec) { s.Limits.CPUs = 0.5 }},
		"pids":     {Change{PIDs: new(int64(64))}, func(s *Spec) { s.Limits.PIDs = 64 }},
		"cpu":      {Change{CPUWeight: new(int64(1))}, func(s *Spec) { s.Limits.CPUWeight = 1 }},
		"i/o":      {Change{IOWeight: new(int64(MaxWeight))}, func(s *Spec) { s.Limits.IOWeight = 10_000 }},
		"disk B/s": {Change{IOBandwidth: new(int64(MinIOBandwidth))}, func(s *Spec) { s.Limits.IOBandwidth = 1 << 20 }},
		"net B/s":  {Change{Bandwidth: new(int64(MinBandwidth))}, func(s *Spec) { s.Limits.Bandwidth = 64 << 10 }},
		"files":    {Change{OpenFiles: new(int64(MinOpenFiles))}, func(s *Spec) { s.Limits.OpenFiles = 256 }},
		"log":      {Change{LogSize: new(int64(MinLogSize))}, func(s *Spec) { s.Limits.LogSize = 64 << 10 }},
		"first":    {Change{Priority: new(MaxPriority)}, func(s *Spec) { s.Priority = 1000 }},
		"last":     {Change{Priority: new(-MaxPriority)}, func(s *Spec) { s.Priority = -1000 }},
		"ordinary": {Change{Priority: new(0)}, func(s *Spec) { s.Priority = 0 }},
		"the same": {Change{PIDs: new(int64(512))}, func(*Spec) {}},
	} {
		want := old
		tc.want(&want)
		got, err := tc.change.Apply(old)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
	for name, change := range map[string]Change{
		"nothing":  {},
		"memory":   {Memory: new(int64(0))},
		"swap":     {Swap: new(int64(-1))},
		"disk":     {Disk: new(int64(MinDisk - 1))},
		"cpus":     {CPUs: new(float64(0))},
		"pids":     {PIDs: new(int64(1))},
		"cpu":      {CPUWeight: new(int64(0))},
		"disk B/s": {IOBandwidth: new(int64(1))},
		"files":    {OpenFiles: new(int64(0))},
		"priority": {Priority: new(MaxPriority + 1)},
		"too late": {Priority: new(-MaxPriority - 1)},
	} {
		if _, err := change.Apply(old); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// A record that knows no priority, as the first release wrote it, is of priority 0, and is written as it was.
func TestRecordWithoutPriority(t *testing.T) {
	var rec Record
	data, err := json.Marshal(rec)
	if err != nil || strings.Contains(string(data), "priority") {
		t.Fatalf("a record of priority 0 is %s, %v", data, err)
	}
	rec.Spec.Priority = -7
	data, err = json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	var again Record
	if err := json.Unmarshal(data, &again); err != nil || again.Spec.Priority != -7 {
		t.Errorf("priority -7 comes back as %d, %v", again.Spec.Priority, err)
	}
	spec := Spec{Name: "alice", Limits: Limits{Memory: MinMemory, Disk: MinDisk, CPUs: 1, PIDs: MinPIDs}.complete(), Priority: 1001}
	if err := spec.Check(); !errors.Is(err, ErrInvalid) {
		t.Errorf("priority 1001: %v", err)
	}
}
