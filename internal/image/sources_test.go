package image

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const debianRelease = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n"

func TestHostSources(t *testing.T) {
	main := []string{"main"}
	for name, c := range map[string]struct {
		files map[string]string
		want  []Source
	}{
		"one line each": {
			files: map[string]string{"etc/apt/sources.list": `
# deb http://commented.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian/ bookworm main contrib # the first
deb http://second.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://mirror.example/debian bookworm-updates main
deb http://security.example/ bookworm-security main
deb http://mirror.example/debian bookworm-backports main
`},
			want: []Source{
				{"http://mirror.example/debian", "", []string{"main", "contrib"}},
				{"https://mirror.example/debian", "-updates", main},
				{"http://security.example", "-security", main},
			},
		},
		"deb822": {
			files: map[string]string{"etc/apt/sources.list.d/debian.sources": `Types: deb deb-src
# a comment inside a stanza
URIs: http://mirror.example/debian
Suites: bookworm
  bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
suites: bookworm-security
components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
`},
			want: []Source{
				{"http://mirror.example/debian", "", main},
				{"http://mirror.example/debian", "-updates", main},
				{"http://mirror.example/debian-security", "-security", main},
			},
		},
		"third parties": {
			files: map[string]string{
				"etc/apt/sources.list": "deb [signed-by=/etc/apt/keyrings/x.asc] http://x.example/linux/debian bookworm main\n" +
					"deb http://php.example/php bookworm main\n" +
					"deb http://user:secret@mirror.example/debian bookworm main\n" +
					"deb file:/srv/debian bookworm main\n",
				"etc/apt/sources.list.d/y.sources": "Types: deb\nURIs: http://y.example/debian\nSuites: bookworm\nComponents: main\n" +
					"Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n -----END PGP PUBLIC KEY BLOCK-----\n",
				"etc/apt/sources.list.d/z.sources.disabled": "Types: deb\nURIs: http://z.example/debian\nSuites: bookworm\nComponents: main\n",
			},
		},
		"security alone is no system": {
			files: map[string]string{"etc/apt/sources.list": "deb http://mirror.example/debian-security bookworm-security main\n"},
		},
		"stable by that name": {
			files: map[string]string{"etc/apt/sources.list": "deb http://mirror.example/debian stable main\n"},
			want:  []Source{{"http://mirror.example/debian", "", main}},
		},
		"a cloud image's list of mirrors": {
			files: map[string]string{
				"etc/apt/sources.list":        "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main\n",
				"etc/apt/mirrors/debian.list": "# nearest first\nhttps://mirror.example/debian priority:1\n",
			},
			want: []Source{{"https://mirror.example/debian", "", main}},
		},
		"another system's archives": {
			files: map[string]string{
				"usr/lib/os-release":   "ID=other\nVERSION_CODENAME=bookworm\n",
				"etc/apt/sources.list": "deb http://mirror.example/debian bookworm main\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			host := fstest.MapFS{"usr/lib/os-release": {Data: []byte(debianRelease)}}
			for path, text := range c.files {
				host[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if diff := cmp.Diff(c.want, HostSources(host)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderSources(t *testing.T) {
	got := renderSources([]Source{{"http://a.example/debian", "", []string{"main"}}, {"http://b.example", "-security", []string{"main", "contrib"}}}, "trixie")
	want := `Types: deb
URIs: http://a.example/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://b.example
Suites: trixie-security
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzHostSources(f *testing.F) {
	f.Add("deb [a=b] http://mirror.example/debian bookworm main", "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\n")
	f.Add("deb [", " x\n#\nURIs")
	f.Fuzz(func(t *testing.T, list, stanzas string) {
		sources := HostSources(fstest.MapFS{
			"usr/lib/os-release":               {Data: []byte(debianRelease)},
			"etc/apt/sources.list":             {Data: []byte(list)},
			"etc/apt/sources.list.d/a.sources": {Data: []byte(stanzas)},
		})
		// What was read is written into every site, and must come back the same.
		again := parseDeb822([]byte(renderSources(sources, "bookworm")))
		if len(again) != len(sources) {
			t.Fatalf("%d sources came back as %d: %+v", len(sources), len(again), sources)
		}
		for i, s := range sources {
			if diff := cmp.Diff([]string{s.URI}, again[i].uris); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	const dump = `APT "";
Acquire::http "";
Acquire::http::Proxy "http://127.0.0.1:3142";
Acquire::https::Proxy "http://proxy.example:3128/";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "none";
`
	got := parseSettings(dump)
	want := []aptSetting{
		{"Acquire::http::Proxy", "http://127.0.0.1:3142"},
		{"Acquire::https::Proxy", "http://proxy.example:3128/"},
		{"Acquire::Check-Valid-Until", "false"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(aptSetting{})); diff != "" {
		t.Error(diff)
	}
	if p := proxy(got, "http"); p != "http://127.0.0.1:3142" {
		t.Errorf("the build's proxy is %q", p)
	}
	if diff := cmp.Diff(want[1:], forSites(got), cmp.AllowUnexported(aptSetting{})); diff != "" {
		t.Errorf("a site is given what it cannot reach: %s", diff)
	}
	for _, bad := range []string{"http://localhost:8080", "http://[::1]:8080", "http://a:b@proxy.example", "http://0.0.0.0:1"} {
		if left := forSites([]aptSetting{{"Acquire::http::Proxy", bad}}); len(left) > 0 {
			t.Errorf("a site is given proxy %s", bad)
		}
	}
}
