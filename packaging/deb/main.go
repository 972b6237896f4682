// Command deb makes the Debian package of a tree that `make install` filled: deb TREE DIR writes DIR/logis_VERSION_ARCH.deb
// and prints its path. The version is what the tree's logisd says it is, the date SOURCE_DATE_EPOCH; the same tree and
// date give the same bytes. It is a module of its own, so that no program of logis links what it needs.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("deb: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: deb TREE DIR, in packaging/deb")
	}
	path, err := build(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stdout, path)
}

func build(tree, dir string) (_ string, err error) {
	date, err := sourceDate()
	if err != nil {
		return "", err
	}
	version, err := treeVersion(tree)
	if err != nil {
		return "", err
	}
	config, err := nfpm.ParseFileWithEnvMapping("nfpm.yaml", func(string) string { return version })
	if err != nil {
		return "", fmt.Errorf("read nfpm.yaml: %w", err)
	}
	info, err := config.Get("deb")
	if err != nil {
		return "", err
	}
	info.MTime = date

	scratch, err := os.MkdirTemp("", "logis-deb-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	p := packer{tree: tree, scratch: scratch, info: info}
	if err := p.fill(); err != nil {
		return "", err
	}
	return write(info, dir)
}

// write writes the package under a name of its own first: there is never half a package.
func write(info *nfpm.Info, dir string) (string, error) {
	path := filepath.Join(dir, deb.Default.ConventionalFileName(info))
	f, err := os.CreateTemp(dir, ".deb-")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	err = errors.Join(deb.Default.Package(info, f), f.Chmod(0o644), f.Close())
	if err != nil {
		return "", fmt.Errorf("make package: %w", err)
	}
	return path, os.Rename(f.Name(), path)
}

// sourceDate is the date of everything in the package. See https://reproducible-builds.org/specs/source-date-epoch/
func sourceDate() (time.Time, error) {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// treeVersion asks the daemon of the tree: package and programs cannot disagree.
func treeVersion(tree string) (string, error) {
	out, err := exec.Command(filepath.Join(tree, "usr/sbin/logisd"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask logisd for its version: %w", err)
	}
	return debianVersion(strings.TrimPrefix(strings.TrimSpace(string(out)), "logisd "))
}
