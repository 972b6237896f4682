package report

import (
	"bytes"
	_ "embed" // of the template
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/google/renameio/v2"
)

// Where results and page lie below the root of the repository, and the charts below docs.
const (
	Dir       = "bench/results"
	pageName  = "benchmarks.md"
	chartsDir = "benchmarks"
)

//go:embed benchmarks.md.tmpl
var words string

// Document is the page of the benchmarks and its charts, by their paths below docs.
func Document(results []Result) (map[string][]byte, error) {
	results = slices.Clone(results)
	for i, r := range results {
		results[i].Series = slices.Clone(r.Series)
		order(r.Part, results[i].Series)
	}
	files := map[string][]byte{}
	for _, r := range results {
		for _, c := range charts[r.Part] {
			f := c.figure(r)
			if f == nil {
				continue
			}
			drawing, err := f.svg(c.title)
			if err != nil {
				return nil, fmt.Errorf("draw %s: %w", c.file, err)
			}
			files[filepath.Join(chartsDir, c.file)] = drawing
		}
	}
	t, err := template.New(pageName).Parse(words)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page{results}); err != nil {
		return nil, err
	}
	files[pageName] = b.Bytes()
	return files, nil
}

// WriteDocs makes docs/benchmarks.md and its charts anew from the results that lie in the repository.
func WriteDocs(root string) error {
	results, err := Read(filepath.Join(root, Dir))
	if err != nil {
		return err
	}
	files, err := Document(results)
	if err != nil {
		return err
	}
	docs := filepath.Join(root, "docs")
	if err := os.MkdirAll(filepath.Join(docs, chartsDir), 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := renameio.WriteFile(filepath.Join(docs, name), text, 0o644); err != nil {
			return err
		}
	}
	there, err := filepath.Glob(filepath.Join(docs, chartsDir, "*.svg"))
	if err != nil {
		return err
	}
	for _, path := range there {
		if _, made := files[filepath.Join(chartsDir, filepath.Base(path))]; made {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// page is what the template asks.
type page struct{ results []Result }

// Goals is the table of the goals.
func (p page) Goals() string { return goalTable(p.results) }

// Part is what was measured of a part.
func (p page) Part(name string) string {
	for _, r := range p.results {
		if r.Part == name {
			return section(r)
		}
	}
	return fmt.Sprintf("Not measured yet: `make bench BENCH=%s` does.\n", name)
}

// Runs is when each part was measured, of which commit, and how busy the machine was already.
func (p page) Runs() string {
	t := table{head: []string{"part", "measured at", "commit", "rounds", "took", "load before"}, text: 3}
	for _, r := range p.results {
		date := r.Date
		if at, err := time.Parse(time.RFC3339, date); err == nil {
			date = at.UTC().Format("2006-01-02 15:04 UTC")
		}
		rounds := 0
		for _, s := range r.Series {
			rounds = max(rounds, len(s.Values))
		}
		took := time.Duration(r.Took * float64(time.Second)).Round(time.Second)
		t.add(r.Part, date, r.Commit, fmt.Sprint(rounds), took.String(), fmt.Sprintf("%.2f", r.Machine.Load))
	}
	if len(t.rows) == 0 {
		return "Nothing has been measured yet.\n"
	}
	return t.String()
}

// Machine is where it was measured; where the parts were measured on several, what each had.
func (p page) Machine() string {
	if len(p.results) == 0 {
		return ""
	}
	t := table{head: []string{"", ""}, text: 2}
	add := func(name string, of func(Machine) string) {
		var values []string
		parts := map[string][]string{}
		for _, r := range p.results {
			if v := of(r.Machine); v != "" {
				if !slices.Contains(values, v) {
					values = append(values, v)
				}
				parts[v] = append(parts[v], r.Part)
			}
		}
		if len(values) > 1 {
			for i, v := range values {
				values[i] = fmt.Sprintf("%s (%s)", v, strings.Join(parts[v], ", "))
			}
		}
		t.add(name, strings.Join(values, "; "))
	}
	add("processor", func(m Machine) string { return fmt.Sprintf("%d × %s", m.CPUs, m.Processor) })
	add("memory", func(m Machine) string { return fmt.Sprintf("%.1f GiB", float64(m.Memory)/(1<<30)) })
	add("kernel", func(m Machine) string { return m.Kernel })
	add("cgroup", func(m Machine) string { return m.Cgroup })
	versions := map[string]bool{}
	for _, r := range p.results {
		for name := range r.Machine.Versions {
			versions[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		add(name, func(m Machine) string { return m.Versions[name] })
	}
	return t.String()
}
