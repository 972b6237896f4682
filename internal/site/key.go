package site

import (
	"fmt"
	"slices"
	"strings"

	"github.com/logis-project/logis/internal/sshkey"
)

const (
	maxKeys    = 64
	maxRevoked = 128
)

// KeyChange is what became of keys of a site.
type KeyChange struct {
	Added   []sshkey.Key
	Changed []sshkey.Key // the site had them, with other options or another comment
	Present []sshkey.Key // the site had them as they are
	Removed []sshkey.Key
	Left    []sshkey.Key // all that the site has now
}

// Keys returns the keys that let the owner in. Of a line that is none, which another release may have taken, nothing but the
// line is known; it is named by that.
func (s Spec) Keys() []sshkey.Key {
	keys := make([]sshkey.Key, 0, len(s.SSHKeys))
	for _, line := range s.SSHKeys {
		key, err := sshkey.Parse(line)
		if err != nil && key.Public == "" {
			key = sshkey.Key{Line: line}
		}
		keys = append(keys, key)
	}
	return keys
}

// AddKeys returns a spec that has the keys of lines too. A key that it has gets the options and the comment of its new line.
// ErrInvalid says which line is no key, names one twice, or is one too many.
func (s Spec) AddKeys(lines []string) (Spec, KeyChange, error) {
	var change KeyChange
	change.Left = s.Keys()
	s.RevokedKeys = slices.Clone(s.RevokedKeys)
	asked := map[string]string{}
	for _, line := range lines {
		key, err := sshkey.Parse(line)
		if err != nil {
			return Spec{}, KeyChange{}, fmt.Errorf("%w: key %.40q: %w", ErrInvalid, line, err)
		}
		if before, twice := asked[key.Public]; twice && before != key.Line {
			return Spec{}, KeyChange{}, fmt.Errorf("%w: key %s is given twice, with other options or another comment: decide for one", ErrInvalid, key.Fingerprint)
		} else if twice {
			continue
		}
		asked[key.Public] = key.Line
		s.RevokedKeys = slices.DeleteFunc(s.RevokedKeys, func(public string) bool { return public == key.Public })
		i := slices.IndexFunc(change.Left, func(k sshkey.Key) bool { return k.Public == key.Public })
		switch {
		case i < 0:
			change.Left, change.Added = append(change.Left, key), append(change.Added, key)
		case change.Left[i].Line == key.Line:
			change.Present = append(change.Present, key)
		default:
			change.Left[i], change.Changed = key, append(change.Changed, key)
		}
	}
	if len(change.Left) > maxKeys {
		return Spec{}, KeyChange{}, fmt.Errorf("%w: a site has at most %d keys, this would be %d: remove some first", ErrInvalid, maxKeys, len(change.Left))
	}
	s.SSHKeys = linesOf(change.Left)
	return s, change, nil
}

// RemoveKeys returns a spec without the keys that which names, each by fingerprint or comment, and that refuses them wherever else
// they are written. ErrAbsent is one that the site has not, ErrInvalid a comment that several keys have.
func (s Spec) RemoveKeys(which []string) (Spec, KeyChange, error) {
	var change KeyChange
	change.Left = s.Keys()
	for _, name := range which {
		found := slices.DeleteFunc(s.Keys(), func(k sshkey.Key) bool {
			return name == "" || k.Fingerprint != name && k.Comment != name && k.Line != name
		})
		found = slices.CompactFunc(found, same) // an earlier release took a key twice
		switch {
		case len(found) == 0:
			return Spec{}, KeyChange{}, fmt.Errorf("%w: the site has no key with the fingerprint or comment %.100q: see logis key list %s", ErrAbsent, name, s.Name)
		case len(found) > 1:
			var candidates []string
			for _, k := range found {
				candidates = append(candidates, k.Fingerprint)
			}
			return Spec{}, KeyChange{}, fmt.Errorf("%w: %d keys have the comment %.100q: name one by its fingerprint: %s", ErrInvalid, len(found), name,
				strings.Join(candidates, ", "))
		}
		if slices.ContainsFunc(change.Removed, func(k sshkey.Key) bool { return same(k, found[0]) }) {
			continue // named twice
		}
		change.Removed = append(change.Removed, found[0])
		change.Left = slices.DeleteFunc(change.Left, func(k sshkey.Key) bool { return same(k, found[0]) })
	}
	s.SSHKeys, s.RevokedKeys = linesOf(change.Left), slices.Clone(s.RevokedKeys)
	for _, k := range change.Removed {
		if k.Public != "" { // else it is none that sshd takes; and it takes no key at all where that list has a line it cannot read
			s.RevokedKeys = append(s.RevokedKeys, k.Public)
		}
	}
	s.RevokedKeys = s.RevokedKeys[max(0, len(s.RevokedKeys)-maxRevoked):]
	return s, change, nil
}

// same tells whether two lines are of one key.
func same(a, b sshkey.Key) bool {
	return a.Public == b.Public && (a.Public != "" || a.Line == b.Line)
}

func linesOf(keys []sshkey.Key) []string {
	var lines []string
	for _, k := range keys {
		lines = append(lines, k.Line)
	}
	return lines
}
