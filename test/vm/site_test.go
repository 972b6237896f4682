//go:build vm

package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/api"
)

// names of the sites.
var names = []string{"alice", "bob", "carol"}

// notes are the rows that each database is filled with.
const notes = 1000

// page is put into every site: it reads the notes as the owner, and prints something that depends on each of them.
const page = `<?php
$db = mysqli_init();
$db->options(MYSQLI_READ_DEFAULT_FILE, getenv('HOME') . '/.my.cnf');
$db->real_connect('localhost', get_current_user(), null, get_current_user());
echo implode(' ', $db->query('select count(*), sum(crc32(note)), left(max(note), 18) from notes')->fetch_row());
`

// identity is what must never change of a site.
type identity struct {
	Address4, Address6 string
	SSH                api.SSH
	URLs, Domains      []string
	IDBase             uint32
}

func identityOf(s api.Site) identity {
	return identity{s.Address4, s.Address6, s.SSH, s.URLs, s.Domains, s.IDBase}
}

// house is the machine with its sites, and what was last seen of them.
type house struct {
	m     *machine
	boot  string // id of the running system
	known map[string]identity
	pages map[string]string
}

// sites asks logisd.
func (h *house) sites() (map[string]api.Site, error) {
	out, err := h.m.try("", "logis list --format json")
	if err != nil {
		return nil, err
	}
	var list []api.Site
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, fmt.Errorf("logis list: %w: %s", err, out)
	}
	sites := map[string]api.Site{}
	for _, s := range list {
		sites[s.Name] = s
	}
	return sites, nil
}

// waitReady waits until every site runs with all its services ready, and returns them.
func (h *house) waitReady(t *testing.T) (sites map[string]api.Site) {
	t.Helper()
	begin := time.Now()
	err := poll(bootPatience, func() (err error) {
		sites, err = h.sites()
		if err != nil {
			return err
		}
		for _, name := range names {
			s := sites[name]
			if s.State != "running" {
				return fmt.Errorf("%s is %q: %s", name, s.State, s.Error)
			}
			for _, service := range s.Services {
				if !service.Ready {
					return fmt.Errorf("%s of %s is not ready", service.Name, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	say(t, "all sites are ready after %v more", time.Since(begin).Round(time.Second))
	return sites
}

// checkServed looks at every site from outside: it is who it was, its page comes through the proxy with the data of its
// database, and its owner can log in through the redirected port.
func (h *house) checkServed(t *testing.T) {
	t.Helper()
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		s := sites[name]
		if diff := cmp.Diff(h.known[name], identityOf(s)); diff != "" {
			t.Errorf("%s has changed (-was +is):\n%s", name, diff)
		}
		got, err := h.get(name + ".localhost")
		if err != nil || got != h.pages[name] {
			t.Errorf("the page of %s: %q, %v, want %q", name, got, err, h.pages[name])
		}
		who, err := h.inside(s, "", "id --user --name")
		if err != nil || who != name {
			t.Errorf("ssh to %s: %q, %v", name, who, err)
		}
		say(t, "%s at %s: page %q; ssh to port %d: %s", name, s.Address4, got, s.SSH.Port, who)
	}
}

// get asks the proxy for the page of a domain, as a visitor does.
func (h *house) get(domain string) (string, error) {
	return get(&http.Client{}, h.m.ports[80], domain)
}

func get(client *http.Client, port int, domain string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/notes.php", port), nil)
	if err != nil {
		return "", err
	}
	r.Host = domain
	answer, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return string(body), err
}

// inside runs a script as the owner of a site, over the site's own ssh.
func (h *house) inside(s api.Site, input, script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runPatience)
	defer cancel()
	cmd := h.owner(ctx, s, script)
	cmd.Stdin = strings.NewReader(input)
	return output(cmd)
}

func (h *house) owner(ctx context.Context, s api.Site, script string) *exec.Cmd {
	return h.m.ssh(ctx, s.SSH.Port, s.SSH.User+"@127.0.0.1", script)
}

// recovery is how a database says that it was not shut down.
var recovery = regexp.MustCompile(`(?i).*(crash|aria engine: .*recovery).*`)

// recoveries returns such lines of a site's log, of all its life.
func (h *house) recoveries(t *testing.T, name string) []string {
	t.Helper()
	log := h.m.run(t, "logis logs "+name+" --service mariadb --lines 10000")
	if !strings.Contains(log, "ready for connections") {
		t.Fatalf("the log of %s's database does not look like one:\n%s", name, log)
	}
	return recovery.FindAllString(log, -1)
}
