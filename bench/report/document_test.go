package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage holds the page and its charts against the results that lie in the repository, so that none of them is edited by hand or left behind.
func TestPage(t *testing.T) {
	const root = "../.."
	if *update {
		if err := WriteDocs(root); err != nil {
			t.Fatal(err)
		}
	}
	results, err := Read(filepath.Join(root, Dir))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Document(results)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("docs/%s is not what bench/results says (go test ./bench/report -update): %s", name, diff)
		}
	}
	there, err := filepath.Glob(filepath.Join(root, "docs", chartsDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if _, made := files[filepath.Join(chartsDir, filepath.Base(path))]; !made {
			t.Errorf("%s is of no result", path)
		}
	}
}

// made is a result of every part, with numbers that nobody measured: one peer is missing, one goal is not reached, one not measured.
func made() []Result {
	machine := Machine{
		Processor: "A processor", CPUs: 2, Memory: 8 << 30, Kernel: "6.1.0-1-amd64", Cgroup: "v2", Load: 0.25,
		Versions: map[string]string{"logis": "1.0", "lxc": "5.0.2"},
	}
	result := func(part string, series ...Series) Result {
		return Result{Part: part, Date: "2026-11-27T04:00:00Z", Commit: "0123456789ab", Took: 100, Machine: machine, Series: series}
	}
	of := func(measure, unit, subject string, x float64, values ...float64) Series {
		return Series{Measure: measure, Subject: subject, Unit: unit, X: x, Values: values}
	}
	create := result("create",
		of("create: http", "ms", Floor, 0, 34, 35, 36), of("create: http", "ms", Logis, 0, 41, 42, 47), of("create: http", "ms", LogisAPI, 0, 37, 38, 41),
		of("create: http", "ms", LXC, 0, 93, 94, 99), of("create: http", "ms", "nspawn", 0, 530, 531, 540),
		of("create: ssh", "ms", Floor, 0, 50, 53, 54), of("create: ssh", "ms", Logis, 0, 80, 82, 84), of("create: ssh", "ms", "nspawn", 0, 552, 553, 560),
		of("destroy: gone", "ms", Logis, 0, 22, 24, 31), of("destroy: gone", "ms", LXC, 0, 90, 91, 95))
	create.Missing = map[string]string{"podman": "the package runc\nis not installable here"}
	idle := result("idle",
		of("memory: private", "bytes", Floor, 0, 40e6, 41e6), of("memory: private", "bytes", Logis, 0, 42e6, 43e6), of("memory: private", "bytes", LXC, 0, 43e6, 44e6),
		of("memory: kernel", "bytes", Logis, 0, 9e6, 9.2e6), of("memory: kernel", "bytes", LXC, 0, 9e6, 9.1e6),
		of("engine: memory", "bytes", Logis, 0, 90e3, 95e3), of("engine: memory", "bytes", LXC, 0, 3e6, 3.1e6),
		of("processes", "", Logis, 0, 14, 14), of("processes", "", LXC, 0, 15, 15),
		of("init: pss", "bytes", Logis, 0, 2.5e6, 2.6e6))
	growth := result("growth",
		of("create", "ms", Logis, 1, 142, 150), of("create", "ms", Logis, 10, 150, 151), of("create", "ms", Logis, 100, 170, 180),
		of("list", "ms", Logis, 1, 6, 7), of("list", "ms", Logis, 10, 8, 8.4), of("list", "ms", Logis, 100, 17, 19),
		of("start all", "ms", Logis, 1, 100, 110), of("start all", "ms", Logis, 10, 700, 720), of("start all", "ms", Logis, 100, 11000, 11500),
		of("logisd: memory", "bytes", Logis, 1, 30e6, 30.2e6), of("logisd: memory", "bytes", Logis, 10, 31e6, 31e6), of("logisd: memory", "bytes", Logis, 100, 37e6, 38e6))
	inside := result("inside",
		of("php", rate, Host, 0, 2000, 2100), of("php", rate, Logis, 0, 1990, 2080), of("php", rate, LXC, 0, 1980, 2085),
		of("fsync", rate, Host, 0, 800, 820), of("fsync", rate, Logis, 0, 500, 520))
	relaunch := result("relaunch",
		of("relaunch", "ms", Floor, 1, 140, 141), of("relaunch", "ms", Logis, 1, 190, 191),
		of("relaunch", "ms", Floor, 20, 2800, 2810), of("relaunch", "ms", Logis, 20, 3300, 3400))
	relaunch.Machine.Kernel = "6.12.1-amd64"
	return []Result{create, idle, growth, inside, relaunch}
}

