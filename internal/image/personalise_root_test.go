//go:build root

package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

const idBase = 1_000_000_000

// tinyRoot makes an image directory that has what every Debian has, and no program.
func tinyRoot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		manifestFile:                smallManifest,
		imageFile:                   strings.Replace(tinyImage, "/data", "/var/lib/data", 1),
		"rootfs/etc/passwd":         "root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/:/bin/false\nlone:x:8:33::/:/bin/false\n",
		"rootfs/etc/group":          "root:x:0:\nadm:x:4:\nweb:x:33:\n",
		"rootfs/etc/shadow":         "root:*:19000:0:99999:7:::\n",
		"rootfs/etc/skel/.profile":  "umask 022\n",
		"rootfs/etc/ssh/x":          "",
		"rootfs/var/lib/data/table": "rows",
		"rootfs/home/x":             "",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root := RootFS(dir)
	err := errors.Join(
		os.Chown(filepath.Join(root, "etc/shadow"), 0, 42), os.Chmod(filepath.Join(root, "etc/shadow"), 0o640),
		os.Chown(filepath.Join(root, "var/lib/data"), 33, 33), os.Chmod(filepath.Join(root, "var/lib/data"), 0o750),
		os.Chown(filepath.Join(root, "var/lib/data/table"), 33, 33), os.Chmod(filepath.Join(root, "var/lib/data/table"), 0o660),
		os.Chown(filepath.Join(root, "home"), 0, 4), os.Chmod(filepath.Join(root, "home"), 0o755|fs.ModeSetgid),
		os.Remove(filepath.Join(root, "home/x")), os.Remove(filepath.Join(root, "etc/ssh/x")),
	)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// personalised returns the directories of a site made from tinyRoot.
func personalised(t *testing.T, spoil func(*PersonaliseOptions)) (upper, data string, err error) {
	t.Helper()
	opts := PersonaliseOptions{ImageDir: tinyRoot(t), Upper: t.TempDir(), Data: t.TempDir(), IDBase: idBase, Values: exampleValues()}
	opts.Values.HostDir = "/run/logis/host"
	if spoil != nil {
		spoil(&opts)
	}
	return opts.Upper, opts.Data, Personalise(t.Context(), opts)
}

