package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// programs of the package, whose modules' licences ask to be passed on with them.
var programs = []string{"usr/bin/logis", "usr/sbin/logisd", "usr/sbin/logis-proxy", "usr/lib/logis/logis-init", "usr/lib/logis/logis-probe"}

// noticesOf returns the licences and notices of Go and of every module that the programs are linked from, in order of
// module paths.
func noticesOf(tree string) ([]byte, error) {
	linked := map[string]string{} // module path: version
	for _, program := range programs {
		info, err := buildinfo.ReadFile(filepath.Join(tree, program))
		if err != nil {
			return nil, fmt.Errorf("read what is linked: %w", err)
		}
		for _, m := range info.Deps {
			linked[m.Path] = m.Version
		}
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("find Go: %w", err)
	}
	var b bytes.Buffer
	if err := appendNotices(&b, "Go", strings.TrimSpace(string(out))); err != nil {
		return nil, err
	}
	for _, module := range slices.Sorted(maps.Keys(linked)) {
		dir, err := moduleDir(module)
		if err == nil {
			err = appendNotices(&b, module+" "+linked[module], dir)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", module, err)
		}
	}
	return b.Bytes(), nil
}

// moduleDir finds a module's source, as the main module has it.
func moduleDir(module string) (string, error) {
	cmd := exec.Command("go", "list", "-m", "-json", module)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	return found.Dir, json.Unmarshal(out, &found)
}

// appendNotices appends the files at the top of a module that its licence is in. A module without any is an error: it
// could not be passed on.
func appendNotices(b *bytes.Buffer, title, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, e := range entries {
		if !isNotice(e) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(b, "==== %s: %s ====\n\n%s\n\n", title, e.Name(), bytes.TrimSpace(text))
	}
	if !found {
		return fmt.Errorf("no licence in %s", dir)
	}
	return nil
}

func isNotice(e fs.DirEntry) bool {
	name := strings.ToUpper(strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	return e.Type().IsRegular() && slices.Contains([]string{"LICENSE", "LICENCE", "UNLICENSE", "COPYING", "NOTICE", "PATENTS"}, name)
}