func TestDocument(t *testing.T) {
	files, err := Document(made())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, pageName, files[pageName])
	var drawn []string
	for name, drawing := range files {
		if name == pageName {
			continue
		}
		drawn = append(drawn, filepath.Base(name))
		if !strings.Contains(string(files[pageName]), "]("+name+")") {
			t.Errorf("the page does not show %s", name)
		}
		wellFormed(t, name, drawing)
	}
	slices.Sort(drawn)
	want := []string{"create.svg", "growth-memory.svg", "growth-time.svg", "inside.svg", "memory.svg", "relaunch.svg", "restart.svg"}
	if diff := cmp.Diff(want, drawn); diff != "" {
		t.Error(diff)
	}
	golden(t, "create.svg", files[filepath.Join(chartsDir, "create.svg")])
	again, err := Document(made())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, again); diff != "" {
		t.Errorf("it is another each time: %s", diff)
	}
}

func wellFormed(t *testing.T, name string, drawing []byte) {
	t.Helper()
	text := string(drawing)
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("%s: drawn with what is no number", name)
	}
	if !strings.Contains(text, "prefers-color-scheme: dark") {
		t.Errorf("%s: unreadable in the dark", name)
	}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// The page has a place for every part, and says of one that was not measured how to.
func TestDocumentOfNothing(t *testing.T) {
	files, err := Document(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := string(files[pageName])
	if len(files) != 1 || strings.Contains(text, "![") {
		t.Errorf("it has charts: %d files", len(files))
	}
	for _, p := range parts {
		if !strings.Contains(text, "Not measured yet: `make bench BENCH="+p.name+"` does.") {
			t.Errorf("there is no place for %s", p.name)
		}
	}
	if strings.Count(text, "not measured ") != len(goals) {
		t.Errorf("a goal was reached by nothing:\n%s", text)
	}
}

// Every goal is of a measure that its part has.
func TestGoalsAreOfMeasures(t *testing.T) {
	for _, g := range goals {
		if i := partOrder(g.part); i == len(parts) || !slices.Contains(parts[i].measures, g.measure) {
			t.Errorf("%s: there is no %q in %q", g.what, g.measure, g.part)
		}
		if (g.most > 0) == (g.least > 0) || (g.to == "") == (g.unit == "") {
			t.Errorf("%s: %+v", g.what, g)
		}
	}
}

func TestGoalHolds(t *testing.T) {
	for _, c := range []struct {
		g    goal
		at   float64
		want bool
	}{
		{goal{most: 25}, 25, true},
		{goal{most: 25}, 25.1, false},
		{goal{least: 0.95}, 0.95, true},
		{goal{least: 0.95}, 0.94, false},
	} {
		if got := c.g.holds(Summary{N: 1, Median: c.at}); got != c.want {
			t.Errorf("%+v at %v: %v", c.g, c.at, got)
		}
	}
}

// A value next to its limit does not read as one that reached it.
func TestGoalShowsWhatMisses(t *testing.T) {
	for _, c := range []struct {
		g    goal
		at   float64
		want string
	}{
		{goal{least: 0.95, to: Host}, 0.9474, "0.9474 × host"},
		{goal{most: 25, unit: "ms"}, 25.04, "25.040 ms"},
		{goal{most: 25, unit: "ms"}, 24.04, "24.0 ms"},
	} {
		if got := c.g.shown(Summary{N: 1, Median: c.at, Q1: c.at, Q3: c.at}); got != c.want {
			t.Errorf("%v: %q, want %q", c.at, got, c.want)
		}
	}
}

// A site more costs what the most have more than the fewest, by the sites between.
func TestFurther(t *testing.T) {
	growth := made()[2]
	want := Summary{N: 2, Median: (7e6/99 + 7.8e6/99) / 2, Q1: 7e6/99 + 0.2e6/99, Q3: 7.8e6/99 - 0.2e6/99}
	if diff := cmp.Diff(want, growth.further("logisd: memory"), near); diff != "" {
		t.Error(diff)
	}
	growth.Series = growth.Series[9:10]
	if got := growth.further("logisd: memory"); got.N != 0 {
		t.Errorf("of one number of sites: %+v", got)
	}
}

func TestWriteDocsRemovesWhatIsOfNoResult(t *testing.T) {
	root := t.TempDir()
	for _, r := range made() {
		if err := Write(filepath.Join(root, Dir), r); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(root, "docs", chartsDir, "stale.svg")
	if err := os.MkdirAll(filepath.Dir(stale), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteDocs(root); err != nil {
		t.Fatal(err)
	}
	files, err := Document(made())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if diff := cmp.Diff(string(want), string(read(t, filepath.Join(root, "docs", name)))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", stale, err)
	}
}
