package near

import (
	"slices"
	"testing"
)

func TestOf(t *testing.T) {
	words := []string{"alice", "bob", "carol", "alina", "shop-of-dan", "a"}
	for word, want := range map[string][]string{
		"alcie":  {"alice"}, // swapped
		"alic":   {"alice"}, // one short
		"Alice":  {"alice", "alina"},
		"bobb":   {"bob"},
		"shop":   {"shop-of-dan"}, // begins with it
		"bo":     nil,             // half of a word is nobody's
		"nobody": nil,
		"x":      nil,
		"":       nil,
		"alice":  {"alina"}, // what is there was not mistyped
	} {
		if got := Of(word, words); !slices.Equal(got, want) {
			t.Errorf("Of(%q) = %q, want %q", word, got, want)
		}
	}
	if got := Of("site-00", []string{"site-01", "site-02", "site-03", "site-04"}); len(got) != most {
		t.Errorf("to choose from: %q", got)
	}
	if got := Hint("alcie", words); got != " (did you mean alice?)" {
		t.Errorf("Hint: %q", got)
	}
	if got := Hint("nobody", words); got != "" {
		t.Errorf("Hint of nothing: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "acbd", 1}, {"same", "same", 0}} {
		if got := distance(tc.a, tc.b); got != tc.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}
