package cli

import (
	"errors"
	"syscall"
	"testing"

	"github.com/logis-project/logis/client"
)

// What is to be done differs from host to host and from user to user.
func TestUnreachable(t *testing.T) {
	const at = "cannot reach logisd at /run/logis/logis.sock: "
	for want, tc := range map[string]struct {
		err  error
		from caller
	}{
		"there is no such socket: start it with `systemctl start logis`, as root": {syscall.ENOENT, caller{usual: true, unit: true}},
		"there is no such socket: start it with `logisd`":                         {syscall.ENOENT, caller{usual: true, root: true}},
		"it does not run: start it with `systemctl start logis`":                  {syscall.ECONNREFUSED, caller{usual: true, unit: true, root: true}},
		"it does not run: start the logisd that has its run_dir there, or name another socket with --socket, as root": {
			syscall.ECONNREFUSED, caller{unit: true},
		},
		"permission denied: join group logis with `adduser ann logis` as root, and log in again": {syscall.EACCES, caller{user: "ann", group: true}},
		"permission denied: join group logis with `adduser USER logis` as root, and log in again": {
			syscall.EACCES, caller{group: true},
		},
		"permission denied: you are in group logis since after you logged in: log in again": {
			syscall.EACCES, caller{user: "ann", group: true, member: true},
		},
		"permission denied: be root; or make the group that may ask with `groupadd --system logis` as root, and restart logisd": {
			syscall.EACCES, caller{user: "ann"},
		},
		"this is no socket: name that of logisd with --socket": {syscall.ENOTSOCK, caller{}},
		"odd: does it run?": {errors.New("odd"), caller{}},
	} {
		if got := unreachable(&client.UnreachableError{Socket: "/run/logis/logis.sock", Err: tc.err}, tc.from); got != at+want {
			t.Errorf("got  %s\nwant %s", got, at+want)
		}
	}
}