func TestPersonaliseOwners(t *testing.T) {
	upper, data, err := personalised(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, dir := range []string{upper, data} {
		err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Lstat(name)
			if err != nil {
				return err
			}
			st := info.Sys().(*syscall.Stat_t)
			base := "upper"
			if dir == data {
				base = "data"
			}
			got[base+strings.TrimPrefix(name, dir)] = fmt.Sprintf("%04o %d:%d", st.Mode&0o7777, int64(st.Uid)-idBase, int64(st.Gid)-idBase)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"data": "0750 33:33", "data/table": "0660 33:33",
		"upper": "0755 0:0", "upper/etc": "0755 0:0", "upper/etc/ssh": "0755 0:0",
		"upper/etc/ssh/sshd_config.d": "0755 0:0", "upper/etc/ssh/sshd_config.d/logis.conf": "0644 0:0",
		"upper/etc/passwd": "0644 0:0", "upper/etc/group": "0644 0:0", "upper/etc/shadow": "0640 0:42",
		"upper/etc/hostname": "0644 0:0", "upper/etc/hosts": "0644 0:0", "upper/etc/machine-id": "0644 0:0",
		"upper/etc/site.conf":                    "0644 0:0",
		"upper/etc/ssh/ssh_host_ed25519_key":     "0600 0:0",
		"upper/etc/ssh/ssh_host_ed25519_key.pub": "0644 0:0",
		"upper/etc/ssh/ssh_host_ecdsa_key":       "0600 0:0",
		"upper/etc/ssh/ssh_host_ecdsa_key.pub":   "0644 0:0",
		"upper/home":                             "2755 0:4", // as it is in the image
		"upper/home/al-ice":                      "0711 1000:1000",
		"upper/home/al-ice/.profile":             "0644 1000:1000",
		"upper/home/al-ice/.ssh":                 "0700 1000:1000",
		"upper/home/al-ice/.ssh/authorized_keys": "0600 1000:1000",
		"upper/home/al-ice/www":                  "0755 1000:1000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPersonaliseContents(t *testing.T) {
	upper, data, err := personalised(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		upper + "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/:/bin/false\nlone:x:8:33::/:/bin/false\nal-ice:x:1000:1000::/home/al-ice:/bin/bash\n",
		upper + "/etc/group":  "root:x:0:\nadm:x:4:al-ice\nweb:x:33:\nal-ice:x:1000:\n",
		upper + "/etc/shadow": "root:*:19000:0:99999:7:::\nal-ice:*:19000:0:99999:7:::\n",
		upper + "/etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" +
			"10.83.0.2\tal-ice\nfd83::2\tal-ice\n",
		upper + "/etc/site.conf":                    "name al-ice from 10.83.0.1",
		upper + "/home/al-ice/.ssh/authorized_keys": ownKeys,
		upper + "/etc/ssh/sshd_config.d/logis.conf": "# The host's keys of the user, then the user's own; then those that are refused in both. See logis key on the host.\n" +
			"AuthorizedKeysFile /run/logis/host/authorized_keys.%u .ssh/authorized_keys\nRevokedKeys /run/logis/host/revoked_keys\n",
		data + "/table": "rows",
	} {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, kind := range []string{"ed25519", "ecdsa"} {
		private, err := os.ReadFile(filepath.Join(upper, "etc/ssh/ssh_host_"+kind+"_key"))
		if err != nil {
			t.Fatal(err)
		}
		public, err := os.ReadFile(filepath.Join(upper, "etc/ssh/ssh_host_"+kind+"_key.pub"))
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.ParsePrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		want, _, _, _, err := ssh.ParseAuthorizedKey(public)
		if err != nil {
			t.Fatal(err)
		}
		if string(signer.PublicKey().Marshal()) != string(want.Marshal()) {
			t.Errorf("the two files of the %s key are not of one key", kind)
		}
	}
}

func TestPersonaliseRefuses(t *testing.T) {
	for _, name := range []string{"lone", "adm"} {
		_, _, err := personalised(t, func(o *PersonaliseOptions) { o.Values.Name = name })
		if !errors.Is(err, ErrReservedName) {
			t.Errorf("a site may be called like %s of the image: %v", name, err)
		}
	}
	_, _, err := personalised(t, func(o *PersonaliseOptions) {
		if err := os.WriteFile(filepath.Join(o.Upper, "x"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(o.Upper, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(o.Upper, "etc/passwd")); err != nil {
			t.Fatal(err)
		}
	})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link in the layer is followed: %v", err)
	}
	_, _, err = personalised(t, func(o *PersonaliseOptions) {
		etc := filepath.Join(RootFS(o.ImageDir), "etc")
		if err := errors.Join(os.Rename(etc, etc+"2"), os.Symlink("/etc", etc)); err != nil {
			t.Fatal(err)
		}
	})
	if err == nil {
		t.Error("a link in the image that leads to the host is followed")
	}
}

// Two sites of one image have nothing in common that should be their own.
func TestPersonaliseIsNeverTheSame(t *testing.T) {
	var seen [2]string
	for i := range seen {
		upper, _, err := personalised(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"etc/machine-id", "etc/ssh/ssh_host_ed25519_key.pub", "etc/ssh/ssh_host_ecdsa_key.pub"} {
			content, err := os.ReadFile(filepath.Join(upper, name))
			if err != nil {
				t.Fatal(err)
			}
			seen[i] += string(content) + "\n"
		}
	}
	for line := range strings.Lines(seen[0]) {
		if line != "\n" && strings.Contains(seen[1], line) {
			t.Errorf("both sites have %s", line)
		}
	}
}
