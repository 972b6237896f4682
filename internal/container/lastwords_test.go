package container

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLastWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"logis-init: set up: no\n":       "logis-init: set up: no",
		"first\nsecond\n":                "first second",
		"\x1b[2Ja\x00b\x9bc\u0085d\xffe": "[2Ja b c d e",
		"panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n": "panic: boom",
		strings.Repeat("x", 600) + "end":                       strings.Repeat("x", 509) + "end",
		strings.Repeat("ü", 300) + "e":                         strings.Repeat("ü", 255) + "e",
	} {
		if got := lastWords(text); got != want {
			t.Errorf("of %.40q: %q, want %q", text, got, want)
		}
	}
}

func FuzzLastWords(f *testing.F) {
	f.Add("logis-init: \x1b]0;title\a\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := lastWords(text)
		if len(got) > maxLastWords || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' }) {
			t.Errorf("%q", got)
		}
	})
}
