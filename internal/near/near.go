// Package near finds what somebody may have meant who mistyped a word. It is a leaf: names of sites and images in logisd, flags
// in the command line.
package near

import (
	"cmp"
	"slices"
	"strings"
)

const (
	farthest = 2  // letters changed, added, taken out or swapped
	most     = 3  // words to choose from: more are no help
	longest  = 64 // bytes of a word that is compared: the work grows with the square
)

// Of returns the words that are like one, nearest first: those that differ from it by two letters at most and by less than
// half of it, and those that begin with it.
func Of(word string, words []string) []string {
	if word == "" || len(word) > longest {
		return nil
	}
	type found struct {
		word string
		far  int
	}
	var like []found
	lower := strings.ToLower(word)
	for _, w := range words {
		if len(w) > longest || w == word {
			continue
		}
		far := distance(lower, strings.ToLower(w))
		switch {
		case far <= farthest && 2*far < len(word):
		case len(word) > 2 && strings.HasPrefix(w, lower):
			far = farthest + 1
		default:
			continue
		}
		like = append(like, found{w, far})
	}
	slices.SortFunc(like, func(a, b found) int { return cmp.Or(a.far-b.far, strings.Compare(a.word, b.word)) })
	var out []string
	for _, f := range like[:min(most, len(like))] {
		out = append(out, f.word)
	}
	return out
}

// Hint is " (did you mean alice or alina?)", to follow a word that is not among others; "" where none of them is like it.
func Hint(word string, words []string) string {
	like := Of(word, words)
	if len(like) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(like, " or ") + "?)"
}

// distance is how many letters must be changed, added, taken out or swapped with their neighbour to make one word the other
// (Damerau and Levenshtein, optimal string alignment).
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			now[j+1] = min(last[j]+change, last[j+1]+1, now[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
