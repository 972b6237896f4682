package image

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// PersonaliseOptions of Personalise.
type PersonaliseOptions struct {
	ImageDir string
	Upper    string // empty directory: the site's own layer, upper of an overlay over the image's rootfs
	Data     string // empty directory: the volume of the image's reserved path; "" copies nothing
	IDBase   uint32 // the host's id of the site's root; all owners are stored shifted by it
	Values   Values
}

// Personalise makes a new site out of an empty layer: the owner's account with its home and keys, the site's host name,
// machine-id and ssh host keys, the files that the image's manifest has templates for, and the start of its database.
// No process of the site may have run yet: what is found in the directories is trusted. On an error they hold rubbish
// for the caller to delete. ErrReservedName is wrapped if the image has a user of the site's name.
func Personalise(ctx context.Context, opts PersonaliseOptions) error {
	if err := personalise(ctx, opts); err != nil {
		return fmt.Errorf("personalise site %s: %w", opts.Values.Name, err)
	}
	return nil
}

func personalise(ctx context.Context, opts PersonaliseOptions) error {
	values, err := opts.Values.complete()
	if err != nil {
		return err
	}
	manifest, err := LoadManifest(opts.ImageDir)
	if err != nil {
		return err
	}
	image, err := os.OpenRoot(RootFS(opts.ImageDir))
	if err != nil {
		return err
	}
	defer image.Close()
	upper, err := os.OpenRoot(opts.Upper)
	if err != nil {
		return err
	}
	defer upper.Close()
	l := &layer{image: image, upper: upper, base: opts.IDBase}

	if err := l.top(); err != nil {
		return err
	}
	users, err := l.addAccount(values.Name, manifest.OwnerGroups)
	if err != nil {
		return err
	}
	if err := l.addHome(values); err != nil {
		return err
	}
	if err := l.addIdentity(values); err != nil {
		return err
	}
	for _, f := range manifest.SiteFiles {
		if err := l.addSiteFile(f, values, users); err != nil {
			return fmt.Errorf("lay down %s: %w", f.Path, err)
		}
	}
	if opts.Data == "" || manifest.Reserved == "" {
		return nil
	}
	return addData(ctx, filepath.Join(RootFS(opts.ImageDir), manifest.Reserved), opts.Data, opts.IDBase)
}

// addAccount writes the files of passwd(5) with the owner in them.
func (l *layer) addAccount(name string, groups []string) (*accounts, error) {
	users, err := readAccounts(l.image)
	if err != nil {
		return nil, err
	}
	if err := users.addOwner(name, groups); err != nil {
		return nil, err
	}
	for file, content := range map[string][]byte{
		"etc/passwd": users.passwd, "etc/group": users.group, "etc/shadow": users.shadow, "etc/gshadow": users.gshadow,
	} {
		if len(content) == 0 {
			continue
		}
		if err := l.rewrite(file, content); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// addHome makes the owner's home from the image's /etc/skel, with a place for keys of the owner's own. Its mode lets the web server
// pass through to the web root, and nobody list it.
func (l *layer) addHome(v templateValues) error {
	home := path.Join("home", v.Name)
	if err := l.mkdir(home, 0o711, ownerID, ownerID); err != nil {
		return err
	}
	skel, err := fs.ReadDir(l.image.FS(), "etc/skel")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range skel {
		if !d.Type().IsRegular() {
			continue
		}
		content, err := readRegular(l.image, path.Join("etc/skel", d.Name()))
		if err != nil {
			return err
		}
		if err := l.writeFile(path.Join(home, d.Name()), content, 0o644, ownerID, ownerID); err != nil {
			return err
		}
	}
	if err := l.mkdir(path.Join(home, ".ssh"), 0o700, ownerID, ownerID); err != nil {
		return err
	}
	return l.writeFile(path.Join(home, ".ssh/authorized_keys"), []byte(ownKeys), 0o600, ownerID, ownerID)
}

const ownKeys = "# Keys of your own, one a line. Those that the host gave you let you in too, whatever is in here.\n"

// addIdentity writes what tells this site from every other.
func (l *layer) addIdentity(v templateValues) error {
	var machine [16]byte
	if _, err := rand.Read(machine[:]); err != nil {
		return err
	}
	hosts := fmt.Sprintf("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n%s\t%s\n%s\t%s\n",
		v.Address4, v.Hostname, v.Address6, v.Hostname)
	for name, content := range map[string]string{
		"etc/hostname": v.Hostname + "\n", "etc/hosts": hosts, "etc/machine-id": hex.EncodeToString(machine[:]) + "\n",
	} {
		if err := l.writeFile(name, []byte(content), 0o644, 0, 0); err != nil {
			return err
		}
	}
	if info, err := l.image.Lstat("etc/ssh"); err != nil || !info.IsDir() {
		return nil // an image without ssh
	}
	if v.HostDir != "" {
		if err := l.writeFile(sshdConfigPath, []byte(sshdConfig(v.HostDir)), 0o644, 0, 0); err != nil {
			return err
		}
	}
	keys, err := newHostKeys("root@" + v.Hostname)
	if err != nil {
		return err
	}
	for _, k := range keys {
		name := "etc/ssh/ssh_host_" + k.kind + "_key"
		if err := l.writeFile(name, k.private, 0o600, 0, 0); err != nil {
			return err
		}
		if err := l.writeFile(name+".pub", k.public, 0o644, 0, 0); err != nil {
			return err
		}
	}
	return nil
}

const sshdConfigPath = "etc/ssh/sshd_config.d/logis.conf"

// Laid are the files, by path below the root, that Personalise writes today and that a site of an earlier release may lack: those that
// make sshd look at what it finds in hostDir.
func Laid(hostDir string) map[string]string {
	return map[string]string{sshdConfigPath: sshdConfig(hostDir)}
}

// sshdConfig makes sshd take the keys that the host hands to the site beside the owner's own ones, which it has no hand in, and refuse
// those that the host has taken back wherever they are. The first word of all files wins, sshd_config(5).
func sshdConfig(hostDir string) string {
	return "# The host's keys of the user, then the user's own; then those that are refused in both. See logis key on the host.\n" +
		"AuthorizedKeysFile " + path.Join(hostDir, AuthorizedKeys) + ".%u .ssh/authorized_keys\n" +
		"RevokedKeys " + path.Join(hostDir, RevokedKeys) + "\n"
}

// The files that sshd finds in Values.HostDir.
const (
	AuthorizedKeys = "authorized_keys" // with a dot and the owner's name behind it
	RevokedKeys    = "revoked_keys"    // without it, or where it cannot be read, nobody gets in
)

func (l *layer) addSiteFile(f File, v templateValues, users *accounts) error {
	uid, gid, err := users.owner(f.Owner)
	if err != nil {
		return err
	}
	name, err := v.expand(f.clean())
	if err != nil {
		return err
	}
	if err := checkPath(name); err != nil {
		return err
	}
	mode := fileMode(uint32(f.bits()))
	if f.directory() {
		return l.mkdir(relative(name), mode, uid, gid)
	}
	if f.Link != "" {
		return l.symlink(relative(name), f.Link, uid, gid)
	}
	content, err := v.expand(f.Content)
	if err != nil {
		return err
	}
	return l.writeFile(relative(name), []byte(content), mode, uid, gid)
}

func addData(ctx context.Context, from, to string, base uint32) error {
	src, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	return seed(ctx, src, dst, base)
}
