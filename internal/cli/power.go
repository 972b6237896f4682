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

// powerCommand is a command that starts or stops: NAME... or --all, which means the sites that it changes.
type powerCommand struct {
	verb, short, act, done string
	ask                    func(context.Context, api.SitesRequest, func(api.SiteProgress)) (api.SitesEnd, error)
	say                    func(p api.SiteProgress, noWait bool) string
	fits                   func(api.Site) bool // the sites that a shell offers
}

func (c *commandLine) start() *cobra.Command {
	return c.waitingPower(powerCommand{
		fits: func(s api.Site) bool { return s.State == "stopped" || s.State == "failed" },
		verb: "start", short: "Start sites and wait until they are ready", act: "starting", done: "started",
		ask: func(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
			return c.logisd().StartSites(ctx, req, report)
		},
		say: func(p api.SiteProgress, noWait bool) string {
			if p.Unchanged && p.Done.State == "running" {
				return p.Site + " runs already"
			}
			return begun(p, noWait)
		},
	})
}

func (c *commandLine) restart() *cobra.Command {
	return c.waitingPower(powerCommand{
		fits: func(s api.Site) bool { return s.State != "stopped" },
		verb: "restart", short: "Stop and start sites and wait until they are ready", act: "restarting", done: "restarted",
		ask: func(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
			return c.logisd().RestartSites(ctx, req, report)
		},
		say: begun,
	})
}

func (c *commandLine) stop() *cobra.Command {
	return c.power(powerCommand{
		fits: func(s api.Site) bool { return s.State != "stopped" },
		verb: "stop", short: "Stop sites: services first, the database with the time it needs", act: "stopping", done: "stopped",
		ask: func(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
			return c.logisd().StopSites(ctx, req, report)
		},
		say: func(p api.SiteProgress, _ bool) string {
			if p.Unchanged {
				return p.Site + " was stopped already"
			}
			return p.Site + " is stopped in " + took(seconds(p))
		},
	}, new(bool))
}

// begun says what came of a start or restart.
func begun(p api.SiteProgress, noWait bool) string {
	if noWait {
		return p.Site + " is starting"
	}
	return p.Site + " is ready in " + took(seconds(p))
}

func seconds(p api.SiteProgress) time.Duration {
	return time.Duration(p.Seconds * float64(time.Second))
}

// waitingPower is power with --no-wait.
func (c *commandLine) waitingPower(p powerCommand) *cobra.Command {
	noWait := new(bool)
	cmd := c.power(p, noWait)
	cmd.Flags().BoolVar(noWait, "no-wait", false, "do not wait until they are ready")
	return cmd
}

func (c *commandLine) power(p powerCommand, noWait *bool) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: p.verb + " NAME...|--all", Short: p.short,
		Example: "  logis " + p.verb + " alice bob\n  logis " + p.verb + " --all",
		Args:    namesOrAll(&all), ValidArgsFunction: c.sitesThat(p.fits),
		RunE: func(cmd *cobra.Command, names []string) error {
			return c.runPower(cmd.Context(), p, api.SitesRequest{Names: names, All: all, NoWait: *noWait})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all sites that can be "+p.done)
	return cmd
}

// runPower asks for a change of several sites, and prints a line for each in the order of their turns.
func (c *commandLine) runPower(ctx context.Context, p powerCommand, req api.SitesRequest) error {
	view := newFleet(ctx, p.act, req.Names...)
	said := &outcomes{at: map[string]api.SiteProgress{}, say: func(o api.SiteProgress) error {
		if o.Error != nil {
			return cannot(o.Error, "%s %q", p.verb, o.Site)
		}
		c.printf("%s\n", clean(p.say(o, req.NoWait)))
		return nil
	}, complain: c.complain}
	stop := c.watch(view)
	end, err := p.ask(ctx, req, func(e api.SiteProgress) {
		view.see(e)
		said.see(e)
		if !c.draws() { // else their lines would meet the one that is drawn
			said.print()
		}
	})
	stop()
	said.print()
	switch {
	case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		far := fmt.Sprintf("%d of %s done", said.done, count(len(said.plan), "site"))
		if errors.Is(err, client.ErrStillEnding) {
			far += ", and " + client.ErrStillEnding.Error()
		}
		return fmt.Errorf("cannot %s all of them: interrupted, %s; what has begun goes on: see logis list", p.verb, far)
	case err != nil:
		return cannot(err, "%s the sites", p.verb)
	case end.Sites == 0:
		c.printf("There is no site to be %s.\n", p.done)
	}
	return said.first
}

// outcomes prints what came of each site, in the order of their turns.
type outcomes struct {
	say      func(api.SiteProgress) error // prints a success, or returns the error
	complain func(error)

	plan  []string
	at    map[string]api.SiteProgress
	next  int   // of plan, which is printed next
	done  int   // that were not cancelled
	first error // of the first one that failed
}

func (o *outcomes) see(p api.SiteProgress) {
	switch {
	case p.Site == "":
		o.plan = p.Sites
	case p.Done != nil || p.Error != nil:
		o.at[p.Site] = p
	}
}

// print prints those that no other is waited for before.
func (o *outcomes) print() {
	for ; o.next < len(o.plan); o.next++ {
		p, ok := o.at[o.plan[o.next]]
		if !ok {
			return
		}
		if p.Error != nil && p.Error.Code == api.CodeCancelled {
			continue // one line in the end says so of all
		}
		o.done++
		if err := o.say(p); err != nil {
			o.complain(err)
			if o.first == nil {
				o.first = printed{err}
			}
		}
	}
}
