// Package packaging tests what `make deb` builds. The builder itself is a module of its own, in deb.
package packaging

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/cli"
)

// epoch is the date that the package is to bear, in seconds: reproducible means that no other gets in.
const epoch = 1767225600

// makeDeb runs `make deb` beside what lies in bin and dist, and returns the path of the package.
func makeDeb(t *testing.T, umask string) string {
	t.Helper()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("there is no dpkg-deb to look into packages with")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "umask "+umask+` && exec make --silent -C .. deb "$@"`,
		"sh", "DIST="+dir, "BIN="+dir+"/bin", fmt.Sprintf("SOURCE_DATE_EPOCH=%d", epoch))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("make deb: %v: %s%s", err, out, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// member is what the tests compare of a file in the package.
type member struct {
	header  *tar.Header
	content []byte
}

// contents reads all files of a package, or of its control archive; directories are left out.
func contents(t *testing.T, deb, part string) map[string]member {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "dpkg-deb", part, deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]member{}
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", h.Name, h.Uid, h.Gid)
		}
		if h.ModTime.Unix() != epoch {
			t.Errorf("%s is of %v", h.Name, h.ModTime)
		}
		if h.Typeflag == tar.TypeDir {
			if h.Mode != 0o755 {
				t.Errorf("directory %s has mode %o", h.Name, h.Mode)
			}
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, ".")] = member{h, content}
	}
}

// units are the files that systemd reads, as they lie in the tree.
func units(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, kind := range []string{"*.service", "*.socket", "*.slice"} {
		found, err := filepath.Glob(kind)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		t.Fatal("no units")
	}
	return names
}

// commandPages are the pages that the commands should have.
func commandPages(c *cobra.Command) []string {
	pages := []string{strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"}
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			pages = append(pages, commandPages(sub)...)
		}
	}
	return pages
}

