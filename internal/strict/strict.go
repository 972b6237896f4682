// Package strict reads the TOML files of logis: an unknown key is an error, and every error is one line that names the key
// and the line. It is a leaf, used on the host and by PID 1 of every site, and knows no file of either.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Error is what is wrong with a text; it is one line.
type Error struct {
	Line    int    // from 1
	Key     string // with its sections, "pool.size"; "" where the text is no TOML
	Unknown bool   // there is no such key
	Value   string // of the key, as it is written, cut off where it is long; "" where there is none
	Wrong   string // what is wrong with it, in the words of TOML and not of Go
	Type    bool   // it is of the wrong type: Wrong says of which, and of which it is to be
}

// Error names line and key.
func (e *Error) Error() string {
	switch {
	case e.Unknown:
		return fmt.Sprintf("line %d: unknown key %q", e.Line, e.Key)
	case e.Key == "": // no TOML at all
		return fmt.Sprintf("line %d: %s", e.Line, e.Wrong)
	case e.Type:
		return fmt.Sprintf("line %d: %s: %s %s", e.Line, e.Key, e.Value, e.Wrong)
	}
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Key, e.Wrong)
}

// Unmarshal reads text over what v points to already holds. What is wrong with the text is an *Error.
func Unmarshal(data []byte, v any) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(v)
	if err == nil {
		return nil
	}
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(unknown.Errors) > 0 {
		row, _ := unknown.Errors[0].Position()
		return &Error{Line: row, Key: strings.Join(unknown.Errors[0].Key(), "."), Unknown: true}
	}
	wrong, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		if e := unquoted(data, v); e != nil {
			return e
		}
		return err
	}
	row, _ := wrong.Position()
	e := &Error{Line: row, Key: strings.Join(wrong.Key(), "."), Wrong: strings.TrimPrefix(wrong.Error(), "toml: ")}
	seen := false
	for _, s := range settings(data) {
		if s.key != e.Key || s.line > row {
			continue
		}
		if seen {
			return &Error{Line: row, Key: e.Key, Wrong: "is there twice"}
		}
		seen, e.Value = true, s.value
		if want := typeOf(fieldOf(reflect.TypeOf(v), wrong.Key())); want != "" && !takes(want, s.kind) {
			e.Wrong, e.Type = "is "+s.kind+", not "+want, true
		}
	}
	return e
}

// unquoted finds the value that the library took for text although it is not in quotes, and then could not read: of that
// it tells neither line nor key. It returns nil where there is none.
func unquoted(data []byte, v any) *Error {
	for _, s := range settings(data) {
		if s.kind != text && s.kind != section && typeOf(fieldOf(reflect.TypeOf(v), strings.Split(s.key, "."))) == text {
			return &Error{Line: s.line, Key: s.key, Value: s.value, Wrong: "is " + s.kind + ", not " + text, Type: true}
		}
	}
	return nil
}

// The types as a reader of the file knows them.
const (
	text    = "text in quotes"
	whole   = "a whole number"
	number  = "a number"
	boolean = "true or false"
	list    = "a list of texts in quotes"
	lists   = "a list of lists of texts in quotes"
	section = "a section"
)

// What a value can be beside that.
const (
	fraction = "a fraction"
	truth    = "a boolean"
	mixed    = "a list of other things"
	sections = "a list of sections"
	date     = "a date or a time"
)

// takes tells whether a value of a kind can be of a type, whatever is in it.
func takes(want, kind string) bool {
	return want == kind || want == number && (kind == whole || kind == fraction) || want == boolean && kind == truth
}

// typeOf says what a field takes; "" where there is no such field.
func typeOf(t reflect.Type) string {
	if t == nil {
		return ""
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()) {
		return text
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return boolean
	case reflect.Float32, reflect.Float64:
		return number
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.Slice:
			return lists
		case reflect.String:
			return list
		}
		return ""
	case reflect.Struct:
		return section
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
		return whole
	}
	return ""
}

// fieldOf finds the type of the field that a key leads to; nil where there is none.
func fieldOf(t reflect.Type, key []string) reflect.Type {
	for _, part := range key {
		for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
			t = t.Elem()
		}
		if t == nil || t.Kind() != reflect.Struct {
			return nil
		}
		t = named(t, part)
	}
	return t
}

func named(t reflect.Type, name string) reflect.Type {
	for f := range t.Fields() {
		if tag, _, _ := strings.Cut(f.Tag.Get("toml"), ","); tag == name {
			return f.Type
		}
	}
	return nil
}
