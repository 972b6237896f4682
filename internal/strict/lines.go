package strict

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// Lines returns in which line each key of a text is set, from 1, and each section begins: "pool", "pool.size". A text that
// is no TOML has those before the place where it is not.
func Lines(text []byte) map[string]int {
	lines := map[string]int{}
	for _, s := range settings(text) {
		lines[s.key] = s.line
	}
	return lines
}

// setting is a key of a text, and what it is set to.
type setting struct {
	key   string
	line  int
	kind  string // of the value, as typeOf says it
	value string // as it is written, bounded
}

// settings lists the keys and sections of a text.
func settings(text []byte) []setting {
	r := reader{data: text}
	r.parser.Reset(text)
	var in []string
	for r.parser.NextExpression() {
		switch e := r.parser.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			key, line := r.key(e)
			in = key
			s := setting{key: strings.Join(in, "."), line: line, kind: section}
			s.value = "[" + s.key + "]"
			if e.Kind == unstable.ArrayTable {
				s.kind, s.value = sections, "["+s.value+"]"
			}
			r.found = append(r.found, s)
		case unstable.KeyValue:
			r.keyValue(in, e)
		}
	}
	return r.found
}

type reader struct {
	parser unstable.Parser
	data   []byte
	found  []setting
}

// key reads the parts of a key, and its line.
func (r *reader) key(n *unstable.Node) (parts []string, line int) {
	for it := n.Key(); it.Next(); {
		if parts == nil {
			line = r.parser.Shape(it.Node().Raw).Start.Line
		}
		parts = append(parts, string(it.Node().Data))
	}
	return parts, line
}

func (r *reader) keyValue(in []string, n *unstable.Node) {
	key, line := r.key(n)
	key = append(slices.Clip(in), key...)
	value := n.Value()
	s := setting{key: strings.Join(key, "."), line: line, kind: kindOf(value)}
	if value.Kind != unstable.InlineTable {
		s.value = r.written(n)
	}
	r.found = append(r.found, s)
	if value.Kind == unstable.InlineTable {
		for it := value.Children(); it.Next(); {
			r.keyValue(key, it.Node())
		}
	}
}

// longest is how many bytes of a value an error shows.
const longest = 60

// written is what follows the equals sign, up to the end of the line or of the value. Of a list there is no range, nor of
// what is in an inline table a line of its own: its scalars have one.
func (r *reader) written(n *unstable.Node) string {
	value := n.Value()
	raw := r.parser.Raw(value.Raw)
	if value.Kind == unstable.Array {
		var last *unstable.Node
		for it := n.Key(); it.Next(); {
			last = it.Node()
		}
		rest := r.data[int(last.Raw.Offset)+int(last.Raw.Length):]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest = rest[:end]
		}
		raw = bytes.TrimLeft(rest, " \t=")
		if end := bytes.LastIndexByte(raw, ']'); end >= 0 {
			raw = raw[:end+1]
		} else {
			raw = append(bytes.Clone(raw), '\n') // it goes on in the next line
		}
	}
	shown, _, more := strings.Cut(strings.TrimLeft(strings.ToValidUTF8(string(raw), "?"), " \t"), "\n")
	if len(shown) > longest {
		shown, more = strings.ToValidUTF8(shown[:longest], ""), true
	}
	if more {
		shown += "…"
	}
	return strings.TrimSpace(shown)
}

// kindOf says what a value is, in the words of typeOf where there are such.
func kindOf(n *unstable.Node) string {
	switch n.Kind {
	case unstable.String:
		return text
	case unstable.Bool:
		return truth
	case unstable.Integer:
		return whole
	case unstable.Float:
		return fraction
	case unstable.InlineTable:
		return section
	case unstable.Array:
		return listKind(n)
	}
	return date
}

// listKind is list or lists where all elements fit; an empty list is either, and called lists.
func listKind(n *unstable.Node) string {
	kind := ""
	for it := n.Children(); it.Next(); {
		switch of := kindOf(it.Node()); {
		case of == text && kind != lists:
			kind = list
		case of == list && kind != list:
			kind = lists
		default:
			return mixed
		}
	}
	if kind == "" {
		return lists
	}
	return kind
}
