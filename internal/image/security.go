package image

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
)

// warnNoSecurity is what a build says of an image whose apt has no security archive.
const warnNoSecurity = "warning: no security archive is known: image and sites get no security updates; add one to the host's apt sources and build again"

// lacksSecurity reports whether sources have no security archive though the suite has one. sid has none: fixes enter it
// directly.
func lacksSecurity(sources []Source, suite string) bool {
	return suite != "sid" && suite != "unstable" &&
		!slices.ContainsFunc(sources, func(s Source) bool { return s.Pocket == "-security" })
}

// deriveSecurity returns where a mirror laid out as Debian's own has its security archive: in debian-security beside
// debian. Whether it is there, apt finds out.
func deriveSecurity(sources []Source) (Source, bool) {
	if len(sources) == 0 {
		return Source{}, false
	}
	u, err := url.Parse(sources[0].URI)
	if err != nil {
		return Source{}, false
	}
	elements := strings.Split(u.Path, "/")
	i := slices.Index(elements, "debian")
	if i < 0 {
		return Source{}, false
	}
	elements[i] = "debian-security"
	u.Path, u.RawPath = strings.Join(elements, "/"), ""
	return Source{URI: u.String(), Pocket: "-security", Components: sources[0].Components}, true
}

// fetchLists makes the image's apt know the archives and fetches their lists. A security archive that the sources do not
// name is tried where deriveSecurity puts it; apt checks its signature as it does of every other.
func (b *build) fetchLists(ctx context.Context, root *os.Root, out io.Writer, update func() error) error {
	if len(b.sources) == 0 {
		b.sources = HostSources(root.FS()) // debootstrap's own choice, which it has written down
	}
	if lacksSecurity(b.sources, b.Manifest.Suite) {
		if security, ok := deriveSecurity(b.sources); ok {
			known := b.sources
			b.sources = append(slices.Clone(known), security)
			if err := b.writeSources(root); err != nil {
				return err
			}
			err := update()
			if err == nil || ctx.Err() != nil {
				return err
			}
			_, _ = fmt.Fprintf(out, "no security archive at %s: %v\n", security.URI, err)
			b.sources = known
		}
		b.warning = warnNoSecurity
		_, _ = fmt.Fprintln(out, b.warning)
	}
	if err := b.writeSources(root); err != nil {
		return err
	}
	return update()
}

// writeSources lays down the image's sources in place of debootstrap's, which are left if there are no others.
func (b *build) writeSources(root *os.Root) error {
	if len(b.sources) == 0 {
		return nil
	}
	if err := root.RemoveAll("etc/apt/sources.list"); err != nil {
		return err
	}
	return replaceFile(root, sourcesFile, renderSources(b.sources, b.Manifest.Suite), 0o644)
}
