package strict

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type settings struct {
	Name  string `toml:"name"`
	Table struct {
		Size  size   `toml:"size"`
		Other string `toml:"other"`
	} `toml:"table"`
}

type size int

func (s *size) UnmarshalText(text []byte) error {
	if string(text) != "small" {
		return fmt.Errorf("%q is no size", text)
	}
	*s = 1
	return nil
}

func TestUnmarshal(t *testing.T) {
	got := settings{Name: "default"}
	if err := Unmarshal([]byte("[table]\nsize = 'small'\n"), &got); err != nil {
		t.Fatal(err)
	}
	want := settings{Name: "default"}
	want.Table.Size = 1
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name = 'x'\n[table]\ncolour = 1\n": `line 3: unknown key "table.colour"`,
		"[table]\nsize = 'huge'\n":          `line 2: table.size: "huge" is no size`,
		"name = \n":                         "line 1: unexpected character U+000A at start of value",
	} {
		if err := Unmarshal([]byte(text), &settings{}); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
