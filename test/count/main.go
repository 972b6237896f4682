// Command count reads the event stream of `go test -json` on its standard input, prints what a person wants to see of it
// (a line a package, the whole output of what failed, the reason of what was skipped), and writes the number of tests that
// passed, failed and were skipped into the file named by its argument. It exits with 1 when a test or a package failed, and
// when no test ran at all. A test that has subtests is counted by these. With -v everything that tests say is printed at
// once.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of `go test -json`: go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// tally of a stream.
type tally struct {
	passed, failed, skipped int
	broken                  int // packages that failed without a failed test: did not build, crashed, timed out
}

func main() {
	verbose := flag.Bool("v", false, "print at once what tests say")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: go test -json … | count [-v] FILE")
		os.Exit(2)
	}
	t, err := count(os.Stdin, os.Stdout, *verbose)
	if err == nil {
		line := fmt.Sprintln(t.passed, t.failed+t.broken, t.skipped)
		err = os.WriteFile(flag.Arg(0), []byte(line), 0o644)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	case t.passed+t.failed == 0:
		fmt.Fprintln(os.Stderr, "count: no test ran")
		os.Exit(1)
	case t.failed+t.broken > 0:
		os.Exit(1)
	}
}

func count(in io.Reader, out io.Writer, verbose bool) (tally, error) {
	var t tally
	output := map[string]*strings.Builder{} // by package and test
	parents := map[string]bool{}
	failedIn := map[string]int{}
	keep := func(key, text string) {
		if output[key] == nil {
			output[key] = &strings.Builder{}
		}
		output[key].WriteString(text)
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line == "" && err == io.EOF {
			return t, nil
		}
		if err != nil && err != io.EOF {
			return t, fmt.Errorf("read events: %w", err)
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Fprint(out, line) // go itself speaking, such as a download
			continue
		}
		key := e.Package + " " + e.Test
		switch {
		case e.Action == "build-output":
			fmt.Fprint(out, e.Output)
		case e.Action == "output" && verbose && e.Test != "":
			if !strings.HasPrefix(e.Output, "=== ") { // the test framework's own
				fmt.Fprint(out, e.Output)
			}
		case e.Action == "output":
			keep(key, e.Output)
		case e.Test == "" && e.Action == "pass":
			fmt.Fprintf(out, "ok    %s  %.1f s\n", e.Package, e.Elapsed)
		case e.Test == "" && e.Action == "fail":
			fmt.Fprintf(out, "FAIL  %s  %.1f s\n", e.Package, e.Elapsed)
			if failedIn[e.Package] == 0 {
				t.broken++
			}
			if text := output[key]; text != nil {
				fmt.Fprint(out, text)
			}
		case e.Test == "":
		case e.Action == "run":
			if parent, _, ok := cutLast(e.Test); ok {
				parents[e.Package+" "+parent] = true
			}
		case e.Action == "fail":
			failedIn[e.Package]++
			show(out, output[key])
			if !parents[key] {
				t.failed++
			}
		case e.Action == "skip" && !parents[key]:
			t.skipped++
			show(out, output[key])
		case e.Action == "pass" && !parents[key]:
			t.passed++
		}
		if e.Action == "pass" || e.Action == "fail" || e.Action == "skip" {
			delete(output, key)
		}
	}
}

// show prints what was kept of a test, if it was not printed before.
func show(out io.Writer, text *strings.Builder) {
	if text != nil {
		fmt.Fprint(out, text)
	}
}

func cutLast(test string) (parent, name string, ok bool) {
	i := strings.LastIndexByte(test, '/')
	if i < 0 {
		return "", test, false
	}
	return test[:i], test[i+1:], true
}
