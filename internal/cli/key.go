package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/sshkey"
)

func (c *commandLine) key() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Give a site's owner ssh keys, list them, take them away",
		Long: "key manages the ssh keys that the host gives to the owner of a site. They let the owner in whatever becomes of " +
			"~/.ssh/authorized_keys in the site, which is for keys of the owner's own.",
		Example: "  logis key add alice ~/.ssh/id_ed25519.pub\n  logis key list alice\n  logis key remove alice alice@laptop",
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.keyAdd(), c.keyRemove(), c.keyList())
	return cmd
}

func (c *commandLine) keyAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add NAME FILE...", Short: "Let the owner of a site in with the keys of files, at once",
		Long: "add lets the owner of a site in with the public keys of files, from the next connection on; - is standard input. A file may have " +
			"several keys, one a line, with options such as from=\"192.0.2.0/24\" before them as sshd(8) describes. A key that the site has " +
			"already gets the options and the comment of its new line.",
		Example: "  logis key add alice ~/.ssh/id_ed25519.pub\n  curl -s https://git.example.org/alice.keys | logis key add alice -",
		Args:    nameAnd("FILE"), ValidArgsFunction: thenAlways(c.completeSites, files),
		RunE: func(cmd *cobra.Command, args []string) error {
			lines, err := readKeys(cmd, "", args[1:], c.In)
			if err != nil {
				return err
			}
			change, err := c.logisd().AddKeys(cmd.Context(), args[0], lines)
			if err != nil {
				return cannot(err, "add keys to %q", args[0])
			}
			c.sayKeys(args[0], change.Added, "added")
			c.sayKeys(args[0], change.Changed, "has other options or another comment now")
			c.sayKeys(args[0], change.Present, "was there already")
			return nil
		},
	}
}

func (c *commandLine) keyRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME KEY...", Aliases: []string{"rm"}, Short: "Take keys from the owner of a site, at once",
		Long: "remove takes keys from the owner of a site. KEY is a fingerprint (SHA256:…), the comment of a key, or a file of public keys; - is " +
			"standard input. From the next connection on such a key lets nobody in, even where the owner has written it into " +
			"~/.ssh/authorized_keys too, until key add gives it again. Sessions that are open go on.",
		Example: "  logis key remove alice alice@laptop\n  logis key remove alice ./old.pub",
		Args:    nameAnd("KEY"), ValidArgsFunction: thenAlways(c.completeSites, c.completeKeys),
		RunE: func(cmd *cobra.Command, args []string) error {
			have, err := c.logisd().Keys(cmd.Context(), args[0])
			if err != nil {
				return cannot(err, "remove keys from %q", args[0])
			}
			var which []string
			for _, arg := range args[1:] {
				named, err := c.namedKeys(cmd, have, arg)
				if err != nil {
					return err
				}
				which = append(which, named...)
			}
			change, err := c.logisd().RemoveKeys(cmd.Context(), args[0], which)
			if err != nil {
				return cannot(err, "remove keys from %q", args[0])
			}
			c.sayKeys(args[0], change.Removed, "removed")
			if len(change.Keys) == 0 {
				c.printf("%s has no key of the host any more: log in with logis shell %[1]s\n", clean(args[0]))
			}
			return nil
		},
	}
}

// namedKeys returns what stands for the keys that an operand names: a fingerprint, a comment that a key has, a file, or the whole
// line of one that has no fingerprint.
func (c *commandLine) namedKeys(cmd *cobra.Command, have []api.Key, arg string) ([]string, error) {
	if strings.HasPrefix(arg, "SHA256:") || slices.ContainsFunc(have, func(k api.Key) bool { return k.Fingerprint == "" && k.Line == arg }) {
		return []string{arg}, nil
	}
	comment := arg != "" && slices.ContainsFunc(have, func(k api.Key) bool { return k.Comment == arg })
	_, err := os.Stat(arg)
	file := arg == "-" || err == nil || strings.Contains(arg, "/") || strings.HasSuffix(arg, ".pub")
	switch {
	case comment && err == nil:
		return nil, usage(cmd, "%q is the comment of a key and a file: give the fingerprint, or ./%[1]s for the file", arg)
	case comment || !file && errors.Is(err, fs.ErrNotExist):
		return []string{arg}, nil
	}
	keys, err := readKeyFile(cmd, "", arg, c.In)
	var which []string
	for _, k := range keys {
		which = append(which, k.Fingerprint)
	}
	return which, err
}

func (c *commandLine) keyList() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "list NAME", Aliases: []string{"ls"}, Short: "List the keys that the host gave to the owner of a site",
		Example: "  logis key list alice\n  logis key list alice --format json | jq -r '.[].line'",
		Args:    exactly("NAME"), ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := c.logisd().Keys(cmd.Context(), args[0])
			if err != nil {
				return cannot(err, "list the keys of %q", args[0])
			}
			if c.format == "json" {
				return c.json(keys)
			}
			if len(keys) == 0 {
				c.printf("%s has no key of the host. Give one with: logis key add %[1]s FILE\n", clean(args[0]))
				return nil
			}
			rows := make([][]string, 0, len(keys))
			for _, k := range keys {
				rows = append(rows, []string{k.Fingerprint, keyType(k), k.Comment, strings.Join(k.Options, ",")})
			}
			c.table([]string{"FINGERPRINT", "TYPE", "COMMENT", "OPTIONS"}, rows)
			return nil
		},
	})
}

// keyType writes "ssh-ed25519", and "ssh-rsa 3072".
func keyType(k api.Key) string {
	switch {
	case k.Fingerprint == "":
		return "no key: " + k.Line
	case k.Bits > 0:
		return fmt.Sprintf("%s %d", k.Type, k.Bits)
	}
	return k.Type
}

// sayKeys prints a line for each key.
func (c *commandLine) sayKeys(name string, keys []api.Key, what string) {
	for _, k := range keys {
		shown := cmp.Or(sshkey.Key{Fingerprint: k.Fingerprint, Comment: k.Comment}.String(), fmt.Sprintf("%.40q", k.Line))
		c.printf("%s: %s %s\n", clean(name), clean(shown), what)
	}
}

// nameAnd is the Args of a command that takes a site and one or several more operands.
func nameAnd(more string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 2 {
			return takes(cmd, "NAME "+more+"...", args)
		}
		return nil
	}
}
