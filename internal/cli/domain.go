package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) domain() *cobra.Command {
	cmd := &cobra.Command{
		Use: "domain", Short: "Give a site further domains, and take them away",
		Example: "  logis domain add alice www.example.org\n  logis domain remove alice www.example.org",
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.domainAdd(), c.domainRemove())
	return cmd
}

func (c *commandLine) domainAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add NAME DOMAIN", Short: "Lead visitors of a domain to a site, at once and without a restart",
		Long: "add leads visitors of a domain to a site, beside NAME.<base_domain>, which every site has. The site may run or not, and has it " +
			"from then on. Its DNS is yours to set: it has to lead to this host.",
		Example: "  logis domain add alice www.example.org",
		Args:    exactly("NAME", "DOMAIN"), ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := c.logisd().AddDomain(cmd.Context(), args[0], args[1])
			if err != nil {
				return cannot(err, "add domain to %q", args[0])
			}
			if !change.Changed {
				c.printf("%s has %s already\n", clean(change.Site.Name), clean(change.Domain))
				return nil
			}
			c.printf("%s leads to %s\n", clean(urlOf(change)), clean(change.Site.Name))
			return nil
		},
	}
}

func (c *commandLine) domainRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME DOMAIN", Aliases: []string{"rm"}, Short: "Take a domain from a site, at once",
		Long:    "remove takes a domain from a site. NAME.<base_domain> stays as long as the site.",
		Example: "  logis domain remove alice www.example.org",
		Args:    exactly("NAME", "DOMAIN"), ValidArgsFunction: inTurn(c.completeSites, c.ofSite(furtherDomains)),
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := c.logisd().RemoveDomain(cmd.Context(), args[0], args[1])
			if err != nil {
				return cannot(err, "remove domain from %q", args[0])
			}
			c.printf("%s leads to %s no more\n", clean(change.Domain), clean(change.Site.Name))
			return nil
		},
	}
}

// urlOf returns the address at which a site is visited under the domain of a change.
func urlOf(change api.DomainChange) string {
	if i := slices.Index(change.Site.Domains, change.Domain); i >= 0 && i < len(change.Site.URLs) {
		return change.Site.URLs[i]
	}
	return change.Domain // it leads elsewhere: the site has a warning that says so
}
