package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

func (c *commandLine) create() *cobra.Command {
	var req api.CreateRequest
	var keyFiles []string
	var priority *int
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a site and wait until it is ready",
		Example: "  logis create alice --ssh-key ~/.ssh/id_ed25519.pub\n  logis create shop --domain shop.example.org --memory 1GiB --disk 5GiB",
		Args:    exactly("NAME"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			req.Name = args[0]
			if req.NoStart && req.NoWait {
				return usage(cmd, "--no-start and --no-wait contradict each other: what is not started is not waited for")
			}
			if priority != nil {
				req.Priority = *priority
			}
			if req.SSHKeys, err = readKeys(cmd, "--ssh-key ", keyFiles, c.In); err != nil {
				return err
			}
			return c.runCreate(cmd.Context(), req)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Image, "image", "", "image to make it from (default: as configured)")
	_ = cmd.RegisterFlagCompletionFunc("image", c.completeImages)
	f.StringArrayVar(&req.Domains, "domain", nil, "further `domain`; may be given several times")
	f.StringArrayVar(&keyFiles, "ssh-key", nil, "`file` with public keys of the owner, - is standard input; may be given several times")
	f.Var((*size)(&req.Limits.MemoryBytes), "memory", "memory limit, such as 512MiB")
	f.Var(&swapSize{&req.Limits.SwapBytes}, "swap", swapHelp)
	f.Var((*size)(&req.Limits.DiskBytes), "disk", "disk limit, files and database together")
	f.Var((*processors)(&req.Limits.CPUs), "cpus", "processors, such as 0.5 or 2")
	f.Var((*tasks)(&req.Limits.PIDs), "pids", "processes and threads at once")
	f.Var((*tasks)(&req.Limits.CPUWeight), "cpu-weight", cpuWeightHelp)
	f.Var((*tasks)(&req.Limits.IOWeight), "io-weight", ioWeightHelp)
	f.Var(&rate{&req.Limits.IOBandwidthBytes}, "io-bandwidth", ioBandwidthHelp)
	f.Var(&rate{&req.Limits.BandwidthBytes}, "bandwidth", bandwidthHelp)
	f.Var((*tasks)(&req.Limits.OpenFiles), "open-files", openFilesHelp)
	f.Var((*size)(&req.Limits.LogBytes), "log-size", logSizeHelp)
	f.Var(&rank{&priority}, "priority", priorityHelp)
	f.BoolVar(&req.NoStart, "no-start", false, "only make it")
	f.BoolVar(&req.NoWait, "no-wait", false, "do not wait until it is ready")
	return cmd
}

func (c *commandLine) runCreate(ctx context.Context, req api.CreateRequest) error {
	begin := time.Now()
	view := newFleet(ctx, "creating", req.Name)
	stop := c.watch(view)
	s, err := c.logisd().Create(ctx, req, view.see)
	stop()
	switch {
	case errors.Is(err, client.ErrStillEnding):
		return fmt.Errorf("cannot create %q: interrupted, and %w: see `logis show %s`", req.Name, client.ErrStillEnding, req.Name)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("cannot create %q: interrupted, nothing was left behind", req.Name)
	case err != nil:
		return cannot(err, "create %q", req.Name)
	}
	switch {
	case req.NoStart:
		c.printf("%s is made, not started: start it with: logis start %s\n", clean(s.Name), clean(s.Name))
	case req.NoWait:
		c.printf("%s is starting: wait for it with: logis wait %s\n", clean(s.Name), clean(s.Name))
	default:
		c.printf("%s is ready in %s\n", clean(s.Name), took(time.Since(begin)))
	}
	for _, u := range s.URLs {
		c.printf("  %s\n", clean(u))
	}
	c.printf("  %s\n", clean(sshLine(s)))
	if len(req.SSHKeys) == 0 {
		c.printf("  no ssh key was given: give one with: logis key add %s FILE\n", clean(s.Name))
	}
	c.warn(s.Warnings)
	return nil
}
