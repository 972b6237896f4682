package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

const tinyImage = `{"name":"tiny","digest":"0123456789ab","suite":"bookworm","size_bytes":1,"packages":2,"built_at":"2026-01-02T03:04:05Z","reserved":"/data"}`

const tinyManifest = "name = \"tiny\"\nsuite = \"bookworm\"\nreserved = \"/data\"\n"

// dirOf returns a small image directory. Its owner is whoever runs the test.
func dirOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"rootfs/bin", "rootfs/data"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{imageFile: tinyImage, manifestFile: tinyManifest, "rootfs/bin/a": "hello"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, rootfsDir)
	err := errors.Join(
		os.Chmod(filepath.Join(root, "bin/a"), 0o755|fs.ModeSetuid),
		os.Chtimes(filepath.Join(root, "bin/a"), time.Unix(1e9, 0), time.Unix(1e9, 0)),
		os.Link(filepath.Join(root, "bin/a"), filepath.Join(root, "bin/b")),
		os.Symlink("/etc/../bin/a", filepath.Join(root, "link")),
		os.Chmod(filepath.Join(root, "data"), 0o700|fs.ModeSticky),
	)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExportImport(t *testing.T) {
	from, to := dirOf(t), t.TempDir()
	var archive, again bytes.Buffer
	if err := Export(t.Context(), from, &archive); err != nil {
		t.Fatal(err)
	}
	if err := Export(t.Context(), from, &again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(archive.Bytes(), again.Bytes()) {
		t.Error("two exports of one image differ")
	}
	img, err := Import(t.Context(), ImportOptions{Archive: &archive, Dir: to})
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(to)
	if err != nil {
		t.Fatal(err)
	}
	want := Image{
		Name: "tiny", Digest: "0123456789ab", Suite: "bookworm", SizeBytes: 5, Packages: 2,
		BuiltAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Reserved: "/data",
	}
	if diff := cmp.Diff(want, img); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, loaded); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(treeOf(t, from), treeOf(t, to)); diff != "" {
		t.Error(diff)
	}
	a, _ := os.Stat(filepath.Join(to, "rootfs/bin/a"))
	b, _ := os.Stat(filepath.Join(to, "rootfs/bin/b"))
	if !os.SameFile(a, b) || a.ModTime() != time.Unix(1e9, 0) {
		t.Error("the hard link or the time is lost")
	}
}

// treeOf lists a root file system: names, modes, contents and link targets.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	root := filepath.Join(dir, rootfsDir)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += " " + string(content)
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			text += " -> " + target
		}
		tree[strings.TrimPrefix(name, root)] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// entry is one entry of an archive made by hand, owned by whoever runs the test.
type entry struct {
	tar.Header
	content string
}

func dirEntry(name string) entry {
	return entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

func fileEntry(name, content string) entry {
	return entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}, content: content}
}

func linkEntry(kind byte, name, target string) entry {
	return entry{Header: tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o777}}
}

// begin is how every good archive begins.
func begin() []entry {
	return []entry{fileEntry(imageFile, tinyImage), fileEntry(manifestFile, tinyManifest), dirEntry("rootfs/"), dirEntry("rootfs/data/")}
}

func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	return compress(t, tarOf(t, entries...))
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.Uid == 0 && e.Gid == 0 {
			e.Uid, e.Gid = os.Getuid(), os.Getgid()
		}
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestImportRefusesIncompleteArchives(t *testing.T) {
	whole := archiveOf(t, append(begin(), fileEntry("rootfs/a", strings.Repeat("some text ", 1000)))...)
	random := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	long := archiveOf(t, append(begin(), fileEntry("rootfs/a", string(random)))...)
	for name, data := range map[string][]byte{
		"empty":        nil,
		"not zstd":     []byte("hello"),
		"cut":          whole[:len(whole)-20],
		"cut early":    whole[:len(whole)/2],
		"cut in file":  long[:len(long)/2],
		"rubbish last": append(bytes.Clone(whole), "rubbish"...),
		"no root":      archiveOf(t, begin()[:2]...),
		"no reserved":  archiveOf(t, begin()[:3]...),
		"no manifest":  archiveOf(t, fileEntry(imageFile, tinyImage), dirEntry("rootfs/")),
		"other name":   archiveOf(t, fileEntry(imageFile, tinyImage), fileEntry(manifestFile, "name = \"b\"\nsuite = \"b\"\n")),
		"odd name":     archiveOf(t, fileEntry(imageFile, strings.Replace(tinyImage, "tiny", "../x", 1))),
		"no json":      archiveOf(t, fileEntry(imageFile, "{")),
		"bad manifest": archiveOf(t, fileEntry(imageFile, tinyImage), fileEntry(manifestFile, "x = 1")),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Import(t.Context(), ImportOptions{Archive: bytes.NewReader(data), Dir: t.TempDir()}); !errors.Is(err, ErrArchive) {
				t.Errorf("error %v is not ErrArchive", err)
			}
		})
	}
}

func TestImportEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Import(ctx, ImportOptions{Archive: bytes.NewReader(archiveOf(t, begin()...)), Dir: t.TempDir()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v is not the context's", err)
	}
}

func rootOf(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func compress(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(data, nil)
}
