package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Section is a table of the file; the one without a name is its top.
type Section struct {
	Name string // "pool"; "" is the top of the file
	Text string // of the whole section, or ""
	Keys []Key
}

// Key is what there is to know about one key. Text is plain: paragraphs are parted by an empty line.
type Key struct {
	Name, Text string
	Default    string // as it is written in the file: "\"20GiB\"", "1.0", "[]"
}

// Reference returns every key of the file in the order of Config. The commented file, logis.toml(5) and the reference in docs are made
// from it.
func Reference() ([]Section, error) {
	d := reflect.ValueOf(Default())
	top := Section{}
	var sections []Section
	for i := range d.NumField() {
		field, name := d.Field(i), d.Type().Field(i).Tag.Get("toml")
		if name == "-" {
			continue
		}
		if field.Kind() != reflect.Struct {
			key, err := describe("", name, field)
			if err != nil {
				return nil, err
			}
			top.Keys = append(top.Keys, key)
			continue
		}
		s := Section{Name: name, Text: sectionTexts[name]}
		for j := range field.NumField() {
			key, err := describe(name+".", field.Type().Field(j).Tag.Get("toml"), field.Field(j))
			if err != nil {
				return nil, err
			}
			s.Keys = append(s.Keys, key)
		}
		sections = append(sections, s)
	}
	return append([]Section{top}, sections...), nil
}

// describe finds the text of a key and writes its default.
func describe(section, name string, v reflect.Value) (Key, error) {
	text, ok := keyTexts[section+name]
	if !ok {
		return Key{}, fmt.Errorf("the key %s%s has no description", section, name)
	}
	value, err := literal(v)
	if err != nil {
		return Key{}, fmt.Errorf("%s%s: %w", section, name, err)
	}
	return Key{Name: name, Text: text, Default: value}, nil
}

// literal writes a value as TOML has it.
func literal(v reflect.Value) (string, error) {
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		text, err := m.MarshalText()
		return strconv.Quote(string(text)), err
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String()), nil
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint32:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float64:
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text, nil
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			item, err := literal(v.Index(i))
			if err != nil {
				return "", err
			}
			items = append(items, item)
		}
		return "[" + strings.Join(items, ", ") + "]", nil
	default:
		return "", fmt.Errorf("a %s is not written in this file", v.Kind())
	}
}
