package config

import (
	"slices"
	"strings"

	"github.com/logis-project/logis/internal/near"
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
	if like := near.Of(name, names); len(like) > 0 {
		return "did you mean " + like[0] + "?"
	}
	for _, r := range rules() { // of another section, misspelt
		if s, n := split(r.key); r.allowed != "" && len(near.Of(name, []string{n})) > 0 {
			return "did you mean " + n + " " + place(s) + "?"
		}
	}
	return place(section) + " there are " + strings.Join(names, ", ")
}

func suggestSection(name string) string {
	if like := near.Of("["+name+"]", titles()); len(like) > 0 {
		return "did you mean " + like[0] + "?"
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
