package config

import (
	"slices"
	"strings"
)

// allowed is what a key takes, in words; "" where there is no such key.
func allowed(key string) string {
	for _, r := range rules() {
		if r.key == key && r.allowed != "" {
			return r.allowed
		}
	}
	if keys := sections()[key]; key != "" && keys != nil {
		return "a section, [" + key + "], with " + strings.Join(keys, ", ")
	}
	return ""
}

// sections are the keys of each section; "" is the top of the file.
func sections() map[string][]string {
	all := map[string][]string{}
	for _, r := range rules() {
		if r.allowed != "" {
			section, name := split(r.key)
			all[section] = append(all[section], name)
		}
	}
	return all
}

func split(key string) (section, name string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

// suggest says what an unknown key or section was meant to be: one of that name in another section, one of a name much like
// it, and else what there is.
func suggest(key string) string {
	section, name := split(key)
	all := sections()
	var other []string
	for _, r := range rules() {
		if s, n := split(r.key); n == name && r.allowed != "" {
			other = append(other, place(s))
		}
	}
	if len(other) > 0 {
		return "it belongs " + strings.Join(other, " or ")
	}
	if all[section] == nil { // below [polo]
		return suggestSection(section)
	}
	names := slices.Clone(all[section])
	if section == "" {
		names = append(names, titles()...)
	}
	if near := nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	for _, r := range rules() { // of another section, misspelt
		if s, n := split(r.key); r.allowed != "" && distance(name, n) == 1 {
			return "did you mean " + n + " " + place(s) + "?"
		}
	}
	return place(section) + " there are " + strings.Join(names, ", ")
}

func suggestSection(name string) string {
	if near := nearest("["+name+"]", titles()); near != "" {
		return "did you mean " + near + "?"
	}
	return "the sections are " + strings.Join(titles(), ", ")
}

// place is where keys of a section are written.
func place(section string) string {
	if section == "" {
		return "at the top of the file"
	}
	return "below [" + section + "]"
}

// titles are the sections as they are written, in the order of the file.
func titles() []string {
	var all []string
	for _, r := range rules() {
		if s, _ := split(r.key); s != "" && !slices.Contains(all, "["+s+"]") {
			all = append(all, "["+s+"]")
		}
	}
	return all
}

// nearest is the word that name was most likely meant to be: two letters away at most, and not all of it; "" is none.
func nearest(name string, words []string) string {
	best, near := "", 3
	for _, w := range words {
		if d := distance(name, w); d < near && d < len(name) {
			best, near = w, d
		}
	}
	return best
}

// distance is the number of letters to change, insert or leave out between two words (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
