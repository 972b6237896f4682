package client_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/logis-project/logis"

// outside is a program of another module.
const outside = `package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"` + module + `/api"
	"` + module + `/client"
)

func main() {
	c := client.New(os.Args[1])
	defer c.Close()
	_, err := c.Create(context.Background(), api.CreateRequest{Name: "alice"})
	if errors.Is(err, client.ErrUnreachable) {
		fmt.Println("no daemon")
	}
}
`

// TestOutsideModule builds and runs a program of a module of its own, which has client and api and not one module more: no
// network, and nothing in its go.sum.
func TestOutsideModule(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.org/outside\n\ngo 1.26\n\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n",
		"main.go": outside,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goRun := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if got := goRun("run", ".", dir+"/none"); got != "no daemon\n" {
		t.Errorf("the program says %q", got)
	}
	for dep := range strings.Lines(goRun("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")) {
		switch strings.TrimSpace(dep) {
		case "", "example.org/outside", module + "/api", module + "/client", module + "/internal/frame":
		default:
			t.Errorf("the program links %s", dep)
		}
	}
}

// TestPublicNames: what is exported speaks of no type that another module cannot name.
func TestPublicNames(t *testing.T) {
	for _, pkg := range []string{"api", "client"} {
		out, err := exec.CommandContext(t.Context(), "go", "doc", "-all", module+"/"+pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go doc: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			declares := strings.HasPrefix(line, "func ") || strings.HasPrefix(line, "type ") || strings.HasPrefix(line, "\t")
			if declares && (strings.Contains(line, "internal/") || strings.Contains(line, "frame.")) {
				t.Errorf("package %s exports %s", pkg, line)
			}
		}
	}
}
