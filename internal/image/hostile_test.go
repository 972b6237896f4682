package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Nothing that such an archive names may be seen outside of the directory it is imported into.
func TestHostileArchives(t *testing.T) {
	withOwner := fileEntry("rootfs/a", "")
	withOwner.Uid, withOwner.Gid = 65536, 1
	withCapability := fileEntry("rootfs/a", "")
	withCapability.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01"}
	opaque := fileEntry("rootfs/a", "")
	opaque.PAXRecords = map[string]string{"SCHILY.xattr.trusted.overlay.redirect": "/etc"}
	large := fileEntry("rootfs/a", "")
	large.PAXRecords = map[string]string{"SCHILY.xattr.user.a": strings.Repeat("x", maxXattrs)}
	var deep []entry
	for i := range 70 {
		deep = append(deep, dirEntry("rootfs"+strings.Repeat("/d", i+1)+"/"))
	}
	for name, entries := range map[string][]entry{
		"climbs":                   {fileEntry("rootfs/../../escape", "x")},
		"absolute":                 {fileEntry("/escape", "x")},
		"beside the root":          {fileEntry("escape", "x")},
		"name that begins alike":   {fileEntry("rootfs2", "x")},
		"through a link":           {linkEntry(tar.TypeSymlink, "rootfs/out", "../.."), fileEntry("rootfs/out/escape", "x")},
		"through an absolute link": {linkEntry(tar.TypeSymlink, "rootfs/out", "/"), fileEntry("rootfs/out/escape", "x")},
		"over a link":              {linkEntry(tar.TypeSymlink, "rootfs/out", "../../escape"), fileEntry("rootfs/out", "x")},
		"directory over a link":    {linkEntry(tar.TypeSymlink, "rootfs/out", "../.."), dirEntry("rootfs/out/")},
		"hard link out":            {linkEntry(tar.TypeLink, "rootfs/passwd", "/etc/passwd")},
		"hard link that climbs":    {linkEntry(tar.TypeLink, "rootfs/passwd", "rootfs/../../secret")},
		"hard link to a link":      {linkEntry(tar.TypeSymlink, "rootfs/out", "../../secret"), linkEntry(tar.TypeLink, "rootfs/b", "rootfs/out")},
		"second image.json":        {fileEntry(imageFile, tinyImage)},
		"twice":                    {fileEntry("rootfs/a", "x"), fileEntry("rootfs/a", "y")},
		"no directory":             {fileEntry("rootfs/none/a", "x")},
		"character device":         {{Header: tar.Header{Typeflag: tar.TypeChar, Name: "rootfs/a", Devmajor: 1, Devminor: 3}}},
		"block device":             {{Header: tar.Header{Typeflag: tar.TypeBlock, Name: "rootfs/a", Devmajor: 8}}},
		"pipe":                     {{Header: tar.Header{Typeflag: tar.TypeFifo, Name: "rootfs/a"}}},
		"foreign owner":            {withOwner},
		"file capability":          {withCapability},
		"mark of overlayfs":        {opaque},
		"large attributes":         {large},
		"name with a newline":      {fileEntry("rootfs/a\nb", "")},
		"name with an escape":      {fileEntry("rootfs/\x1b[2J", "")},
		"long name":                {fileEntry("rootfs/"+strings.Repeat("d/../", 900)+"a", "")},
		"longer than a path":       {dirEntry("rootfs/" + strings.Repeat("a", 4090) + "/")},
		"deep":                     deep,
		"link without a target":    {linkEntry(tar.TypeSymlink, "rootfs/out", "")},
		"link with a long target":  {linkEntry(tar.TypeSymlink, "rootfs/out", strings.Repeat("a", 4096))},
		"directory as image.json":  {dirEntry(imageFile)},
	} {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			dir := filepath.Join(outside, "image")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := Import(t.Context(), ImportOptions{Archive: bytes.NewReader(archiveOf(t, append(begin(), entries...)...)), Dir: dir})
			if !errors.Is(err, ErrArchive) {
				t.Errorf("error %v is not ErrArchive", err)
			}
			if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Error("it can be loaded as an image")
			}
			left, err := os.ReadDir(outside)
			if err != nil || len(left) != 1 {
				t.Errorf("outside of the image: %v %v", left, err)
			}
		})
	}
}

