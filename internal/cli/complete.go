package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

// completionTime is how long a TAB waits for logisd. One that is away or hangs gives no words, and no message into the
// line that is being typed.
const completionTime = time.Second

// completer is what cobra asks for the words that may come next.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// isWord tells what may be offered: names of services are made inside of sites, and a shell takes what it is offered apart. No
// regexp: compiling one would cost every command a millisecond or more.
func isWord(s string) bool {
	for i, c := range []byte(s) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("._:+/=-", rune(c))) {
			return false
		}
	}
	return s != "" && len(s) <= 253
}

// offer makes a completer of what logisd knows; words that are given already are left out.
func offer(find func(ctx context.Context, given []string) ([]string, error)) completer {
	return func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		found, err := find(ctx, given)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found = slices.DeleteFunc(found, func(s string) bool {
			name, _, _ := strings.Cut(s, "\t") // what follows describes it
			return !isWord(name) || slices.Contains(given, name)
		})
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// inTurn has a completer for each argument, and nothing after the last.
func inTurn(each ...completer) completer {
	return func(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(given) >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return each[len(given)](cmd, given, prefix)
	}
}

// thenAlways has one completer for the first argument, and another for all after it.
func thenAlways(first, others completer) completer {
	return func(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(given) == 0 {
			return first(cmd, given, prefix)
		}
		return others(cmd, given, prefix)
	}
}

// files leaves an argument to the shell, which knows the files.
func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// sitesThat offers the sites that fit; all of them where fits is nil.
func (c *commandLine) sitesThat(fits func(api.Site) bool) completer {
	return offer(func(ctx context.Context, _ []string) ([]string, error) {
		sites, err := c.logisd().Sites(ctx)
		var names []string
		for _, s := range sites {
			if fits == nil || fits(s) {
				names = append(names, s.Name)
			}
		}
		return names, err
	})
}

func (c *commandLine) completeSites(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return c.sitesThat(nil)(cmd, given, prefix)
}

// completeSite completes the one name that a command takes.
func (c *commandLine) completeSite(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return inTurn(c.completeSites)(cmd, given, prefix)
}

// ofSite offers what there is of the site that is the first argument.
func (c *commandLine) ofSite(what func(api.Site) []string) completer {
	return offer(func(ctx context.Context, given []string) ([]string, error) {
		if len(given) == 0 {
			return nil, nil
		}
		s, err := c.logisd().Site(ctx, given[0])
		return what(s), err
	})
}

// services are the names of a site's services, and of the host's proxy, which keeps a log of each site.
func services(s api.Site) []string {
	names := []string{"proxy"}
	for _, v := range s.Services {
		names = append(names, v.Name)
	}
	return names
}

// furtherDomains are those that can be taken from a site: all but its default one, which is the first.
func furtherDomains(s api.Site) []string { return s.Domains[min(1, len(s.Domains)):] }

// completeKeys offers the fingerprints of the keys of the site that is the first argument, with whose they are; and files.
func (c *commandLine) completeKeys(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	found, _ := offer(func(ctx context.Context, given []string) ([]string, error) {
		keys, err := c.logisd().Keys(ctx, given[0])
		var prints []string
		for _, k := range keys {
			prints = append(prints, k.Fingerprint+"\t"+clean(k.Comment))
		}
		return prints, err
	})(cmd, given, prefix)
	return found, cobra.ShellCompDirectiveDefault
}

// completeImages offers the images that there are.
func (c *commandLine) completeImages(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return offer(func(ctx context.Context, _ []string) ([]string, error) {
		found, err := c.logisd().Images(ctx)
		var names []string
		for _, i := range found {
			names = append(names, i.Name)
		}
		return names, err
	})(cmd, given, prefix)
}
