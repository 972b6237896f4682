package engine

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/pool"
)

// rootLayers are the overlay of a site's root: its own layer over the image.
func rootLayers(imageDir string, dir pool.SiteDir) container.Layers {
	return container.Layers{
		Lower: image.RootFS(imageDir), Upper: filepath.Join(dir.Root, "upper"), Work: filepath.Join(dir.Root, "work"),
	}
}

// dataLayers are the overlay of a site's data volume, over nothing.
func dataLayers(dir pool.SiteDir) container.Layers {
	return container.Layers{
		Lower: filepath.Join(dir.Data, "empty"), Upper: filepath.Join(dir.Data, "upper"), Work: filepath.Join(dir.Data, "work"),
	}
}

// makeLayers makes the directories of both in a new site's subvolumes.
func makeLayers(dir pool.SiteDir) error {
	root, data := rootLayers("", dir), dataLayers(dir)
	for _, path := range []string{root.Upper, root.Work, data.Lower, data.Upper, data.Work} {
		if err := os.Mkdir(path, 0o755); err != nil {
			return fmt.Errorf("make layer: %w", err)
		}
	}
	return nil
}
