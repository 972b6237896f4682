// Package cli is the command line, one file a command. It owns flags, words, tables, terminals and exit statuses, and asks
// logisd for everything else through package client: it must not link the engine or any driver. What comes from inside a
// site is printed with its control characters replaced, except the output of exec and shell, which is the user's own
// session.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/logis-project/logis/client"
)

// Terminal is where a command line reads and writes, and what it takes from the environment.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	Socket   string // of logisd; "" is client.DefaultSocket
	Term     string // name of the terminal's type, for sessions and colours
	NoColor  bool   // the user wants no colours

	Now func() time.Time // the clock that ages are told by; nil is the system's
}

// Run runs one command line and returns its exit status. When ctx is done the command is cancelled; exec and shell are
// not: they pass signals on.
func Run(ctx context.Context, args []string, t Terminal) int {
	c := &commandLine{Terminal: t, stdout: t.Out}
	out := &output{w: t.Out}
	c.Out, c.unread = out, func() bool { return errors.Is(out.failed(), syscall.EPIPE) }
	c.colour = c.colours()
	defer c.close()
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if c.unread() {
		return int(errUnread)
	}
	if failed := out.failed(); err == nil && failed != nil {
		err = fmt.Errorf("cannot write the output: %w", plain(failed))
	}
	return c.finish(err)
}

// output remembers that a write failed, so that no command has to ask at every line: a full disk is not success.
type output struct {
	w io.Writer

	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.err = err
	}
	return n, err
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// commandLine is one run: the terminal, the persistent flags and the client made from them.
type commandLine struct {
	Terminal
	stdout io.Writer   // what Out writes to
	socket string      // --socket
	format string      // --format
	colour bool        // Out shows colours
	unread func() bool // nobody reads Out any more
	once   sync.Once
	conn   *client.Client
}

func (c *commandLine) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "logis",
		Short: "Homes for many websites on one machine",
		Long: "logis makes sites: isolated Debian containers with ssh, a web server and a database of their own.\n\n" +
			"It ends with status 0 when all is done, 1 when something failed, 2 for wrong usage, 3 when there is no such site, 4 when a name, " +
			"a domain or a port is taken or the site is in the wrong state. LOGIS_SOCKET is logisd's socket, NO_COLOR turns colours off.",
		Example:       "  logis create alice --ssh-key ~/.ssh/id_ed25519.pub\n  logis list\n  logis shell alice",
		SilenceErrors: true, SilenceUsage: true,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(c.In)
	root.SetOut(c.Out)
	root.SetErr(c.Err)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&c.socket, "socket", "", "logisd's socket (default LOGIS_SOCKET, else "+client.DefaultSocket+")")
	addGroup(root, "Sites:", c.create(), c.destroy(), c.start(), c.stop(), c.restart(), c.list(), c.show(), c.set(), c.domain(), c.key(), c.wait())
	addGroup(root, "Inside a site:", c.exec(), c.shell(), c.logs())
	addGroup(root, "The host:", c.image(), c.stats(), c.events(), c.doctor(), c.sites(), c.version())
	root.SetHelpCommandGroupID("The host:")
	root.SetCompletionCommandGroupID("The host:")
	fitHelp(root)
	return root
}

// addGroup adds commands under a heading of the help.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = title
		root.AddCommand(cmd)
	}
}

// logisd returns the client. Flags are parsed by then. Commands that work on several sites ask from several goroutines.
func (c *commandLine) logisd() *client.Client {
	c.once.Do(func() { c.conn = client.New(cmp.Or(c.socket, c.Socket, client.DefaultSocket)) })
	return c.conn
}

func (c *commandLine) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// printf writes to standard output; output remembers an error.
func (c *commandLine) printf(format string, args ...any) { _, _ = fmt.Fprintf(c.Out, format, args...) }

// terminal returns the descriptor of f if it is a terminal.
func terminal(f any) (fd int, ok bool) {
	file, ok := f.(*os.File)
	if !ok {
		return 0, false
	}
	fd = int(file.Fd())
	return fd, term.IsTerminal(fd)
}
