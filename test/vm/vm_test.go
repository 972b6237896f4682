//go:build vm

// Package vm tests the package of logis on a real Debian 12 with systemd, cgroup v2 and a stock kernel, in a machine that
// QEMU emulates: reboot, power cut, upgrade, purge. `make vmtest` (test/vm/run) installs what it needs, builds the
// packages and the image, and runs it; everything that is seen is printed. What a container can show belongs in test/e2e.
package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMachine is the life of one host, from its first boot to the removal of logis. Each step finds what the one before left.
func TestMachine(t *testing.T) {
	deb, next := required(t, "LOGIS_DEB"), required(t, "LOGIS_DEB_NEXT")
	m := &machine{image: required(t, "LOGIS_IMAGE"), dir: t.TempDir()}
	m.key = filepath.Join(m.dir, "key")
	command(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", m.key)

	begin := time.Now()
	var err error
	if m.base, err = openBase(t.Context(), depends(t, deb)); err != nil {
		t.Fatal(err)
	}
	say(t, "a Debian system was made, or found in %s, in %v", cacheDir, time.Since(begin).Round(time.Second))
	begin = time.Now()
	m.disk = makeDisk(t, m.base, deb, m.key+".pub")
	say(t, "%s is installed on a disk: %v", filepath.Base(deb), time.Since(begin).Round(time.Second))

	t.Cleanup(m.powerOff)
	h := &house{m: m}
	for _, step := range []struct {
		name string
		run  func(*testing.T, *house)
		must bool // nothing that follows makes sense without it
	}{
		{"first boot", firstBoot, true},
		{"units", units, false},
		{"disk limits", diskLimits, false},
		{"limits", limits, false},
		{"proof", proof, false},
		{"reboot", reboot, true},
		{"power cut", powerCut, true},
		{"clock", clock, false},
		{"restarts", func(t *testing.T, h *house) { h.upload(t, next); restarts(t, h) }, false},
		{"firewall", firewall, false},
		{"memory", memory, false},
		{"purge", purge, false},
	} {
		begin := time.Now()
		ok := t.Run(step.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					m.lastWords(t)
				}
			})
			step.run(t, h)
		})
		say(t, "%s: %v", step.name, time.Since(begin).Round(time.Second))
		if !ok && step.must {
			t.FailNow()
		}
	}
}

// depends are the packages that a package names as needed, without versions, the first of each alternative.
func depends(t *testing.T, deb string) []string {
	t.Helper()
	var packages []string
	for d := range strings.SplitSeq(command(t, "dpkg-deb", "--field", deb, "Depends"), ",") {
		packages = append(packages, strings.FieldsFunc(d, func(r rune) bool { return strings.ContainsRune(" (|", r) })[0])
	}
	return packages
}

func required(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: this test runs by `make vmtest`", name)
	}
	return v
}
