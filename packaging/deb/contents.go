package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/files"
)

// packer fills a package: info gets the files of tree and those that only a package has. What it makes itself lies in
// scratch meanwhile.
type packer struct {
	tree, scratch string
	info          *nfpm.Info
	units         []string // that systemctl can enable
}

// docDir is where a package explains itself.
const docDir = "/usr/share/doc/logis/"

func (p *packer) fill() error {
	if err := fs.WalkDir(os.DirFS(p.tree), ".", p.addFile); err != nil {
		return fmt.Errorf("read tree: %w", err)
	}
	return errors.Join(p.addDocuments(), p.addFrom("../accounts", "/usr/lib/logis/accounts", 0o755), p.fillScripts())
}

// addFile adds a file of the tree. Directories follow from what lies in them.
func (p *packer) addFile(path string, entry fs.DirEntry, err error) error {
	if err != nil || entry.IsDir() {
		return err
	}
	if !entry.Type().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	source, target := filepath.Join(p.tree, path), "/"+path
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(path, "usr/share/man/"):
		return p.addCompressed(content, target+".gz")
	case strings.HasPrefix(path, "usr/lib/systemd/system/") && bytes.Contains(content, []byte("\n[Install]\n")):
		p.units = append(p.units, filepath.Base(path))
	}
	p.add(source, target, info.Mode().Perm())
	return nil
}

func (p *packer) add(source, target string, mode fs.FileMode) {
	kind := files.TypeFile
	if strings.HasPrefix(target, "/etc/") {
		kind = files.TypeConfig
	}
	p.info.Contents = append(p.info.Contents, &files.Content{
		Source: source, Destination: target, Type: kind,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: p.info.MTime},
	})
}

func (p *packer) addFrom(source, target string, mode fs.FileMode) error {
	if _, err := os.Stat(source); err != nil {
		return err
	}
	p.add(source, target, mode)
	return nil
}

// addCompressed adds what is made here, as gzip -9n would.
func (p *packer) addCompressed(content []byte, target string) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	source, err := p.write(target, b.Bytes(), 0o644)
	if err != nil {
		return err
	}
	p.add(source, target, 0o644)
	return nil
}

func (p *packer) write(name string, content []byte, mode fs.FileMode) (path string, err error) {
	path = filepath.Join(p.scratch, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, mode)
}

func (p *packer) addDocuments() error {
	markdown, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		return err
	}
	changes, err := debianChangelog(string(markdown), p.info.Name, p.info.Version, p.info.Maintainer, p.info.MTime)
	if err != nil {
		return fmt.Errorf("read CHANGELOG.md: %w", err)
	}
	// Of a version without Debian revision it is changelog.gz (Debian policy, 12.7).
	if err := p.addCompressed([]byte(changes), docDir+"changelog.gz"); err != nil {
		return err
	}
	notices, err := noticesOf(p.tree)
	if err != nil {
		return fmt.Errorf("collect licences: %w", err)
	}
	if err := p.addCompressed(notices, docDir+"third-party-licences.gz"); err != nil {
		return err
	}
	return errors.Join(
		p.addFrom("copyright", docDir+"copyright", 0o644),
		p.addFrom("lintian-overrides", "/usr/share/lintian/overrides/logis", 0o644),
	)
}

// fillScripts names the units in the maintainer scripts.
func (p *packer) fillScripts() error {
	slices.Sort(p.units)
	scripts := &p.info.Scripts
	for _, path := range []*string{&scripts.PostInstall, &scripts.PreRemove, &scripts.PostRemove} {
		content, err := os.ReadFile(*path)
		if err != nil {
			return err
		}
		filled := strings.ReplaceAll(string(content), "@UNITS@", strings.Join(p.units, " "))
		if *path, err = p.write(*path, []byte(filled), 0o755); err != nil {
			return err
		}
	}
	return nil
}
