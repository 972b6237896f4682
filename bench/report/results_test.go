package report

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and the page of the benchmarks anew")

var measured = Result{
	Part: "create", Date: "2026-11-27T04:00:00Z", Commit: "0123456789ab", Took: 81.43,
	Machine: Machine{
		Processor: "A processor", CPUs: 2, Memory: 8 << 30, Kernel: "6.1.0-1-amd64", Cgroup: "v2", Load: 0.25,
		Versions: map[string]string{"logis": "1.0", "lxc": "5.0.2"},
	},
	Missing: map[string]string{"podman": "no network: the package is not installed"},
	Series: []Series{
		{Measure: "create: ssh", Subject: Logis, Unit: "ms", Values: []float64{60.0004, 61}},
		{Measure: "create: http", Subject: LXC, Unit: "ms", Values: []float64{94, 95.12345}},
		{Measure: "something new", Subject: Logis, Values: []float64{3}},
		{Measure: "create: http", Subject: Logis, Unit: "ms", X: 10, Values: []float64{41}},
		{Measure: "create: http", Subject: Logis, Unit: "ms", Values: []float64{40, 41.5}},
	},
}

func TestWriteRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results")
	if got, err := Read(dir); err != nil || len(got) != 0 {
		t.Fatalf("of no directory: %v, %v", got, err)
	}
	relaunch := Result{Part: "relaunch", Series: []Series{}}
	for _, r := range []Result{relaunch, measured} {
		if err := Write(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "create.json", read(t, filepath.Join(dir, "create.json")))
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := measured
	want.Took = 81
	want.Series = []Series{
		{Measure: "create: http", Subject: Logis, Unit: "ms", Values: []float64{40, 41.5}},
		{Measure: "create: http", Subject: LXC, Unit: "ms", Values: []float64{94, 95.123}},
		{Measure: "create: http", Subject: Logis, Unit: "ms", X: 10, Values: []float64{41}},
		{Measure: "create: ssh", Subject: Logis, Unit: "ms", Values: []float64{60, 61}},
		{Measure: "something new", Subject: Logis, Values: []float64{3}},
	}
	if diff := cmp.Diff([]Result{want, relaunch}, got); diff != "" {
		t.Error(diff)
	}
}

// Two runs that measured the same differ in nothing, whatever came first in each.
func TestWriteIsStable(t *testing.T) {
	a, err := encode(measured)
	if err != nil {
		t.Fatal(err)
	}
	other := measured
	other.Series = slices.Clone(measured.Series)
	slices.Reverse(other.Series)
	b, err := encode(other)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error(cmp.Diff(string(a), string(b)))
	}
	if measured.Series[0].Measure != "create: ssh" || measured.Series[0].Values[0] != 60.0004 {
		t.Error("writing a result changed it")
	}
}

func TestWriteRefuses(t *testing.T) {
	r := Result{Part: "create", Series: []Series{{Measure: "create: http", Subject: Logis, Values: []float64{math.NaN()}}}}
	if err := Write(t.TempDir(), r); err == nil || !strings.Contains(err.Error(), "create: http of logis") {
		t.Errorf("not a number: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`{"part":"idle"}`:             `part "idle"`,
		`{"part":"create","speed":1}`: "speed",
		`{"part":`:                    "create.json",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "create.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// golden compares with testdata/NAME.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, path)), string(got)); diff != "" {
		t.Errorf("%s is not what is made now (go test ./bench/report -update): %s", path, diff)
	}
}
