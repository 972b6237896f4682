package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// policyFile is policy-rc.d(8): what may be done to a service by a package's scripts.
const policyFile = "/usr/sbin/policy-rc.d"

// leftOut are the documents and translations that dpkg is told not to unpack, in a site too. Copyright files stay: the
// licences ask for them.
var leftOut = [...]string{
	"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*", "/usr/share/doc-base/*",
}

// systemFiles are what every image has: apt and dpkg configured for the build and, but for the policy, for the sites.
func (b *build) systemFiles() []File {
	var dpkg strings.Builder
	for _, glob := range slices.Concat(leftOut[:], b.Manifest.Exclude) {
		fmt.Fprintf(&dpkg, "path-exclude=%s\n", glob)
	}
	dpkg.WriteString("path-include=/usr/share/doc/*/copyright\npath-include=/usr/share/locale/en/*\n")
	return []File{
		{Path: "/etc/hosts", Content: "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"},
		{Path: "/etc/dpkg/dpkg.cfg.d/50logis", Content: dpkg.String()},
		{Path: aptConfFile, Content: aptConf + renderSettings(b.settings)},
		{Path: policyFile, Mode: 0o755, Content: "#!/bin/sh\nexit 101\n"},
	}
}

const (
	aptConfFile = "/etc/apt/apt.conf.d/50logis"
	sourcesFile = "/etc/apt/sources.list.d/debian.sources"
	aptConf     = "Acquire::Languages \"none\";\nAPT::Keep-Downloaded-Packages \"false\";\n"
)

// scrubbed are what a build leaves and no site should start from, as globs: a directory's content, or a file.
var scrubbed = [...]string{
	"debootstrap", "dev/*", "run/*", "tmp/*", "tmp/.*", "var/tmp/*", "root/.bash_history",
	"etc/hostname", "etc/.pwd.lock", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-",
	"etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed",
	"var/lib/apt/lists/*", "var/cache/apt/*", "var/cache/debconf/*-old", "var/lib/dpkg/*-old", "var/backups/*",
	"var/cache/ldconfig/aux-cache",
}

// scrub removes what must be a site's own and what debootstrap unpacked before dpkg knew what to leave out.
func (b *build) scrub(ctx context.Context, _ io.Writer) error {
	root, err := os.OpenRoot(b.rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, glob := range scrubbed {
		names, err := fs.Glob(root.FS(), glob)
		if err != nil {
			return err
		}
		for _, name := range names {
			if base := path.Base(name); base == "." || base == ".." {
				continue
			}
			if err := root.RemoveAll(name); err != nil {
				return fmt.Errorf("scrub %s: %w", name, err)
			}
		}
	}
	for name, content := range map[string]string{
		"etc/machine-id":      "", // one that is there and empty is filled in by whoever starts the system
		relative(aptConfFile): aptConf + renderSettings(forSites(b.settings)),
	} {
		if err := replaceFile(root, name, content, 0o644); err != nil {
			return err
		}
	}
	return b.scrubTree(ctx, root)
}

// scrubTree walks all of the image: logs and documents go, and so do file capabilities, which a site must not be given.
func (b *build) scrubTree(ctx context.Context, root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !d.IsDir() && (unwanted(name) || strings.HasPrefix(name, "var/log/")) {
			return root.Remove(name)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		err = unix.Lremovexattr(filepath.Join(b.rootfs, name), "security.capability")
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("strip capabilities of %s: %w", name, err)
		}
		return nil
	})
}

// unwanted says of a file below the directories of leftOut what dpkg's path-exclude and path-include say.
func unwanted(name string) bool {
	in := func(dir string) bool { return strings.HasPrefix(name, "usr/share/"+dir+"/") }
	switch {
	case in("doc"):
		return path.Base(name) != "copyright"
	case in("locale"):
		return !in("locale/en") && path.Base(name) != "locale.alias"
	}
	return in("man") || in("info") || in("lintian") || in("doc-base")
}

// replaceFile writes a file of the image anew, so that neither a link nor an older mode of that name survives.
func replaceFile(root *os.Root, name, content string, mode fs.FileMode) error {
	name = relative(name)
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.WriteFile(name, []byte(content), 0o600); err != nil {
		return err
	}
	return root.Chmod(name, mode)
}

// fileMode turns permission bits with setuid, setgid and sticky into Go's.
func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	if bits&syscall.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&syscall.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&syscall.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// apparentSize sums the sizes of a tree's regular files, each once, in bytes.
func apparentSize(dir string) (int64, error) {
	var total int64
	linked := map[uint64]bool{} // by inode
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if st.Nlink > 1 {
			if linked[st.Ino] {
				return nil
			}
			linked[st.Ino] = true
		}
		total += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure image: %w", err)
	}
	return total, nil
}
