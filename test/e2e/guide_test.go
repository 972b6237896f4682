//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/logis-project/logis/test/docs"
)

// blockTime bounds a block of a guide: the longest installs packages.
const blockTime = 5 * time.Minute

// TestDocs runs the commands of the guides in docs/, one guide after another on one server, as a reader would who begins
// with the tutorial. What it stands in for is few: systemd (systemctl acts on daemons of the test), the image (imported,
// not built), names (in /etc/hosts, not in DNS), and the browser (a client in Go).
func TestDocs(t *testing.T) {
	s := newBareServer(t)
	skipped := 0
	for _, name := range docs.Guides() {
		text, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := docs.Parse(string(text))
		if err != nil {
			t.Fatalf("docs/%s: %v", name, err)
		}
		ok := t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
			for _, b := range blocks {
				if b.NotRun != "" {
					skipped++
					t.Logf("docs/%s:%d is not run: %s", name, b.Line, b.NotRun)
					continue
				}
				if err := s.act(t, b); err != nil {
					t.Fatalf("docs/%s:%d: %v", name, b.Line, err)
				}
			}
		})
		if !ok {
			return // the next guide goes on where this one ends
		}
	}
	t.Logf("%d blocks of the guides are not run", skipped)
}

// act does what a block says.
func (s *bareServer) act(t *testing.T, b docs.Block) error {
	if b.Directive != nil {
		return s.direct(t, b.Directive)
	}
	ctx, cancel := context.WithTimeout(t.Context(), blockTime)
	defer cancel()
	cmd, err := s.place(ctx, b)
	if err != nil {
		return err
	}
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("line %d, %s %s, %v:\n%s\n%s", b.Line, b.Place, b.Person, time.Since(begin).Round(time.Millisecond), b.Commands, out)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return docs.Match(b.Output, string(out))
}

// place is the command that runs a block where it is typed. Whoever types it answers every question by pressing Return.
func (s *bareServer) place(ctx context.Context, b docs.Block) (*exec.Cmd, error) {
	script := "set -e -o pipefail\n" + b.Commands
	var line []string
	switch b.Place {
	case docs.Server:
		line = []string{"bash", "-c", script}
	case docs.Source:
		line = []string{"bash", "-c", script}
	case docs.Laptop:
		// Its own network and home: ssh(1) looks for keys where /etc/passwd says, not where $HOME does.
		line = s.visitor.Wrap("unshare", "--mount", "bash", "-c", `mount --bind "$0" /root && cd /root && exec bash -c "$1"`,
			s.home(b.Person), script)
	case docs.Site:
		port, err := s.port(b.Person)
		if err != nil {
			return nil, err
		}
		quoted := "'" + strings.ReplaceAll(script, "'", `'\''`) + "'"
		line = s.visitor.Wrap("unshare", "--mount", "bash", "-c", `mount --bind "$0" /root && exec ssh -p "$1" "$2" "$3"`,
			s.home(b.Person), port, b.Person+"@server.example.org", "bash -c "+quoted)
	}
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir = "/root"
	cmd.Env = s.env
	if b.Place == docs.Source {
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "MAKEFLAGS=BIN="+s.bin+" DIST="+s.path("dist"))
	}
	cmd.Stdin = strings.NewReader(strings.Repeat("\n", 16))
	return cmd, nil
}

// direct does what a comment in a guide asks of the test.
func (s *bareServer) direct(t *testing.T, words []string) error {
	switch {
	case len(words) == 3 && words[0] == "copy": // PERSON:FILE or server:FILE or dist:PATTERN, by mail or scp
		return s.copyFile(words[1], words[2])
	case len(words) == 2 && words[0] == "daemons" && words[1] == "start": // as the package does under systemd
		return s.installed(t)
	case len(words) == 2 && words[0] == "daemons" && words[1] == "stop": // as systemd does when the package is removed
		s.logis(t, "stop", "--all")
		s.proxy.stop(t)
		s.daemon.stop(t)
		return nil
	case len(words) == 2 && words[0] == "image" && words[1] == "import": // in place of a build, which takes minutes
		s.logis(t, "image", "import", required(t, "LOGIS_IMAGE"))
		return nil
	case len(words) == 3 && words[0] == "wordpress" && words[1] == "install":
		return s.browse(t, words[2]).install()
	case len(words) == 3 && words[0] == "wordpress" && words[1] == "write":
		return s.browse(t, words[2]).write()
	case len(words) == 3 && words[0] == "wordpress" && words[1] == "read":
		return s.browse(t, words[2]).read()
	}
	return fmt.Errorf("the test knows no %q", strings.Join(words, " "))
}

func (s *bareServer) copyFile(from, to string) error {
	source, err := filepath.Glob(s.file(from))
	if err != nil || len(source) != 1 {
		return fmt.Errorf("%s are the files %q: %w", from, source, errors.Join(errors.New("one is wanted"), err))
	}
	data, err := os.ReadFile(source[0])
	if err != nil {
		return err
	}
	target := s.file(to)
	if strings.HasSuffix(target, "/") {
		target += filepath.Base(source[0])
	}
	return os.WriteFile(target, data, 0o644)
}

// file is where PLACE:NAME lies.
func (s *bareServer) file(name string) string {
	place, path, _ := strings.Cut(name, ":")
	switch place {
	case "dist":
		return s.path("dist/" + path)
	case string(docs.Server):
		return "/root/" + path
	}
	return s.home(place) + "/" + path
}

func (s *bareServer) port(name string) (string, error) {
	var site struct{ SSH struct{ Port int } }
	if err := s.show(name, &site); err != nil {
		return "", err
	}
	return fmt.Sprint(site.SSH.Port), nil
}

// home is a person's own directory on their own computer.
func (s *bareServer) home(person string) string {
	dir := s.path("home-" + person)
	if err := os.MkdirAll(dir+"/.ssh", 0o700); err != nil {
		s.t.Fatal(err)
	}
	return dir
}
