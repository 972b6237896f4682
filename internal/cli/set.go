package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

func (c *commandLine) set() *cobra.Command {
	var req api.SetRequest
	var memory, disk, logSize size
	var cpus processors
	var pids, cpuWeight, ioWeight, openFiles tasks
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change limits or priority of a site, at once and without a restart",
		Long: "set changes limits or priority of a site; what is not named stays as it is. A running site has them at once. Disk and memory " +
			"are not set below what is in use.",
		Example: "  logis set alice --memory 1GiB --disk 4GiB\n  logis set alice --cpus 0.5 --pids 200\n" +
			"  logis set alice --cpu-weight 50 --io-bandwidth 20MiB\n  logis set alice --priority 10",
		Args: exactly("NAME"), ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.MemoryBytes, req.DiskBytes = given(int64(memory)), given(int64(disk))
			req.CPUs, req.PIDs = given(float64(cpus)), given(int64(pids))
			req.CPUWeight, req.IOWeight = given(int64(cpuWeight)), given(int64(ioWeight))
			req.OpenFiles, req.LogBytes = given(int64(openFiles)), given(int64(logSize))
			if req == (api.SetRequest{}) {
				return usage(cmd, "set what? give at least one limit, such as --memory, or --priority")
			}
			return c.runSet(cmd.Context(), args[0], req)
		},
	}
	f := cmd.Flags()
	f.Var(&memory, "memory", "memory limit, such as 512MiB")
	f.Var(&swapSize{&req.SwapBytes}, "swap", swapHelp)
	f.Var(&disk, "disk", "disk limit, files and database together")
	f.Var(&cpus, "cpus", "processors, such as 0.5 or 2")
	f.Var(&pids, "pids", "processes and threads at once")
	f.Var(&cpuWeight, "cpu-weight", cpuWeightHelp)
	f.Var(&ioWeight, "io-weight", ioWeightHelp)
	f.Var(&rate{&req.IOBandwidthBytes}, "io-bandwidth", ioBandwidthHelp)
	f.Var(&rate{&req.BandwidthBytes}, "bandwidth", bandwidthHelp)
	f.Var(&openFiles, "open-files", openFilesHelp)
	f.Var(&logSize, "log-size", logSizeHelp)
	f.Var(&rank{&req.Priority}, "priority", priorityHelp)
	return cmd
}

// What create and set say of the same flags.
const (
	swapHelp        = "swap limit, on top of memory; off for none"
	cpuWeightHelp   = "share of the processors where several sites want them, 1 to 10000; 100 is ordinary"
	ioWeightHelp    = "share of the disk where several sites want it, 1 to 10000; 100 is ordinary"
	ioBandwidthHelp = "disk bytes a second, each of reads and writes, such as 20MiB; off for no limit"
	bandwidthHelp   = "network bytes a second, each way, such as 5MiB; off for no limit"
	openFilesHelp   = "open files of each process"
	logSizeHelp     = "log of each service on disk, such as 2MiB"
	priorityHelp    = "at boot the highest starts first, -1000 to 1000"
)

func (c *commandLine) runSet(ctx context.Context, name string, req api.SetRequest) error {
	s, err := c.logisd().Set(ctx, name, req)
	if err != nil {
		return cannot(err, "change %q", name)
	}
	settings := settingsOf(s, req)
	var now []string
	for _, one := range settings {
		if one.asked {
			now = append(now, one.text)
		}
	}
	c.printf("%s: %s\n", clean(s.Name), strings.Join(now, ", "))
	c.warn(concerning(settings, s.Warnings))
	return nil
}

// warn says what of a site's limits this host does not enforce, where a script sees it too that reads the rest.
func (c *commandLine) warn(warnings []string) {
	for _, w := range warnings {
		_, _ = fmt.Fprintf(c.Err, "logis: warning: %s\n", clean(w))
	}
}

// setting is one of what set changes.
type setting struct {
	asked bool
	text  string // what is now true of it
	about string // how warnings of it begin; "" has none
}

func settingsOf(s api.Site, req api.SetRequest) []setting {
	return []setting{
		{req.MemoryBytes != nil, "memory " + quantity.Format(s.Limits.MemoryBytes), ""},
		{req.SwapBytes != nil, "swap " + quantity.FormatOrNone(s.Limits.SwapBytes), "swap "},
		{req.DiskBytes != nil, "disk " + quantity.Format(s.Limits.DiskBytes), ""},
		{req.CPUs != nil, count(s.Limits.CPUs, "cpu"), ""},
		{req.PIDs != nil, fmt.Sprintf("%d processes", s.Limits.PIDs), ""},
		{req.CPUWeight != nil, fmt.Sprintf("cpu weight %d", s.Limits.CPUWeight), ""},
		{req.IOWeight != nil, fmt.Sprintf("i/o weight %d", s.Limits.IOWeight), "i/o weight"},
		{req.IOBandwidthBytes != nil, "i/o bandwidth " + quantity.FormatRate(s.Limits.IOBandwidthBytes), "i/o bandwidth"},
		{req.BandwidthBytes != nil, "bandwidth " + quantity.FormatRate(s.Limits.BandwidthBytes), "bandwidth"},
		{req.OpenFiles != nil, fmt.Sprintf("%d open files", s.Limits.OpenFiles), "open files"},
		{req.LogBytes != nil, "log size " + quantity.Format(s.Limits.LogBytes), "log size"},
		{req.Priority != nil, fmt.Sprintf("priority %d", s.Priority), ""},
	}
}

// concerning returns the warnings of what was asked for. The others were given when their limits were set, and show has them.
func concerning(settings []setting, warnings []string) []string {
	return slices.DeleteFunc(slices.Clone(warnings), func(warning string) bool {
		return !slices.ContainsFunc(settings, func(s setting) bool {
			return s.asked && s.about != "" && strings.HasPrefix(warning, s.about)
		})
	})
}

// given returns a pointer to the value of a flag that cannot be zero, nil where it was not given.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// rank is a flag that takes a whole number, zero and below too.
type rank struct{ to **int }

func (r *rank) String() string {
	if r.to == nil || *r.to == nil {
		return ""
	}
	return strconv.Itoa(**r.to)
}

func (r *rank) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return errors.New("must be a whole number from -1000 to 1000")
	}
	*r.to = &n
	return nil
}

func (r *rank) Type() string { return "number" }
