package image

import (
	"errors"
	"strings"
	"testing"
)

// A manifest out of an archive is not trusted: it cannot keep logisd busy, fill its memory, or say what no site file needs.
func TestTemplatesRefuse(t *testing.T) {
	for name, text := range map[string]string{
		"endless loop":     `{{range 9000000000000000}}{{end}}`,
		"doubling":         `{{$a := "x"}}` + strings.Repeat(`{{$a = print $a $a}}`, 24),
		"doubling inline":  `{{with .Name}}{{with print . .}}{{print . .}}{{end}}{{end}}`,
		"wide number":      `{{printf "%999999999d" 1}}`,
		"pipeline":         `{{.Name | printf "%s"}}`,
		"recursion":        `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`,
		"block":            `{{block "a" .}}{{end}}`,
		"definition alone": `{{define "a"}}x{{end}}`,
		"definition of it": `{{define ""}}{{range 9000000000000000}}{{end}}{{end}}`,
		"loop over a list": `{{range .Domains}}{{.}}{{end}}`,
		"condition":        `{{if .Name}}x{{end}}`,
		"number":           `{{1}}`,
		"text":             `{{"x"}}`,
		"dot":              `{{.}}`,
		"variable":         `{{$x := .Name}}`,
		"root":             `{{$.Name}}`,
		"method":           `{{.Gateway4.String}}`,
		"chain":            `{{(.Gateway4).String}}`,
		"parentheses":      `{{(.Name)}}`,
		"two arguments":    `{{.Name .Name}}`,
		"list":             `{{.Domains}}`,
		"all values":       `{{.Values}}`,
		"no such field":    `{{.Nmae}}`,
		"deep nesting":     strings.Repeat(`{{if 1}}`, maxTextFile/16),
		"many actions":     strings.Repeat(`{{.Name}}`, 1001),
	} {
		t.Run(name, func(t *testing.T) {
			const head = "name = \"a\"\nsuite = \"bookworm\"\n[[site_files]]\n"
			for key, manifest := range map[string]string{
				"content": head + "path = \"/a\"\ncontent = '''" + text + "'''\n",
				"path":    head + "path = '''/a" + text + "'''\n",
			} {
				if _, err := ParseManifest([]byte(manifest)); err == nil {
					t.Errorf("as %s it is accepted", key)
				} else if len(err.Error()) > 2*maxPath {
					t.Errorf("as %s its error has %d bytes", key, len(err.Error()))
				}
			}
		})
	}
}

func TestExpand(t *testing.T) {
	values, err := exampleValues().complete()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                              "",
		"plain }} {":                    "plain }} {",
		"a {{ .Name }}{{/* why */}}.":   "a al-ice.",
		"{{.Hostname}} {{- .Gateway6}}": "al-icefd83::1",
		"{{.Address4}}{{.Minute}}":      "10.83.0.258",
	} {
		if got, err := values.expand(text); err != nil || got != want {
			t.Errorf("%q is filled in as %q (%v), not %q", text, got, err, want)
		}
	}
	if _, err := values.expand(strings.Repeat("x", maxTextFile) + "{{.Name}}"); !errors.Is(err, errTooBig) {
		t.Errorf("more than 1 MiB came out: %v", err)
	}
}
