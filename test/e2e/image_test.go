//go:build e2e

package e2e

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/testhost"
)

// tinyImage writes an archive of an image with nothing in it, and returns its path.
func (h *house) tinyImage(t *testing.T) string {
	t.Helper()
	path := h.path("tiny.tar.zst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	add := func(header *tar.Header, content string) {
		header.Size = int64(len(content))
		err := w.WriteHeader(header)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(&tar.Header{Name: "image.json", Mode: 0o644},
		`{"name":"tiny","digest":"0123456789ab","suite":"bookworm","built_at":"2026-01-02T03:04:05Z"}`)
	add(&tar.Header{Name: "manifest.toml", Mode: 0o644}, "name = \"tiny\"\nsuite = \"bookworm\"\n")
	add(&tar.Header{Name: "rootfs/", Typeflag: tar.TypeDir, Mode: 0o755}, "")
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// standInForDebootstrap puts a script in debootstrap's place, in this box alone. What it makes has a shell, and programs of
// apt's and dpkg's names that do nothing: a build takes all its real steps, namespaces, mounts and processes in a second.
// A step waits while the file hang names it: "debootstrap" or "apt-get".
func (h *house) standInForDebootstrap(t *testing.T) {
	t.Helper()
	script := fmt.Sprintf(`#!/bin/sh
set -eu
for word; do case $word in /*) root=$word ;; esac; done
hang=$(cat %s 2>/dev/null || true)
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/bin" "$root/etc" "$root/tmp" "$root/proc"
cp -L --parents /bin/dash $(ldd /bin/dash | grep -o '/[^ ]*') "$root"
mkfifo "$root/wait"
if [ "$hang" = debootstrap ]; then
	read -r _ <"$root/wait" &
	: >"$root/waits"
	read -r _ <"$root/wait"
fi
printf '%%s\n' root:x:0:0::/root:/bin/sh www-data:x:33:33::/:/bin/sh mysql:x:100:100::/:/bin/sh >"$root/etc/passwd"
printf '%%s\n' root:x:0: adm:x:4: www-data:x:33: mysql:x:100: >"$root/etc/group"
for file in shadow gshadow; do : >"$root/etc/$file"; done
printf '#!/bin/dash\n' >"$root/bin/sh"
cat >"$root/usr/bin/apt-get" <<'APT'
#!/bin/dash
[ ! -e /hang ] || { read -r _ </wait & : >/waits; read -r _ </wait; }
APT
[ "$hang" != apt-get ] || : >"$root/hang"
printf '#!/bin/dash\necho base 1\n' >"$root/usr/bin/dpkg-query"
chmod 755 "$root/bin/sh" "$root/usr/bin/apt-get" "$root/usr/bin/dpkg-query"
`, h.path("hang"))
	if err := os.WriteFile(h.path("debootstrap"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	real, err := exec.LookPath("debootstrap")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(h.path("debootstrap"), real, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	h.standIn = true
	// The first one also leaves what mount(8) keeps in /run.
	h.logis(t, "image", "remove", "lemp")
	h.logis(t, "image", "build", "lemp")
	t.Cleanup(func() {
		if err := unix.Unmount(real, 0); err != nil {
			t.Error(err)
		}
	})
}

// TestBuildEnds ends builds in the middle of a step, with processes in the foreground and in the background: nothing of
// them is left.
func TestBuildEnds(t *testing.T) {
	h := newHouse(t)
	h.standInForDebootstrap(t)
	h.logis(t, "image", "remove", "lemp")
	before := h.settled(t)
	for _, step := range []string{"debootstrap", "apt-get"} {
		for how, end := range map[string]func(t *testing.T, client *exec.Cmd){
			"logisd killed": func(t *testing.T, _ *exec.Cmd) { h.daemon.kill(t) },
			"logisd stopped": func(t *testing.T, _ *exec.Cmd) {
				h.daemon.stop(t)
				if left := buildsIn(h.take(t)); len(left) > 0 {
					t.Errorf("after logisd's end there are still %q", left)
				}
			},
			"client killed": func(t *testing.T, client *exec.Cmd) {
				if err := client.Process.Kill(); err != nil {
					t.Error(err)
				}
			},
			"client interrupted": func(t *testing.T, client *exec.Cmd) {
				if err := client.Process.Signal(os.Interrupt); err != nil {
					t.Error(err)
				}
			},
		} {
			t.Run(step+"/"+how, func(t *testing.T) {
				if err := os.WriteFile(h.path("hang"), []byte(step), 0o600); err != nil {
					t.Fatal(err)
				}
				client := h.command("image", "build", "lemp")
				if err := client.Start(); err != nil {
					t.Fatal(err)
				}
				err := poll(func() error {
					if waits, _ := filepath.Glob(h.path("state/pool/drafts/*/rootfs/waits")); len(waits) == 0 {
						return errors.New("the build has not come to the step")
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				end(t, client)
				if client.Wait() == nil {
					t.Error("the command does not say that the build has failed")
				}
				if h.daemon.cmd == nil {
					h.daemon.start(t)
				}
				h.compare(t, before)
				// Nothing is in the way of another build.
				if err := os.Remove(h.path("hang")); err != nil {
					t.Fatal(err)
				}
				h.logis(t, "image", "build", "lemp")
				h.logis(t, "image", "remove", "lemp")
			})
		}
	}
}

// buildsIn are the processes of builds in a snapshot.
func buildsIn(s testhost.Snapshot) []string {
	var all []string
	for _, p := range s.Processes {
		if strings.HasSuffix(p, " sh") || strings.HasSuffix(p, " debootstrap") || strings.HasSuffix(p, " apt-get") {
			all = append(all, p)
		}
	}
	return all
}
