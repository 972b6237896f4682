package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/logis-project/logis/client"
)

// apiGroup may use logisd's socket.
const apiGroup = "logis"

// caller is who runs the command line, and on what: what is to be done about a logisd that does not answer differs.
type caller struct {
	user   string // "" where the account has no name
	root   bool
	unit   bool // systemd is PID 1, and has the unit
	group  bool // the group is there
	member bool // the account is in it, whether or not this process is
	usual  bool // the socket is where logisd has it without a configuration
}

// callerOf looks at this process and its host. Nothing of it can fail: what is not known is not said.
func callerOf(socket string) caller {
	c := caller{root: os.Geteuid() == 0, usual: socket == client.DefaultSocket}
	if _, err := os.Stat("/run/systemd/system"); err == nil { // sd_booted(3)
		for _, dir := range []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"} {
			if _, err := os.Stat(filepath.Join(dir, "logis.service")); err == nil {
				c.unit = true
			}
		}
	}
	group, err := user.LookupGroup(apiGroup)
	c.group = err == nil
	me, err := user.Current()
	if err != nil {
		return c
	}
	c.user = me.Username
	if ids, err := me.GroupIds(); err == nil && c.group {
		c.member = slices.Contains(ids, group.Gid)
	}
	return c
}

// unreachable says why no logisd answers, and what this caller can do about it.
func unreachable(e *client.UnreachableError, c caller) string {
	what := fmt.Sprintf("cannot reach logisd at %s: ", e.Socket)
	switch {
	case errors.Is(e.Err, syscall.ENOENT):
		return what + "there is no such socket: " + c.start()
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return what + "it does not run: " + c.start()
	case errors.Is(e.Err, syscall.EACCES):
		return what + "permission denied: " + c.join()
	case errors.Is(e.Err, syscall.ENOTSOCK):
		return what + "this is no socket: name that of logisd with --socket"
	}
	return what + e.Err.Error() + ": does it run?"
}

// start says how to start logisd here.
func (c caller) start() string {
	how := "start it with `logisd`"
	switch {
	case !c.usual:
		how = "start the logisd that has its run_dir there, or name another socket with --socket"
	case c.unit:
		how = "start it with `systemctl start logis`"
	}
	if !c.root {
		how += ", as root"
	}
	return how
}

// join says how to become one who may ask.
func (c caller) join() string {
	switch {
	case !c.group:
		return "be root; or make the group that may ask with `groupadd --system " + apiGroup + "` as root, and restart logisd"
	case c.member:
		return "you are in group " + apiGroup + " since after you logged in: log in again"
	}
	name := c.user
	if name == "" {
		name = "USER"
	}
	return fmt.Sprintf("join group %s with `adduser %s %s` as root, and log in again", apiGroup, name, apiGroup)
}
