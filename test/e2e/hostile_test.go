//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestHostileImport imports archives that want something of the host: each is refused in one line, and nothing of it is
// left, neither in the pool nor anywhere else.
func TestHostileImport(t *testing.T) {
	h := newHouse(t)
	h.logis(t, "image", "remove", "lemp")
	before := h.settled(t)
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	link := func(kind byte, name, target string) tar.Header {
		return tar.Header{Name: name, Typeflag: kind, Linkname: target, Mode: 0o777}
	}
	capable := file("rootfs/ping")
	capable.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}
	device := tar.Header{Name: "rootfs/disk", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: 7}
	foreign := file("rootfs/mine")
	foreign.Uid = 1 << 20
	for name, headers := range map[string][]tar.Header{
		"climbs":             {file("rootfs/../../escape")},
		"absolute":           {file("/etc/escape")},
		"through a link":     {link(tar.TypeSymlink, "rootfs/out", "/etc"), file("rootfs/out/escape")},
		"hard link out":      {link(tar.TypeLink, "rootfs/passwd", "/etc/passwd")},
		"device":             {device},
		"pipe":               {{Name: "rootfs/pipe", Typeflag: tar.TypeFifo}},
		"file capability":    {capable},
		"foreign owner":      {foreign},
		"newline":            {file("rootfs/a\nlogis: done")},
		"second description": {file("image.json")},
	} {
		t.Run(name, func(t *testing.T) {
			path := h.path("hostile.tar.zst")
			if err := os.WriteFile(path, hostileArchive(t, headers), 0o600); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(path)
			var stderr strings.Builder
			cmd := h.command("image", "import", path)
			cmd.Stderr = &stderr
			err := cmd.Run()
			if err == nil || cmd.ProcessState.ExitCode() != 2 || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "logis: ") {
				t.Errorf("%v: %q", err, stderr.String())
			}
			for _, escaped := range []string{"/etc/escape", h.path("state/pool/escape"), h.path("state/escape")} {
				if _, err := os.Lstat(escaped); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s: %v", escaped, err)
				}
			}
		})
	}
	h.compare(t, before)
}

// hostileArchive begins as a good one does.
func hostileArchive(t *testing.T, headers []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := func(name, content string) {
		err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text("image.json", `{"name":"hostile","digest":"0123456789ab","suite":"bookworm","built_at":"2026-01-02T03:04:05Z"}`)
	text("manifest.toml", "name = \"hostile\"\nsuite = \"bookworm\"\n")
	for _, header := range append([]tar.Header{{Name: "rootfs/", Typeflag: tar.TypeDir, Mode: 0o755}}, headers...) {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b.Bytes(), nil)
}
