package image

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDeriveSecurity(t *testing.T) {
	for uri, want := range map[string]string{
		"http://mirror.example/debian":                   "http://mirror.example/debian-security",
		"https://mirror.example:8443/pub/debian":         "https://mirror.example:8443/pub/debian-security",
		"http://a.example/archive/debian/20250520T0000Z": "http://a.example/archive/debian-security/20250520T0000Z",
		"http://mirror.example/d":                        "",
	} {
		got, ok := deriveSecurity([]Source{{uri, "", []string{"main", "contrib"}}})
		if ok != (want != "") || ok && !cmp.Equal(got, Source{want, "-security", []string{"main", "contrib"}}) {
			t.Errorf("%s leads to %+v", uri, got)
		}
	}
}

// An image has a security archive, derived if the host names none, or the build warns.
func TestFetchLists(t *testing.T) {
	main := Source{"http://mirror.example/debian", "", []string{"main"}}
	other := Source{"http://mirror.example/packages", "", []string{"main"}}
	named := Source{"http://security.example", "-security", []string{"main"}}
	derived := Source{"http://mirror.example/debian-security", "-security", []string{"main"}}
	const unsigned = "deb http://mirror.example/debian bookworm main\n"
	for name, c := range map[string]struct {
		host    []Source
		suite   string
		own     string // the sources.list that debootstrap has written
		refused string // an archive that is not there
		want    []Source
		warns   bool
	}{
		"named":                     {host: []Source{main, named}, want: []Source{main, named}},
		"derived":                   {host: []Source{main}, want: []Source{main, derived}},
		"derived, and not there":    {host: []Source{main}, refused: derived.URI, want: []Source{main}, warns: true},
		"not to be derived":         {host: []Source{other}, want: []Source{other}, warns: true},
		"debootstrap's own":         {own: unsigned, want: []Source{main, derived}},
		"debootstrap's own, barren": {own: unsigned, refused: derived.URI, want: []Source{main}, warns: true},
		"nothing known":             {warns: true},
		"sid":                       {host: []Source{main}, suite: "sid", want: []Source{main}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, text := range map[string]string{
				"usr/lib/os-release": debianRelease, "etc/apt/sources.list": c.own, "etc/apt/sources.list.d/x": "",
			} {
				if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755),
					os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			suite := "bookworm"
			if c.suite != "" {
				suite = c.suite
			}
			b := &build{BuildOptions: BuildOptions{Manifest: Manifest{Suite: suite}}, sources: c.host}
			var out bytes.Buffer
			var seen string // by the last update
			err = b.fetchLists(t.Context(), root, &out, func() error {
				data, _ := os.ReadFile(filepath.Join(dir, sourcesFile))
				seen = string(data)
				if c.refused != "" && strings.Contains(seen, c.refused+"\n") {
					return errors.New("exit status 100")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(renderSources(c.want, suite), seen); diff != "" {
				t.Error(diff)
			}
			if warns := strings.Contains(out.String(), warnNoSecurity); warns != c.warns || (b.warning != "") != c.warns {
				t.Errorf("it warns %v (%q): %s", warns, b.warning, out.String())
			}
			_, err = os.Stat(filepath.Join(dir, "etc/apt/sources.list"))
			if left := err == nil; left != (len(c.want) == 0) {
				t.Errorf("debootstrap's list is left: %v", left)
			}
		})
	}
}

// A derived archive that fails is one thing, an archive that fails another.
func TestFetchListsFails(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.MkdirAll("etc/apt/sources.list.d", 0o755); err != nil {
		t.Fatal(err)
	}
	offline := errors.New("offline")
	b := &build{
		BuildOptions: BuildOptions{Manifest: Manifest{Suite: "bookworm"}},
		sources:      []Source{{"http://mirror.example/debian", "", []string{"main"}}},
	}
	if err := b.fetchLists(t.Context(), root, &bytes.Buffer{}, func() error { return offline }); !errors.Is(err, offline) {
		t.Errorf("the error is %v", err)
	}
}

func TestDigest(t *testing.T) {
	of := func(change func(*build)) string {
		b := &build{
			BuildOptions: BuildOptions{Manifest: Manifest{Suite: "bookworm", raw: []byte("a")}},
			packages:     "bash\t5",
			sources:      []Source{{"http://mirror.example/debian", "", []string{"main"}}},
			settings:     []aptSetting{{"Acquire::Check-Date", "false"}},
		}
		change(b)
		return b.digest()
	}
	same := of(func(*build) {})
	if !digestPattern.MatchString(same) {
		t.Errorf("it is %q", same)
	}
	for name, change := range map[string]func(*build){
		"manifest": func(b *build) { b.Manifest.raw = []byte("b") },
		"packages": func(b *build) { b.packages = "bash\t6" },
		"border":   func(b *build) { b.Manifest.raw, b.packages = []byte("abash"), "\t5" },
		"sources":  func(b *build) { b.sources[0].URI = "http://second.example/debian" },
		"settings": func(b *build) { b.settings[0].value = "true" },
	} {
		if of(change) == same {
			t.Errorf("other %s, same digest", name)
		}
	}
	if of(func(b *build) {
		b.settings = append(b.settings, aptSetting{"Acquire::http::Proxy", "http://127.0.0.1:1"})
	}) != same {
		t.Error("a proxy that only the build uses changes the digest")
	}
}
