//go:build root

package packaging

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// sandbox is this machine's Debian with a layer on top that vanishes with the test: dpkg can work in it.
type sandbox struct {
	pid  string // of its first process, in this PID namespace
	root string
}

// setup makes the root of a sandbox below $1 and gives it the package $2. It ends when its standard input does, and with
// it every process and mount of the sandbox.
const setup = `
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
for dir in run tmp; do mount -t tmpfs tmpfs "$1/root/$dir"; done
cp "$2" "$1/root/tmp/logis.deb"
mount --rbind /dev "$1/root/dev"
read -r pid _ </proc/self/stat
mount -t proc proc "$1/root/proc"
echo "$pid"
exec cat
`

// without removes what this machine itself has of logis, and its word that no service be started, no manual unpacked.
const without = `
rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/*
rm -rf --one-file-system /var/lib/logis /var/log/logis /etc/logis
rm -f /etc/systemd/system/*/logis*.service /var/lib/systemd/deb-systemd-helper-*/logis* /var/lib/systemd/deb-systemd-helper-*/*/logis*
! getent passwd logis-proxy >/dev/null || userdel logis-proxy
for group in logis-proxy logis; do ! getent group $group >/dev/null || groupdel $group; done
`

func newSandbox(t *testing.T, deb string) *sandbox {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", setup, "sh", dir, deb)
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("end sandbox: %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("make sandbox: %v", err)
	}
	s := &sandbox{pid: strings.TrimSpace(line), root: dir + "/root"}
	s.run(t, without)
	return s
}

// try runs a script in the sandbox and returns all that it said.
func (s *sandbox) try(t *testing.T, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", s.pid, "--mount", "--pid", "chroot", s.root, "sh", "-ec", script)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *sandbox) run(t *testing.T, script string) string {
	t.Helper()
	out, err := s.try(t, script)
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	return out
}

// fails runs a script that must not succeed and must say something.
func (s *sandbox) fails(t *testing.T, script, saying string) {
	t.Helper()
	out, err := s.try(t, script)
	if err == nil || !strings.Contains(out, saying) {
		t.Fatalf("%s: %v: %s\nwant an error that says %q", script, err, out, saying)
	}
}

const (
	install = "dpkg --no-triggers --install /tmp/logis.deb"
	// A site's PID 1 as far as a maintainer script can see it: a process of that name, and its record.
	fakeSite = `
		mkdir -p /run/logis/sites/alice
		cp /bin/sleep /tmp/logis-init
		setsid /tmp/logis-init 600 >/dev/null 2>&1 &
		printf '{\n  "pid": %d,\n  "start_ticks": 1\n}\n' $! >/run/logis/sites/alice/container.json`
	endSite = `kill "$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' /run/logis/sites/alice/container.json)"; rm -r /run/logis/sites/alice`
	// everything of logis that a purged package must have taken with it
	leftovers = `
		find /etc /run /usr/bin /usr/sbin /usr/lib /usr/share /var/lib /var/log \( -path '*/logis/*' -o -name 'logis*' -o -name _logis \) \
			-newer /tmp/begin -print
		getent passwd logis-proxy || true
		getent group logis logis-proxy || true`
)

func TestMaintainerScripts(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	deb := makeDeb(t, "022")
	t.Run("without systemd", func(t *testing.T) { testLife(t, newSandbox(t, deb)) })
	t.Run("under systemd", func(t *testing.T) { testSystemd(t, newSandbox(t, deb)) })
}

