// Package images holds the manifests of the images that logis can build by itself, embedded in the binary. It only
// carries their bytes: package internal/image reads and checks them.
package images

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.toml
var files embed.FS

// Manifest returns the TOML text of the embedded manifest of that name; fs.ErrNotExist is wrapped if there is none.
func Manifest(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".toml")
	if err != nil {
		return nil, fmt.Errorf("manifest of image %q: %w", name, fs.ErrNotExist)
	}
	return data, nil
}

// Names returns the names of the embedded manifests, sorted.
func Names() []string {
	entries, _ := files.ReadDir(".") // an embedded directory always reads
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	return names
}
