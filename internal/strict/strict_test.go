package strict

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type sheet struct {
	Name  string `toml:"name"`
	Table struct {
		Size  size   `toml:"size"`
		Other string `toml:"other"`
	} `toml:"table"`
	Count int        `toml:"count"`
	Part  float64    `toml:"part"`
	On    bool       `toml:"on"`
	List  []string   `toml:"list"`
	Lists [][]string `toml:"lists"`
}

type size struct{ small bool }

func (s *size) UnmarshalText(text []byte) error {
	if string(text) != "small" {
		return fmt.Errorf("%q is no size", text)
	}
	s.small = true
	return nil
}

func TestUnmarshal(t *testing.T) {
	got := sheet{Name: "default"}
	if err := Unmarshal([]byte("[table]\nsize = 'small'\n"), &got); err != nil {
		t.Fatal(err)
	}
	want := sheet{Name: "default"}
	want.Table.Size.small = true
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(size{})); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name = 'x'\n[table]\ncolour = 1\n": `line 3: unknown key "table.colour"`,
		"[table]\nsize = 'huge'\n":          `line 2: table.size: "huge" is no size`,
		"name = \n":                         "line 1: unexpected character U+000A at start of value",
		"name = 'a'\nname = 'b'":            "line 2: name: is there twice",
		"[table]\n[table]":                  "line 2: table: is there twice",

		"count = 'one'":              "line 1: count: 'one' is text in quotes, not a whole number",
		"count = 1.5":                "line 1: count: 1.5 is a fraction, not a whole number",
		"count = true":               "line 1: count: true is a boolean, not a whole number",
		"count = 1979-05-27":         "line 1: count: 1979-05-27 is a date or a time, not a whole number",
		"part = '1'":                 "line 1: part: '1' is text in quotes, not a number",
		"on = 1":                     "line 1: on: 1 is a whole number, not true or false",
		"name = 3 # three":           "line 1: name: 3 is a whole number, not text in quotes",
		"list = 'a'":                 "line 1: list: 'a' is text in quotes, not a list of texts in quotes",
		"list = [1] # one":           "line 1: list: [1] is a list of other things, not a list of texts in quotes",
		"list = [\n'a',\n2]":         "line 3: list: [… is a list of other things, not a list of texts in quotes",
		"lists = ['a']":              "line 1: lists: ['a'] is a list of texts in quotes, not a list of lists of texts in quotes",
		"table = 1":                  "line 1: table: 1 is a whole number, not a section",
		"[name]\nx = 1":              "line 1: name: [name] is a section, not text in quotes",
		"[[table]]\nsize='small'":    "line 1: table: [[table]] is a list of sections, not a section",
		"[table]\nsize = 3":          "line 2: table.size: 3 is a whole number, not text in quotes",
		"table = {size = 3}":         "line 1: table.size: 3 is a whole number, not text in quotes",
		"table.size = 3":             "line 1: table.size: 3 is a whole number, not text in quotes",
		"list = ['" + a100 + "', 1]": "line 1: list: ['" + a100[:58] + "… is a list of other things, not a list of texts in quotes",
	} {
		if err := Unmarshal([]byte(text), &sheet{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

var a100 = strings.Repeat("a", 100)

func TestLines(t *testing.T) {
	got := Lines([]byte("# a comment\nname = 'x'\n[table]\n\nsize = 'small'\nmore = { a = 1, b.c = 2 }\n[[many]]\nlist = [\n1,\n2]\n= broken\nname = 2"))
	want := map[string]int{
		"name": 2, "table": 3, "table.size": 5, "table.more": 6, "table.more.a": 6, "table.more.b.c": 6, "many": 7, "many.list": 8,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("name = 'a'\n[table]\nsize = 3\nlist = [[1], {a = 2}]\n"))
	f.Add([]byte("a.b.'c d' = { x = [\n 1 ] }\n[[b]]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Lines(data)
		if err := Unmarshal(data, &sheet{}); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: more than one line: %v", data, err)
		}
	})
}
