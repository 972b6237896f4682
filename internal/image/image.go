// Package image owns what sites share and how they differ from it: manifests, images built from them by debootstrap and
// apt, their export and import as one archive, and the personalising of a site's own layer from an image's templates.
//
// It is given directories and fills them: whether they are btrfs subvolumes, and who uses them, it does not know. It
// starts no container and touches no site that has run.
//
// An image directory holds rootfs/, the manifest it was made from (manifest.toml) and image.json, written last.
package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Names inside an image directory.
const (
	rootfsDir    = "rootfs"
	manifestFile = "manifest.toml"
	imageFile    = "image.json"
)

// maxTextFile bounds, in bytes, every small file that is read whole: manifests, image.json, an image's /etc/passwd.
const maxTextFile = 1 << 20

// maxPath is the longest path in bytes that Linux takes (PATH_MAX, less the final NUL).
const maxPath = 4095

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	suitePattern  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// Image is what image.json says.
type Image struct {
	Name      string    `json:"name"`
	Digest    string    `json:"digest"` // 12 hex digits of SHA-256 over manifest, package versions, apt sources and settings
	Suite     string    `json:"suite"`  // of Debian
	SizeBytes int64     `json:"size_bytes"`
	Packages  int       `json:"packages"`
	BuiltAt   time.Time `json:"built_at"`
	MinMemory int64     `json:"min_memory,omitempty"` // bytes that a site needs, so that its services hold out; 0 is not known
	Reserved  string    `json:"reserved"`             // path whose content lives in a site's data volume; "" is none
}

// Load reads DIR/image.json and checks it. A directory without one is no finished image: fs.ErrNotExist.
func Load(dir string) (Image, error) {
	data, err := readBounded(filepath.Join(dir, imageFile))
	if err != nil {
		return Image{}, fmt.Errorf("load image: %w", err)
	}
	return parseImage(data)
}

// RootFS returns the path of the root file system in an image directory.
func RootFS(dir string) string { return filepath.Join(dir, rootfsDir) }

func parseImage(data []byte) (Image, error) {
	var img Image
	if err := json.Unmarshal(data, &img); err != nil {
		return Image{}, fmt.Errorf("read %s: %w", imageFile, err)
	}
	return img, img.check()
}

func (img Image) check() error {
	switch {
	case !namePattern.MatchString(img.Name):
		return fmt.Errorf("%s: name %q is not of lower-case letters, digits and hyphens", imageFile, img.Name)
	case !digestPattern.MatchString(img.Digest):
		return fmt.Errorf("%s: digest %q is not 12 hex digits", imageFile, img.Digest)
	case !suitePattern.MatchString(img.Suite):
		return fmt.Errorf("%s: suite %q is not a suite of Debian", imageFile, img.Suite)
	case img.SizeBytes < 0 || img.Packages < 0 || img.MinMemory < 0:
		return fmt.Errorf("%s: a size is negative", imageFile)
	case img.Reserved != "":
		return checkPath(img.Reserved)
	}
	return nil
}

// write makes dir a finished image; the rename comes after everything else is in place.
func (img Image) write(dir string) error {
	data, err := json.MarshalIndent(img, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", imageFile, err)
	}
	return renameio.WriteFile(filepath.Join(dir, imageFile), append(data, '\n'), 0o644, renameio.WithTempDir(dir))
}

// checkPath accepts a path as manifests name it: absolute, clean, below the root.
func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || p == "/" || strings.ContainsAny(p, "\x00\n") || len(p) > maxPath {
		return fmt.Errorf("path %.200q is too long, or not absolute and clean", p)
	}
	return nil
}

// relative turns a checked path of the image into the name that os.Root takes.
func relative(p string) string { return strings.TrimPrefix(p, "/") }

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name)
}

func readAll(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxTextFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > maxTextFile {
		return nil, fmt.Errorf("read %s: %w", name, errTooBig)
	}
	return data, nil
}

var errTooBig = errors.New("file is larger than 1 MiB")
