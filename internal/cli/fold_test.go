package cli

import "testing"

// fold fills paragraphs and leaves what is indented as it is, at the end of a text too.
func TestFold(t *testing.T) {
	const wide = "Watch what sites use of their limits and how they are visited: on a terminal until\nq or Ctrl-C."
	const folded = "Watch what sites use of their limits and how they are visited: on a terminal\nuntil q or Ctrl-C."
	for text, want := range map[string]string{
		wide:                       folded,
		wide + "\n\n  CPU  in use": folded + "\n\n  CPU  in use",
		"They are:\n  a  one\n  b  read\nand more": "They are:\n  a  one\n  b  read\nand more",
		"": "",
	} {
		if got := fold(text); got != want {
			t.Errorf("fold(%q) is\n%q, not\n%q", text, got, want)
		}
	}
}
