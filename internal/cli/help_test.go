package cli_test

import (
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/server/servertest"
)

// TestHelp: what the commands say of themselves that look at sites or into them.
func TestHelp(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	for _, args := range []string{"list", "show", "events", "logs", "wait", "exec", "shell", "image list"} {
		r := run(t, socket, "", append(strings.Fields(args), "--help")...)
		golden(t, "help-"+strings.ReplaceAll(args, " ", "-"), r.out)
		if r.status != 0 || r.err != "" {
			t.Errorf("logis %s --help: %+v", args, r)
		}
	}
}