func TestPackage(t *testing.T) {
	deb := makeDeb(t, "022")
	files := contents(t, deb, "--fsys-tarfile")

	t.Run("files and modes", func(t *testing.T) {
		want := map[string]fs.FileMode{
			"/usr/bin/logis": 0o755, "/usr/sbin/logisd": 0o755, "/usr/sbin/logis-proxy": 0o755,
			"/usr/lib/logis/logis-init": 0o711, "/usr/lib/logis/logis-probe": 0o755, "/usr/lib/logis/accounts": 0o755,
			"/etc/logis/logis.toml":                           0o644,
			"/usr/share/bash-completion/completions/logis":    0o644,
			"/usr/share/fish/vendor_completions.d/logis.fish": 0o644,
			"/usr/share/zsh/vendor-completions/_logis":        0o644,
			"/usr/share/doc/logis/changelog.gz":               0o644,
			"/usr/share/doc/logis/copyright":                  0o644,
			"/usr/share/doc/logis/third-party-licences.gz":    0o644,
			"/usr/share/lintian/overrides/logis":              0o644,
			"/usr/share/man/man5/logis.toml.5.gz":             0o644,
			"/usr/share/man/man8/logisd.8.gz":                 0o644,
			"/usr/share/man/man8/logis-proxy.8.gz":            0o644,
		}
		for _, page := range commandPages(cli.Commands()) {
			want["/usr/share/man/man1/"+page+".gz"] = 0o644
		}
		for _, unit := range units(t) {
			want["/usr/lib/systemd/system/"+unit] = 0o644
		}
		got := map[string]fs.FileMode{}
		for name, f := range files {
			got[name] = fs.FileMode(f.header.Mode)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	})
	t.Run("compressed", func(t *testing.T) { testCompressed(t, files) })
	t.Run("control", func(t *testing.T) { testControl(t, deb) })
	t.Run("units", func(t *testing.T) { testUnits(t, files, contents(t, deb, "--ctrl-tarfile")) })
	t.Run("reproducible", func(t *testing.T) {
		first, err1 := os.ReadFile(deb)
		again := makeDeb(t, "077") // other directories, another umask, another time
		second, err2 := os.ReadFile(again)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if filepath.Base(deb) != filepath.Base(again) || !bytes.Equal(first, second) {
			t.Errorf("%s and %s differ", deb, again)
		}
	})
	t.Run("lintian", func(t *testing.T) {
		lintian, err := exec.LookPath("lintian")
		if err != nil {
			t.Skip("lintian is not installed")
		}
		out, err := exec.CommandContext(t.Context(), lintian, "--fail-on", "error,warning", deb).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// testCompressed: whole, and without a date of its own, which would differ from build to build.
func testCompressed(t *testing.T, files map[string]member) {
	for name, f := range files {
		if !strings.HasSuffix(name, ".gz") {
			continue
		}
		r, err := gzip.NewReader(bytes.NewReader(f.content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := io.ReadAll(r)
		if err != nil || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		if !r.ModTime.IsZero() || r.Name != "" {
			t.Errorf("%s bears %v, %q", name, r.ModTime, r.Name)
		}
		if strings.Contains(name, "/man/") && !bytes.HasPrefix(text, []byte(".TH ")) {
			t.Errorf("%s is no manual page: %.40q", name, text)
		}
	}
}

func testControl(t *testing.T, deb string) {
	fields := map[string]string{}
	for _, name := range []string{"Package", "Architecture", "Depends", "Recommends", "Section", "Version"} {
		out, err := exec.CommandContext(t.Context(), "dpkg-deb", "--field", deb, name).Output()
		if err != nil {
			t.Fatal(err)
		}
		fields[name] = strings.TrimSpace(string(out))
	}
	version := fields["Version"]
	if out, err := exec.CommandContext(t.Context(), "dpkg", "--validate-version", version).CombinedOutput(); err != nil {
		t.Errorf("version %q: %s", version, out)
	}
	if got, want := filepath.Base(deb), "logis_"+version+"_amd64.deb"; got != want {
		t.Errorf("it is called %s, want %s", got, want)
	}
	delete(fields, "Version")
	want := map[string]string{
		"Package": "logis", "Architecture": "amd64", "Section": "admin",
		"Depends":    "btrfs-progs, lxcfs, nftables, passwd",
		"Recommends": "debootstrap, debian-archive-keyring, gpgv, mount, ca-certificates",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	control := contents(t, deb, "--ctrl-tarfile")
	modes := map[string]fs.FileMode{}
	for name, f := range control {
		modes[name] = fs.FileMode(f.header.Mode)
	}
	if diff := cmp.Diff(map[string]fs.FileMode{
		"/control": 0o644, "/md5sums": 0o644, "/conffiles": 0o644, "/postinst": 0o755, "/prerm": 0o755, "/postrm": 0o755,
	}, modes); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if got := string(control["/conffiles"].content); got != "/etc/logis/logis.toml\n" {
		t.Errorf("conffiles %q", got)
	}
}

// execStart finds the programs that units start, without systemd's prefixes.
var execStart = regexp.MustCompile(`(?m)^Exec[A-Za-z]+=[-@:+!]*(/[^ \n]+)`)

// testUnits: what they start is in the package, and the maintainer scripts know those that can be enabled.
func testUnits(t *testing.T, files, control map[string]member) {
	var enabled []string
	for name, f := range files {
		if path.Dir(name) != "/usr/lib/systemd/system" {
			continue
		}
		if placeholder := regexp.MustCompile(`@[A-Z]+@`).Find(f.content); placeholder != nil {
			t.Errorf("%s still has %s", name, placeholder)
		}
		for _, match := range execStart.FindAllSubmatch(f.content, -1) {
			if _, ok := files[string(match[1])]; !ok && !strings.HasPrefix(string(match[1]), "/bin/") {
				t.Errorf("%s starts %s, which is not in the package", name, match[1])
			}
		}
		if bytes.Contains(f.content, []byte("\n[Install]\n")) {
			enabled = append(enabled, path.Base(name))
		}
	}
	slices.Sort(enabled)
	line := `units="` + strings.Join(enabled, " ") + `"`
	for _, script := range []string{"/postinst", "/prerm", "/postrm"} {
		if !bytes.Contains(control[script].content, []byte("\n"+line+"\n")) {
			t.Errorf("%s has no line %s:\n%s", script, line, control[script].content)
		}
	}
}

// TestBuilder runs the tests of the builder's module, which go test ./... does not reach.
func TestBuilder(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "./...")
	cmd.Dir = "deb"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
