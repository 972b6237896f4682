//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// changeCases are the changes of domains and keys. Whatever ends them, what is recorded is what counts: checkChanged.
func (h *house) changeCases(t *testing.T) []faultCase {
	t.Helper()
	key := h.path("fault-key")
	if _, err := os.Stat(key); err != nil {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "fault", "-f", key).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	may := map[string]bool{"error": true, "kill": true}
	made := prior{args: []string{"create", "alice", "--no-start"}}
	runs := prior{args: []string{"create", "alice", "--ssh-key", key + ".pub"}}
	return []faultCase{
		{name: changeDomain, before: []prior{made}, args: []string{"domain", "add", "alice", "fault.example"}, after: may},
		{name: changeKey, before: []prior{runs}, args: []string{"key", "remove", "alice", "fault"}, after: may},
	}
}

const changeDomain, changeKey = "domain add", "key remove"

// checkChanged checks that after an error nothing is changed, and that proxy and sshd know what the record says.
func (h *house) checkChanged(t *testing.T, c faultCase, how string) {
	t.Helper()
	switch c.name {
	case changeDomain:
		recorded := strings.Contains(h.logis(t, "show", "alice", "--format", "json"), `"fault.example"`)
		if recorded && how == "error" {
			t.Error("after an error the domain is recorded")
		}
		want := map[bool]string{true: "503", false: "404"}[recorded]
		err := poll(func() error {
			out, err := exec.Command("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: fault.example", "http://localhost/").Output()
			if err == nil && string(out) != want {
				err = fmt.Errorf("the proxy answers %s, want %s", out, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	case changeKey:
		recorded := strings.Contains(h.logis(t, "key", "list", "alice"), "fault")
		if !recorded && how == "error" {
			t.Error("after an error the key is gone")
		}
		sites := h.list(t)
		i := slices.IndexFunc(sites, func(s listed) bool { return s.Name == "alice" })
		out, err := exec.Command(h.path("bin/ssh"), "-i", h.path("fault-key"), "-p", fmt.Sprint(sites[i].SSH.Port), "alice@localhost", "true").CombinedOutput()
		if (err == nil) != recorded {
			t.Errorf("the key is recorded: %v, and ssh says %v: %s", recorded, err, out)
		}
	}
}
