package image

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const smallManifest = `
name = "tiny"
suite = "bookworm"
packages = ["bash"]
reserved = "/var/lib/data"
owner_groups = ["adm"]

[[files]]
path = "/etc/tiny.conf"
mode = "0640"
owner = "root:adm"
content = "x"

[[site_files]]
path = "/home/{{.Name}}/www/"
owner = "${owner}"

[[site_files]]
path = "/etc/site.conf"
content = "name {{.Name}} from {{.Gateway4}}"

[[services]]
name = "web"
content = 'exec = ["/bin/true"]'
`

func TestParseManifest(t *testing.T) {
	m, err := ParseManifest([]byte(smallManifest))
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{Path: "/etc/tiny.conf", Mode: 0o640, Owner: "root:adm", Content: "x"}}
	if diff := cmp.Diff(want, m.Files); diff != "" {
		t.Error(diff)
	}
	if got := m.SiteFiles[0]; !got.directory() || got.bits() != 0o755 || got.clean() != "/home/{{.Name}}/www" {
		t.Errorf("the web root is read as %+v", got)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	const head = "name = \"a\"\nsuite = \"bookworm\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":           {head + "packges = []", `unknown key "packges"`},
		"unknown key in a list": {head + "[[files]]\npath = \"/a\"\nmod = \"1\"", `unknown key "files.mod"`},
		"name":                  {"name = \"../a\"\nsuite = \"bookworm\"", "name"},
		"suite":                 {"name = \"a\"\nsuite = \"-x\"", "suite"},
		"option as a package":   {head + `packages = ["-oDebug=1"]`, "package"},
		"relative path":         {head + "[[files]]\npath = \"etc/a\"", "absolute"},
		"line of an error":      {head + "suites = 1", "line 3"},
		"path that climbs":      {head + "[[site_files]]\npath = \"/etc/../a\"", "clean"},
		"mode":                  {head + "[[files]]\npath = \"/a\"\nmode = \"rw\"", "octal"},
		"twice":                 {head + "[[files]]\npath = \"/a\"\n[[files]]\npath = \"/a\"", "twice"},
		"owner of an image":     {head + "[[files]]\npath = \"/a\"\nowner = \"${owner}\"", "owner"},
		"template":              {head + "[[site_files]]\npath = \"/a\"\ncontent = \"{{\"", "/a"},
		"link of an image":      {head + "[[files]]\npath = \"/a\"\nlink = \"/b\"", "link"},
		"link that is relative": {head + "[[site_files]]\npath = \"/a\"\nlink = \"../b\"", "link"},
		"link with content":     {head + "[[site_files]]\npath = \"/a\"\nlink = \"/b\"\ncontent = \"c\"", "link"},
		"service without exec":  {head + "[[services]]\nname = \"a\"\ncontent = \"\"", "exec"},
		"service path":          {head + "[[services]]\nname = \"../a\"\ncontent = \"exec=['/a']\"", "service name"},
		"reserved":              {head + `reserved = "/"`, "reserved"},
		"line in an exclude":    {head + `exclude = ["/a\npath-include=/b"]`, "exclude"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseManifest([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not speak of %q", err, c.want)
			}
		})
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(smallManifest))
	f.Add([]byte("name = 1"))
	values, err := exampleValues().complete()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		for _, file := range append(m.Files, m.SiteFiles...) {
			if err := checkPath(file.clean()); err != nil {
				t.Errorf("accepted %q", file.Path)
			}
		}
		for _, file := range m.SiteFiles {
			if _, err := values.expand(file.Content); err != nil && !errors.Is(err, errTooBig) {
				t.Errorf("accepted %q, which cannot be filled in: %v", file.Content, err)
			}
		}
	})
}

func exampleValues() Values {
	return Values{
		Name: "al-ice", DatabasePassword: "correct-horse",
		Gateway4: netip.MustParseAddr("10.83.0.1"), Gateway6: netip.MustParseAddr("fd83::1"),
		Address4: netip.MustParseAddr("10.83.0.2"), Address6: netip.MustParseAddr("fd83::2"),
	}
}

// The templates of every embedded manifest can be filled in, and say what the contract says.
func TestEmbeddedTemplates(t *testing.T) {
	values, err := exampleValues().complete()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Embedded("lemp")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range m.SiteFiles {
		name, err := values.expand(f.Path)
		if err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		if texts[name], err = values.expand(f.Content); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
	}
	for name, want := range map[string]string{
		// SELECT PASSWORD('correct-horse') of MariaDB 10.11 says the same.
		"/etc/logis/mariadb-init.sql":        "IDENTIFIED VIA unix_socket OR mysql_native_password USING '*D4D16E8D614A8CBB98AE116E1B6CCBC823AEA715'",
		"/home/al-ice/.my.cnf":               "user = al-ice\npassword = correct-horse\n",
		"/etc/nginx/sites-available/default": "root /home/al-ice/www;",
		"/etc/nginx/conf.d/visitor.conf":     "set_real_ip_from 10.83.0.1;\nset_real_ip_from fd83::1;",
		"/etc/php/8.2/fpm/pool.d/site.conf":  "[site]\nuser = al-ice\n", // a site may be called global
	} {
		if !strings.Contains(texts[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, texts[name])
		}
	}
}

func TestValuesRefuse(t *testing.T) {
	for name, spoil := range map[string]func(*Values){
		"name with a slash":     func(v *Values) { v.Name = "a/b" },
		"name with a quote":     func(v *Values) { v.Name = "a`b" },
		"no gateway":            func(v *Values) { v.Gateway4 = netip.Addr{} },
		"zone":                  func(v *Values) { v.Gateway6 = netip.MustParseAddr("fe80::1%a;b") },
		"password with a quote": func(v *Values) { v.DatabasePassword = "abcdefgh'" },
		"domain with a space":   func(v *Values) { v.Domains = []string{"a b"} },
	} {
		t.Run(name, func(t *testing.T) {
			v := exampleValues()
			spoil(&v)
			if _, err := v.complete(); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}
