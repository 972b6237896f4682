package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) doctor() *cobra.Command {
	var fix, prove bool
	cmd := c.formats(&cobra.Command{
		Use: "doctor [--fix | --prove [NAME]]", Short: "Check the host, and compare it with the records of the sites",
		Long: "doctor checks what logis needs of this host: what was found and, unless that is well, what to type. A warning is for " +
			"reading. Then it compares the host with the records: what belongs to no site, and what a site lacks. With --fix it mends what can be mended without a loss; it never deletes a site's disk, an " +
			"image or a record. The exit status is 1 if something needed is missing or a finding is not mended.\n\n" +
			"With --prove it tries, as root of a site, what must not work there, and prints what was expected and what was seen. " +
			"Without NAME it makes a site for that, and always one as its neighbour, and destroys what it made. In a site of " +
			"somebody's, NAME, it leaves out what would be felt there (limits driven to their edge, what is laid out for the host) and " +
			"what would tell its owner of the host (its addresses, ports, sockets and PIDs), and root of that site could make it see " +
			"what is not so: only a throw-away site says what a hostile owner can do. The exit status is 1 if a row differs.",
		Example: "  logis doctor\n  logis doctor --fix\n  logis doctor --prove\n  logis doctor --prove alice",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case fix && prove:
				return usage(cmd, "--fix and --prove are two commands")
			case prove && len(args) == 1 && args[0] != "":
				return nil
			case prove && len(args) > 1:
				return usage(cmd, "doctor --prove takes at most one NAME, got %s", count(len(args), "operand"))
			case !prove && len(args) == 1:
				return usage(cmd, "doctor looks at the whole host: to prove the isolation of one site, logis doctor --prove %s", args[0])
			}
			return exactly()(cmd, args)
		},
		ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			if prove {
				return c.prove(cmd.Context(), strings.Join(args, ""))
			}
			ask, act := c.logisd().Doctor, "examine this host"
			if fix {
				ask, act = c.logisd().DoctorFix, "mend this host"
			}
			d, err := ask(cmd.Context())
			if err != nil {
				return cannot(err, "%s", act)
			}
			if c.format == "json" {
				err = c.json(d)
			} else {
				c.diagnosis(d, fix)
			}
			if err == nil && !healthy(d) {
				return statusError(exitFailed)
			}
			return err
		},
	})
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended without a loss")
	cmd.Flags().Var((*proveFlag)(&prove), "prove", "try from inside a site what must not work there")
	cmd.Flags().Lookup("prove").NoOptDefVal = "true"
	return cmd
}

// proveFlag is a flag without a value: the site is an operand, which --prove=NAME would take for one.
type proveFlag bool

func (p *proveFlag) String() string {
	if *p {
		return "true"
	}
	return ""
}

func (p *proveFlag) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q goes behind a space: logis doctor --prove %s", text, text)
	}
	*p = proveFlag(on)
	return nil
}

func (p *proveFlag) Type() string     { return "bool" }
func (p *proveFlag) IsBoolFlag() bool { return true }

// healthy tells whether nothing needed is missing and nothing found is unmended.
func healthy(d api.Doctor) bool {
	for _, r := range d.Requirements {
		if r.Status == api.CheckMissing {
			return false
		}
	}
	for _, f := range d.Findings {
		if !f.Mended {
			return false
		}
	}
	return true
}

// diagnosis prints requirements, then findings, a line each.
func (c *commandLine) diagnosis(d api.Doctor, fixed bool) {
	c.requirements(d.Requirements)
	if len(d.Boot.Sites) > 0 {
		c.printf("\n")
	}
	c.bootReport(d.Boot)

	sites := count(d.Sites, "site")
	if len(d.Findings) == 0 {
		c.printf("Host and records agree (%s).\n", sites)
	} else {
		var rows [][]string
		byFix := 0
		for _, f := range d.Findings {
			rows = append(rows, []string{"  " + remedyOf(f, fixed), subject(f) + withMend(f.What, ending(f, fixed))})
			if f.Safe && !fixed {
				byFix++
			}
		}
		c.table([]string{fmt.Sprintf("Host and records do not agree (%s, %s)", sites, count(len(d.Findings), "finding"))}, rows)
		if byFix > 0 {
			c.printf("\nTo mend what is marked fix: logis doctor --fix\n")
		}
	}
	if d.Halted {
		c.printf("All sites are halted until the next boot, or: logis sites up\n")
	}
	if len(d.Busy) > 0 {
		c.printf("Left out, in the middle of a change: %s\n", clean(strings.Join(d.Busy, ", ")))
	}
}

func withMend(text, mend string) string {
	if mend == "" {
		return text
	}
	return text + ": " + mend
}

func subject(f api.Finding) string {
	if f.Site == "" {
		return ""
	}
	return f.Site + ": "
}

// remedyOf is who mends a finding, or that it was mended.
func remedyOf(f api.Finding, fixed bool) string {
	switch {
	case f.Mended:
		return "mended"
	case fixed:
		return "left"
	case f.Safe:
		return "fix"
	}
	return "by hand"
}

func ending(f api.Finding, fixed bool) string {
	switch {
	case f.Mended || !fixed:
		return f.Mend
	case f.Safe:
		return f.Left
	}
	return f.Left + ": " + f.Mend
}
