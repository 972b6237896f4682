//go:build vm

package vm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/logis-project/logis/internal/image"
)

const (
	cacheDir = "/var/cache/logis"
	suite    = "bookworm" // Debian 12
)

// basePackages are what makes the smallest Debian a server with a kernel. What logis itself needs comes from its Depends.
var basePackages = []string{"systemd-sysv", "udev", "dbus", "openssh-server", "linux-image-cloud-amd64"}

// customise is run by mmdebstrap for the new root, $1: the network by DHCP, no apt of its own that would hold dpkg's lock when the
// clock leaps a year, the root file system, the kernel's two files beside the archive.
const customise = `set -e
mkdir -p "$1/etc/systemd/network"
printf '[Match]\nName=en*\n[Network]\nDHCP=ipv4\n' >"$1/etc/systemd/network/en.network"
printf '/dev/vda / ext4 defaults,errors=remount-ro 0 1\n' >"$1/etc/fstab"
echo host >"$1/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 host\n' >"$1/etc/hosts"
chroot "$1" systemctl enable systemd-networkd
chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer
cp -L "$1/vmlinuz" "$1/initrd.img" "$BASE/"
`

// base is a Debian system without logis: the archive of its root directory, and the kernel with its initrd.
type base struct{ root, kernel, initrd string }

// openBase returns the base system for a package with these dependencies. It is made once a machine, and again when what
// it is made of changes; older ones are removed.
func openBase(ctx context.Context, depends []string) (base, error) {
	sources := aptSources()
	if len(sources) == 0 {
		return base{}, errors.New("this host's apt names no archive of Debian's by http: add one to /etc/apt/sources.list")
	}
	options, err := aptOptions(ctx)
	if err != nil {
		return base{}, err
	}
	packages := slices.Concat(basePackages, depends)
	recipe := strings.Join(slices.Concat(packages, sources, options, []string{customise}), "\n")
	dir := filepath.Join(cacheDir, fmt.Sprintf("vm-%.6x", sha256.Sum256([]byte(recipe))))

	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return base{}, err
	}
	unlock, err := lock(filepath.Join(cacheDir, "vm.lock")) // another run may be making it
	if err != nil {
		return base{}, err
	}
	defer unlock()
	if _, err := os.Stat(dir); err != nil {
		if err := makeBase(ctx, dir, packages, sources, options); err != nil {
			return base{}, err
		}
	}
	return base{
		root: filepath.Join(dir, "root.tar.zst"), kernel: filepath.Join(dir, "vmlinuz"), initrd: filepath.Join(dir, "initrd.img"),
	}, nil
}

// makeBase lets mmdebstrap make it in a mount namespace of its own: whatever becomes of it, no mount stays.
func makeBase(ctx context.Context, dir string, packages, sources, options []string) error {
	old, err := filepath.Glob(filepath.Join(cacheDir, "vm-*"))
	if err != nil {
		return err
	}
	for _, path := range old { // of other recipes, or half made
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	half := dir + ".new"
	if err := os.Mkdir(half, 0o755); err != nil {
		return err
	}
	args := []string{
		"--mount", "--propagation", "slave", "mmdebstrap", "--mode=root", "--variant=apt", "--quiet",
		"--include=" + strings.Join(packages, ","), "--customize-hook=" + customise,
	}
	for _, o := range options {
		args = append(args, "--aptopt="+o)
	}
	cmd := exec.CommandContext(ctx, "unshare", append(args, suite, filepath.Join(half, "root.tar.zst"), "-")...)
	cmd.Stdin = strings.NewReader(strings.Join(sources, "\n") + "\n")
	cmd.Env = append(os.Environ(), "BASE="+half)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a Debian system with mmdebstrap: %w: %s", err, out)
	}
	return os.Rename(half, dir)
}

// aptSources are the archives that the host itself uses, for the suite of the machine.
func aptSources() []string {
	var lines []string
	for _, s := range image.HostSources(os.DirFS("/")) {
		lines = append(lines, fmt.Sprintf("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s%s main",
			s.URI, suite, s.Pocket))
	}
	return lines
}

// aptOptions are the host's settings that decide whether these archives can be reached and believed.
func aptOptions(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--no-empty", "--format", `%F "%v";%n`,
		"Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date").Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt for its settings: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}

// lock waits for the lock of a file.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