func TestHostileBombs(t *testing.T) {
	zeros := strings.Repeat("\x00", 2<<20)
	small := limits{bytes: 1 << 20, entries: 8, names: 1000, depth: 64, window: 64 << 20}
	many := begin()
	for i := range 10 {
		many = append(many, fileEntry("rootfs/"+string(rune('a'+i)), ""))
	}
	halves := begin()
	for _, name := range []string{"rootfs/a", "rootfs/b"} {
		halves = append(halves, fileEntry(name, zeros[:600<<10]))
	}
	names := begin()
	for i := range 4 {
		names = append(names, fileEntry("rootfs/"+strings.Repeat(string(rune('a'+i)), 250), ""))
	}
	for name, entries := range map[string][]entry{
		"two halves":     halves,
		"long names":     names,
		"one big file":   append(begin(), fileEntry("rootfs/a", zeros)),
		"many files":     many,
		"big image.json": {fileEntry(imageFile, zeros)},
		"big manifest":   {fileEntry(imageFile, tinyImage), fileEntry(manifestFile, zeros)},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := unpack(t.Context(), bytes.NewReader(archiveOf(t, entries...)), rootOf(t, t.TempDir()), small)
			if !errors.Is(err, ErrArchive) {
				t.Errorf("error %v is not ErrArchive", err)
			}
		})
	}
}

// A window that the decompressor would have to hold in memory.
func TestHostileWindow(t *testing.T) {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithWindowSize(128<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(tarOf(t, append(begin(), fileEntry("rootfs/a", strings.Repeat("some text ", 1<<20)))...)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Flush(), z.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(t.Context(), ImportOptions{Archive: &b, Dir: t.TempDir()}); !errors.Is(err, ErrArchive) || !strings.Contains(err.Error(), "window") {
		t.Errorf("a window of 128 MiB: %v", err)
	}
}

// Setuid stays, for inside of a site it is a site's own id; who is not root may not make a file another's.
func TestImportKeepsSetuid(t *testing.T) {
	suid := fileEntry("rootfs/su", "x")
	suid.Mode = 0o4755
	dir := t.TempDir()
	if _, err := Import(t.Context(), ImportOptions{Archive: bytes.NewReader(archiveOf(t, append(begin(), suid)...)), Dir: dir}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "rootfs/su"))
	if err != nil || info.Mode()&fs.ModeSetuid == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add(tarOf(f, begin()...))
	f.Add(tarOf(f, append(begin(), linkEntry(tar.TypeSymlink, "rootfs/out", "../.."), fileEntry("rootfs/out/escape", "x"))...))
	// The fuzzer changes the tar, for it could hardly get the compressed form right.
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "image")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, _, _ = extract(t.Context(), bytes.NewReader(data), rootOf(t, dir), limits{bytes: 1 << 20, entries: 64, names: 64 << 10, depth: 64})
		left, err := os.ReadDir(outside)
		if err != nil || len(left) != 1 {
			t.Errorf("outside of the image: %v %v", left, err)
		}
	})
}

// FuzzImportCompressed is for the decompressor in front of it.
func FuzzImportCompressed(f *testing.F) {
	whole := archiveOf(f, append(begin(), fileEntry("rootfs/a", strings.Repeat("some text ", 100)))...)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		most := limits{bytes: 1 << 20, entries: 64, names: 64 << 10, depth: 64, window: 8 << 20}
		_, _, _ = unpack(t.Context(), bytes.NewReader(data), rootOf(t, dir), most)
	})
}
