package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/logis-project/logis/internal/strict"
)

// Source says where a configuration was read.
type Source struct {
	Path  string
	lines map[string]int // of keys and sections; a key that has its default is in none
}

// At is where a key is set, "/etc/logis/logis.toml:7"; of one that has its default, the file.
func (s Source) At(key string) string {
	path := cmp.Or(s.Path, "logis.toml")
	if line := s.lines[key]; line > 0 {
		return fmt.Sprintf("%s:%d", path, line)
	}
	return path
}

// Error is what is wrong with a configuration; it is one line, "FILE:LINE: KEY: WHAT: ALLOWED".
type Error struct {
	At      string // file and line
	Key     string // with its section; "" where the file is no TOML
	What    string // is wrong
	Allowed string // and what is not
}

func (e *Error) Error() string {
	parts := slices.DeleteFunc([]string{e.At, e.Key, e.What, e.Allowed}, func(part string) bool { return part == "" })
	return strings.Join(parts, ": ")
}

// Load reads path over the defaults. A missing file is an error unless path is DefaultPath. What is wrong in the file is an
// *Error, an unknown key too.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && path == DefaultPath {
		c := Default()
		c.Source.Path = path
		return c, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w: name the file with --config", err)
	}
	return parse(path, data)
}

// Parse reads a configuration over the defaults and checks it. In errors it is called logis.toml.
func Parse(data []byte) (Config, error) { return parse("", data) }

func parse(path string, data []byte) (Config, error) {
	c := Default()
	c.Source = Source{Path: path, lines: strict.Lines(data)}
	err := strict.Unmarshal(data, &c)
	if wrong, ok := errors.AsType[*strict.Error](err); ok {
		return Config{}, c.Source.explain(wrong)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", c.Source.At(""), err)
	}
	return c, c.check()
}

// explain puts what strict found into the words of the keys.
func (s Source) explain(wrong *strict.Error) *Error {
	e := &Error{At: fmt.Sprintf("%s:%d", s.At(""), wrong.Line), Key: wrong.Key, What: wrong.Wrong}
	switch {
	case wrong.Unknown && s.isSection(wrong.Key):
		e.What, e.Allowed = "unknown section", suggestSection(wrong.Key)
	case wrong.Unknown:
		e.What, e.Allowed = "unknown key", suggest(wrong.Key)
	case wrong.Type:
		e.What, e.Allowed = wrong.Value+" "+wrong.Wrong, allowed(wrong.Key)
	case wrong.Value != "":
		e.What, e.Allowed = wrong.Value+" is not allowed", allowed(wrong.Key)
	}
	return e
}

// isSection tells whether a key of the file has keys below it.
func (s Source) isSection(key string) bool {
	for k := range s.lines {
		if len(k) > len(key) && k[:len(key)+1] == key+"." {
			return true
		}
	}
	return false
}

// check returns what the rules say of the first key that one of them refuses.
func (c Config) check() error {
	for _, r := range rules() {
		if r.wrong == nil {
			continue
		}
		if what := r.wrong(c); what != "" {
			key := r.blamed(c.Source)
			return &Error{At: c.Source.At(key), Key: key, What: what, Allowed: allowed(key)}
		}
	}
	return nil
}
