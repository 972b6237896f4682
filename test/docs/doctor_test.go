package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTroubleshooting holds docs/troubleshooting.md against what doctor can say, as the code has it: each requirement and each
// finding has an entry, a heading in backquotes with … for what varies, and no entry is about what doctor no longer says.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, m := range regexp.MustCompile("(?m)^### `(.*)`$").FindAllStringSubmatch(string(text), -1) {
		entries = append(entries, m[1])
	}
	said := doctorSays(t)
	if len(said) < 50 {
		t.Errorf("only %d lines of doctor were found in the code: %q", len(said), said)
	}
	for _, line := range said {
		if !slices.Contains(entries, line) {
			t.Errorf("doctor says %q: docs/troubleshooting.md needs an entry for it, \"### `%[1]s`\"", line)
		}
	}
	for _, e := range entries {
		if !slices.Contains(said, e) {
			t.Errorf("docs/troubleshooting.md has an entry %q, which doctor does not say", e)
		}
	}
}

// doctorSays reads from the code the names of requirements and the lines of findings, with … for what varies.
func doctorSays(t *testing.T) []string {
	t.Helper()
	lines := map[string]bool{}
	for dir, collect := range map[string]func(*ast.File, func(ast.Expr)){
		"../../internal/require": requirements, "../../internal/engine": findings,
		"../../internal/network": faults, "../../internal/pool": faults,
	} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		constants := map[string]string{}
		var parsed []*ast.File
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
			for _, d := range f.Decls {
				constantsOf(d, constants)
			}
		}
		for _, f := range parsed {
			collect(f, func(e ast.Expr) {
				if line := render(e, constants); strings.Trim(line, Ellipsis+" ") != "" {
					lines[line] = true
				}
			})
		}
	}
	var all []string
	for l := range lines {
		all = append(all, l)
	}
	slices.Sort(all)
	return all
}

// requirements are what is put into a Check as its name: a constant or variable what, or the first argument of what makes one.
func requirements(f *ast.File, found func(ast.Expr)) {
	makers := []string{"ok", "warning", "missing", "failed", "space", "fileSystem"}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if name.Name == "what" && i < len(n.Values) {
					found(n.Values[i])
				}
			}
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "what" && n.Tok == token.DEFINE {
				found(n.Rhs[0])
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && slices.Contains(makers, name.Name) && len(n.Args) > 0 {
				found(n.Args[0])
			}
		case *ast.CompositeLit:
			foundWhat(n, "Check", found)
		}
		return true
	})
}

// findings are what the engine says of host and records, and what it adds to the requirements.
func findings(f *ast.File, found func(ast.Expr)) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			foundWhat(n, "Finding", found)
			foundWhat(n, "Check", found)
			if array, ok := n.Type.(*ast.ArrayType); ok && name(array.Elt) == "Finding" {
				for _, e := range n.Elts { // the type is left out
					if lit, ok := e.(*ast.CompositeLit); ok && lit.Type == nil {
						foundWhat(&ast.CompositeLit{Type: array.Elt, Elts: lit.Elts}, "Finding", found)
					}
				}
			}
		case *ast.CallExpr:
			if name(n.Fun) == "Room" && len(n.Args) > 0 {
				found(n.Args[0])
			}
		}
		return true
	})
}

// faults are lines that a driver's Check returns: they are appended to faults, or returned as the only ones.
func faults(f *ast.File, found func(ast.Expr)) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(strings.ToLower(fn.Name.Name), "check") {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name(n.Fun) == "append" && len(n.Args) == 2 && name(n.Args[0]) == "faults" && !n.Ellipsis.IsValid() {
					found(n.Args[1])
				}
			case *ast.ReturnStmt:
				for _, r := range n.Results {
					if lit, ok := r.(*ast.CompositeLit); ok && len(lit.Elts) == 1 {
						found(lit.Elts[0])
					}
				}
			}
			return true
		})
	}
}

// foundWhat passes on the field What of a literal of that type.
func foundWhat(lit *ast.CompositeLit, of string, found func(ast.Expr)) {
	if lit.Type == nil || name(lit.Type) != of {
		return
	}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && name(kv.Key) == "What" {
			found(kv.Value)
		}
	}
}

// name is what an expression is called, without its package.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func constantsOf(d ast.Decl, into map[string]string) {
	gen, ok := d.(*ast.GenDecl)
	if !ok || gen.Tok != token.CONST {
		return
	}
	for _, s := range gen.Specs {
		spec := s.(*ast.ValueSpec) // of a const declaration
		for i, n := range spec.Names {
			if i < len(spec.Values) {
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					into[n.Name], _ = strconv.Unquote(lit.Value)
				}
			}
		}
	}
}

var verb = regexp.MustCompile(`%[-+# 0-9.\[\]]*[a-zA-Z]`)

// render writes a string expression, with … for what is known only when it runs.
func render(e ast.Expr, constants map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil {
			return Ellipsis
		}
		return text
	case *ast.BinaryExpr:
		return render(e.X, constants) + render(e.Y, constants)
	case *ast.Ident:
		if text, ok := constants[e.Name]; ok {
			return text
		}
	case *ast.CallExpr:
		if name(e.Fun) == "Sprintf" {
			return strings.ReplaceAll(verb.ReplaceAllString(render(e.Args[0], constants), Ellipsis), "….…", Ellipsis)
		}
	}
	return Ellipsis
}