// testLife installs, upgrades, removes and purges, around sites that run and sites that exist.
func testLife(t *testing.T, s *sandbox) {
	s.run(t, "touch /tmp/begin; "+install)

	t.Run("installed", func(t *testing.T) {
		if out := s.run(t, "dpkg --verify logis; id -nG logis-proxy"); out != "logis-proxy\n" {
			t.Errorf("%q: want no changed file, and a user in no other group", out)
		}
		s.run(t, "getent group logis; test -x /usr/bin/logis; test -e /usr/share/man/man1/logis-image-build.1.gz; logisd --version; logis-proxy --version")
		s.run(t, "test -L /etc/systemd/system/multi-user.target.wants/logis.service")
		// Twice is once, and a changed configuration is the admin's.
		s.run(t, "echo 'base_domain = \"example.org\"' >>/etc/logis/logis.toml; systemctl disable logis.service")
		s.run(t, install+"; grep -q example.org /etc/logis/logis.toml; ! test -e /etc/systemd/system/multi-user.target.wants/logis.service")
	})
	t.Run("running site", func(t *testing.T) {
		s.run(t, fakeSite)
		s.fails(t, "dpkg --remove logis", "sites still run: alice")
		s.run(t, "dpkg --status logis | grep -q '^Status: .* ok installed'; test -x /usr/sbin/logisd")
		s.run(t, install) // an upgrade minds no running site
		s.run(t, endSite)
	})
	t.Run("running daemon", func(t *testing.T) {
		s.run(t, `mkdir -p /var/lib/logis; cp /bin/sleep /tmp/logisd; setsid /tmp/logisd 600 >/dev/null 2>&1 &
			printf %d $! >/var/lib/logis/logisd.lock`)
		s.fails(t, "dpkg --remove logis", "logisd still runs as process")
		s.run(t, `kill "$(cat /var/lib/logis/logisd.lock)"`)
	})
	t.Run("kept", func(t *testing.T) {
		s.run(t, "mkdir -p /var/lib/logis/sites; echo '{' >/var/lib/logis/sites/alice.json.broken; dpkg --remove logis")
		s.run(t, "test -e /etc/logis/logis.toml; test -e /var/lib/logis/sites/alice.json.broken; getent passwd logis-proxy")
		out := s.run(t, "dpkg --purge logis")
		if strings.Count(out, "\nlogis: ") != 1 || !strings.Contains(out, "logis: kept /var/lib/logis") {
			t.Errorf("%q: want one line of what is kept", out)
		}
		s.run(t, "test -e /var/lib/logis/sites/alice.json.broken; getent passwd logis-proxy; getent group logis; ! test -e /etc/logis")
	})
	t.Run("disk without record", func(t *testing.T) {
		s.run(t, install+`; rm /var/lib/logis/sites/*
			truncate --size 200M /var/lib/logis/pool.img; mkfs.btrfs --quiet /var/lib/logis/pool.img
			mkdir -p /var/lib/logis/pool; mount -o loop /var/lib/logis/pool.img /var/lib/logis/pool
			mkdir -p /var/lib/logis/pool/sites/alice /var/lib/logis/pool/images/lemp; umount /var/lib/logis/pool`)
		if out := s.run(t, "dpkg --purge logis"); !strings.Contains(out, "logis: kept /var/lib/logis") {
			t.Errorf("%q: the disk is not kept", out)
		}
		s.run(t, "test -e /var/lib/logis/pool.img; ! mountpoint -q /var/lib/logis/pool")
		s.run(t, install+`; printf garbage | dd of=/var/lib/logis/pool.img bs=1 seek=65536 conv=notrunc status=none`)
		if out := s.run(t, "dpkg --purge logis"); !strings.Contains(out, "cannot be looked into") {
			t.Errorf("%q: a pool that cannot be read is not kept", out)
		}
	})
	t.Run("purged", func(t *testing.T) {
		s.run(t, install+`; rm /var/lib/logis/pool.img
			truncate --size 200M /var/lib/logis/pool.img; mkfs.btrfs --quiet /var/lib/logis/pool.img
			mount -o loop /var/lib/logis/pool.img /var/lib/logis/pool
			mkdir -p /var/lib/logis/pool/sites /var/lib/logis/pool/images/lemp; umount /var/lib/logis/pool`)
		s.run(t, "dpkg --purge logis")
		if out := s.run(t, leftovers); out != "" {
			t.Errorf("left behind:\n%s", out)
		}
	})
}

// testSystemd has what the scripts ask of systemd written down by a systemctl of its own; that units then do it is
// the virtual machine's to show.
func testSystemd(t *testing.T, s *sandbox) {
	s.run(t, `mkdir -p /run/systemd/system
		cat >/usr/local/sbin/systemctl <<-'SH'
			#!/bin/sh
			case "$*" in
			*is-enabled*) echo enabled ;;
			*is-active* | *preset*) ;;
			*) echo "$*" >>/tmp/asked ;;
			esac
		SH
		chmod 0755 /usr/local/sbin/systemctl`)
	asked := func(script string) string {
		t.Helper()
		return s.run(t, "rm -f /tmp/asked; PATH=/usr/local/sbin:$PATH; "+script+" >/dev/null; cat /tmp/asked")
	}
	names := strings.Join(enabledUnits(t), " ")
	const reload = "--system daemon-reload\n"
	start := fmt.Sprintf("--quiet --system start %s\n", names)
	for _, step := range []struct{ name, script, want string }{
		{"install", install, reload + start},
		{"upgrade", install, reload + "--quiet --system restart logis.service logis-proxy.service\n" + start},
		{"remove", "dpkg --remove logis", "stop " + names + "\n" + reload},
		{"again", install, reload + "--quiet --system restart logis.service logis-proxy.service\n" + start},
		{"purge", "dpkg --purge logis", "stop " + names + "\n" + reload},
	} {
		if got := asked(step.script); got != step.want {
			t.Errorf("%s: systemctl is asked:\n%swant:\n%s", step.name, got, step.want)
		}
	}

	s.run(t, install)
	s.run(t, fakeSite)
	got := s.run(t, "rm -f /tmp/asked; PATH=/usr/local/sbin:$PATH; ! dpkg --remove logis >/dev/null 2>&1; cat /tmp/asked")
	if want := "stop " + names + "\n" + reload + start; got != want {
		t.Errorf("a site that does not stop: systemctl is asked:\n%swant the daemons back:\n%s", got, want)
	}
	s.run(t, endSite)
}

// enabledUnits are the units with an [Install] section, sorted.
func enabledUnits(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, unit := range units(t) {
		content, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "\n[Install]\n") {
			names = append(names, unit)
		}
	}
	slices.Sort(names)
	return names
}
