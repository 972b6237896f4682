package image

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxActions bounds what one text can make the parser of templates allocate: it takes kilobytes for an action that opens
// another, and recurses.
const maxActions = 1000

// parseTemplate prepares a text of a manifest. Manifests come in archives that are not trusted, so of text/template there
// is text and {{.Field}} and nothing else: what loops, calls or remembers could run for ever or fill the memory. A field
// that Values lacks is an error here already.
func parseTemplate(text string) (*template.Template, error) {
	if n := strings.Count(text, "{{"); n > maxActions {
		return nil, fmt.Errorf("%d template actions are more than %d", n, maxActions)
	}
	trees, err := parse.Parse("", text, "", "")
	if err != nil {
		return nil, err
	}
	tree := trees[""]
	if len(trees) != 1 || tree == nil || tree.Root == nil {
		return nil, fmt.Errorf("a template defines another")
	}
	for _, node := range tree.Root.Nodes {
		if node.Type() != parse.NodeText && !isField(node) {
			return nil, fmt.Errorf("template has %.100q: only {{.Field}} of a site is allowed", node)
		}
	}
	return template.New("").AddParseTree("", tree)
}

// isField reports whether node is {{.Field}}, of a field with one value.
func isField(node parse.Node) bool {
	action, ok := node.(*parse.ActionNode)
	if !ok || len(action.Pipe.Decl) != 0 || len(action.Pipe.Cmds) != 1 || len(action.Pipe.Cmds[0].Args) != 1 {
		return false
	}
	field, ok := action.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(field.Ident) != 1 {
		return false
	}
	f, ok := reflect.TypeFor[templateValues]().FieldByName(field.Ident[0])
	return ok && !f.Anonymous && f.Type.Kind() != reflect.Slice
}

// expand executes one text of a manifest.
func (v templateValues) expand(text string) (string, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return "", err
	}
	var b boundedBuffer
	if err := t.Execute(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// boundedBuffer refuses to grow past maxTextFile.
type boundedBuffer struct{ bytes.Buffer }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxTextFile {
		return 0, errTooBig
	}
	return b.Buffer.Write(p)
}
