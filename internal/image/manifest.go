package image

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/logis-project/logis/images"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/strict"
)

// OwnerVariable stands for the site's own user in a manifest.
const OwnerVariable = "${owner}"

// serviceDir is where logis-init reads an image's services.
const serviceDir = "/etc/logis/services"

var (
	packagePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	userPattern    = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
)

// Manifest describes an image: what it is built from, and what a site made from it gets of its own.
type Manifest struct {
	Name        string    `toml:"name"`
	Description string    `toml:"description"`
	Suite       string    `toml:"suite"`        // of Debian
	Packages    []string  `toml:"packages"`     // installed without recommends
	Exclude     []string  `toml:"exclude"`      // dpkg path globs left out, beside docs, man pages and locales
	Remove      []string  `toml:"remove"`       // paths removed after the packages are in
	MinMemory   Bytes     `toml:"min_memory"`   // of a site, so that its services hold out; 0 is not known
	Reserved    string    `toml:"reserved"`     // directory whose content lives in a site's data volume
	OwnerGroups []string  `toml:"owner_groups"` // further groups of a site's own user
	Files       []File    `toml:"files"`        // laid down in the image
	Commands    []Command `toml:"commands"`     // run in the image after that
	SiteFiles   []File    `toml:"site_files"`   // templates ({{.Field}} of Values) laid down in a site's layer
	Services    []Service `toml:"services"`

	raw []byte
}

// File is one file or, where Path ends with a slash, one directory.
type File struct {
	Path    string `toml:"path"`
	Mode    Mode   `toml:"mode"`  // 0644 for files and 0755 for directories if absent
	Owner   string `toml:"owner"` // "user" or "user:group" of the image, "${owner}", or "" for root
	Content string `toml:"content"`
	Link    string `toml:"link"` // absolute path: the file is a symbolic link to it; of a site's files only
}

// Command is a shell script run as root inside the image while it is built.
type Command struct {
	Name   string `toml:"name"`
	Script string `toml:"script"`
}

// Service is one file of /etc/logis/services, read by logis-init.
type Service struct {
	Name    string `toml:"name"`
	Content string `toml:"content"`
}

// Mode is permission bits with setuid, setgid and sticky, written in octal: "0644".
type Mode uint32

// UnmarshalText reads the octal form.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 12)
	if err != nil {
		return fmt.Errorf("mode %q is not octal, such as \"0644\"", text)
	}
	*m = Mode(n)
	return nil
}

// Bytes is a quantity such as "128MiB".
type Bytes int64

// UnmarshalText reads the quantity.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := quantity.Parse(string(text))
	*b = Bytes(n)
	return err
}

// directory reports whether f is one.
func (f File) directory() bool { return strings.HasSuffix(f.Path, "/") }

// clean returns the path without the slash that marks a directory.
func (f File) clean() string { return strings.TrimSuffix(f.Path, "/") }

// bits returns the mode with its default filled in.
func (f File) bits() Mode {
	switch {
	case f.Mode != 0:
		return f.Mode
	case f.directory():
		return 0o755
	}
	return 0o644
}

// ParseManifest reads a manifest and checks all of it; an unknown key is an error that names it.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if len(data) > maxTextFile {
		return Manifest{}, fmt.Errorf("manifest: %w", errTooBig)
	}
	if err := strict.Unmarshal(data, &m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	m.raw = bytes.Clone(data)
	if err := m.check(); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// Embedded returns the manifest of that name that logis carries; fs.ErrNotExist is wrapped if there is none.
func Embedded(name string) (Manifest, error) {
	data, err := images.Manifest(name)
	if err != nil {
		return Manifest{}, err
	}
	return ParseManifest(data)
}

// EmbeddedNames returns the names Embedded knows, sorted.
func EmbeddedNames() []string { return images.Names() }

// LoadManifest reads the manifest that the image in dir was made from.
func LoadManifest(dir string) (Manifest, error) {
	data, err := readBounded(filepath.Join(dir, manifestFile))
	if err != nil {
		return Manifest{}, fmt.Errorf("load manifest: %w", err)
	}
	return ParseManifest(data)
}

func (m Manifest) check() error {
	if !namePattern.MatchString(m.Name) {
		return fmt.Errorf("name %q is not of lower-case letters, digits and hyphens", m.Name)
	}
	if !suitePattern.MatchString(m.Suite) {
		return fmt.Errorf("suite %q is not a suite of Debian", m.Suite)
	}
	for _, p := range m.Packages {
		if !packagePattern.MatchString(p) {
			return fmt.Errorf("package %q is not a package name", p)
		}
	}
	for _, glob := range m.Exclude {
		if !path.IsAbs(glob) || strings.ContainsAny(glob, "\n") {
			return fmt.Errorf("exclude %q is not an absolute glob", glob)
		}
	}
	for _, p := range m.Remove {
		if err := checkPath(p); err != nil {
			return fmt.Errorf("remove: %w", err)
		}
	}
	if m.Reserved != "" {
		if err := checkPath(m.Reserved); err != nil {
			return fmt.Errorf("reserved: %w", err)
		}
	}
	for _, g := range m.OwnerGroups {
		if !userPattern.MatchString(g) {
			return fmt.Errorf("owner group %q is not a group name", g)
		}
	}
	for _, c := range m.Commands {
		if c.Name == "" || c.Script == "" {
			return errors.New("a command needs a name and a script")
		}
	}
	if err := checkFiles("file", m.Files, false); err != nil {
		return err
	}
	if err := checkFiles("site file", m.SiteFiles, true); err != nil {
		return err
	}
	return m.checkServices()
}

func (m Manifest) checkServices() error {
	seen := map[string]bool{}
	for _, s := range m.Services {
		if !namePattern.MatchString(s.Name) || seen[s.Name] {
			return fmt.Errorf("service name %q is malformed or there twice", s.Name)
		}
		seen[s.Name] = true
		var c struct {
			Exec []string `toml:"exec"`
		}
		if err := toml.Unmarshal([]byte(s.Content), &c); err != nil {
			return fmt.Errorf("service %s: %w", s.Name, err)
		}
		if len(c.Exec) == 0 || !path.IsAbs(c.Exec[0]) {
			return fmt.Errorf("service %s: exec needs an absolute path", s.Name)
		}
	}
	return nil
}

// checkFiles checks files; those of a site may be templates, in path and in content, and may belong to its owner.
func checkFiles(kind string, files []File, ofSite bool) error {
	seen := map[string]bool{}
	for _, f := range files {
		if err := checkPath(f.clean()); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if seen[f.clean()] {
			return fmt.Errorf("%s %s is there twice", kind, f.Path)
		}
		seen[f.clean()] = true
		if f.directory() && f.Content != "" {
			return fmt.Errorf("%s %s is a directory and has content", kind, f.Path)
		}
		if f.Link != "" && (!ofSite || f.directory() || f.Content != "" || f.Mode != 0 || checkPath(f.Link) != nil) {
			return fmt.Errorf("%s %s: link is the absolute path that a file of a site points to, without content and mode", kind, f.Path)
		}
		user, group, _ := strings.Cut(f.Owner, ":")
		for _, name := range []string{user, group} {
			if name != "" && !userPattern.MatchString(name) && (!ofSite || name != OwnerVariable) {
				return fmt.Errorf("%s %s: owner %q is not a user name", kind, f.Path, f.Owner)
			}
		}
		if !ofSite {
			continue
		}
		for _, text := range []string{f.Path, f.Content} {
			if _, err := parseTemplate(text); err != nil {
				return fmt.Errorf("%s %s: %w", kind, f.Path, err)
			}
		}
	}
	return nil
}
