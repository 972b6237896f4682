// Bench measures logis beside the other ways to have the same site run: its services in a bare chroot (the floor), LXC,
// systemd-nspawn and podman. All have the same image, the same init of the site and the same limits, and take turns in one run,
// so that whatever else the machine does meets all of them; what counts are ratios. It runs in a host in a box
// (internal/testhost), and leaves nothing behind, also when it is interrupted.
//
// Package report keeps what was measured; here is how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/logis-project/logis/bench/report"
	"github.com/logis-project/logis/internal/testhost"
)

// options of a run.
type options struct {
	bin, image string   // directory of the built binaries; the image's archive
	results    string   // directory
	parts      []string // to measure: the program takes one, -list as many as there are
	check      bool
	rounds     int    // 0 is each part's own
	only       string // subjects, with commas between; "" is all
	commit     string // that is measured
	list       bool   // only see whether the arguments are right, and print the parts
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if o.list {
		for _, name := range o.parts {
			fmt.Println(name)
		}
		return
	}
	testhost.Enter(func() int {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		err := run(ctx, o)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(os.Stderr, "bench: interrupted: what was measured of a part is not kept")
			return interrupted
		case err != nil:
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 1
		}
		return 0
	})
}

// interrupted is the exit status after Ctrl-C, as shells have it.
const interrupted = 130

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.bin, "bin", "bin", "")
	flags.StringVar(&o.image, "image", "", "")
	flags.StringVar(&o.results, "results", "bench/results", "")
	flags.BoolVar(&o.check, "check", false, "")
	flags.IntVar(&o.rounds, "rounds", 0, "")
	flags.StringVar(&o.commit, "commit", "", "")
	flags.BoolVar(&o.list, "list", false, "")
	flags.StringVar(&o.only, "subjects", "", "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.parts = flags.Args()
	if len(o.parts) == 0 {
		for _, p := range parts {
			o.parts = append(o.parts, p.name)
		}
	}
	for _, name := range o.parts {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return o, fmt.Errorf("there is no part %q: there are %s", name, strings.Join(partNames(), ", "))
		}
	}
	for name := range strings.SplitSeq(o.only, ",") {
		if o.only != "" && !slices.Contains(report.Subjects(), name) {
			return o, fmt.Errorf("there is no subject %q: there are %s", name, strings.Join(report.Subjects(), ", "))
		}
	}
	if len(o.parts) > 1 && !o.list {
		return o, errors.New("one part at a time: bench/run runs the program once for each")
	}
	return o, nil
}

// run measures one part.
func run(ctx context.Context, o options) error {
	p := parts[slices.IndexFunc(parts, func(p part) bool { return p.name == o.parts[0] })]
	result, err := measure(ctx, o, p)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return keep(o, result)
}

// keep writes what was measured, or with -check compares it with what was kept.
func keep(o options, result report.Result) error {
	show(os.Stdout, result)
	switch {
	case o.check:
		return check(o, result)
	case o.only != "":
		fmt.Fprintln(os.Stdout, "not kept: it is not of all subjects")
		return nil
	}
	if err := report.Write(o.results, result); err != nil {
		return err
	}
	return report.WriteDocs(filepath.Dir(filepath.Dir(filepath.Clean(o.results))))
}

// check says what got slower since the results that were kept.
func check(o options, result report.Result) error {
	all, err := report.Read(o.results)
	if err != nil {
		return err
	}
	n := slices.IndexFunc(all, func(r report.Result) bool { return r.Part == result.Part })
	if n < 0 {
		return fmt.Errorf("%s has no result of %s to compare with", o.results, result.Part)
	}
	changes := report.Compare(all[n], result)
	for _, c := range changes {
		fmt.Fprintln(os.Stdout, c)
	}
	if len(changes) > 0 {
		return fmt.Errorf("%s: %d measures got slower by more than the spread", result.Part, len(changes))
	}
	fmt.Fprintf(os.Stdout, "%s: nothing got slower by more than the spread\n", result.Part)
	return nil
}
