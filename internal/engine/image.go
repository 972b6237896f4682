package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/near"
	"github.com/logis-project/logis/internal/site"
)

// Progress of an image build or import.
type Progress = image.Progress

// ImageStatus is an image and the sites made from it.
type ImageStatus struct {
	image.Image
	UsedBy []string // names of sites
}

func imageID(i image.Image) string { return i.Name + "@" + i.Digest }

// Images lists the images, newest first within a name. One that cannot be read is logged and left out.
func (e *Engine) Images(_ context.Context) ([]ImageStatus, error) {
	ids, err := e.pool.Images()
	if err != nil {
		return nil, err
	}
	var out []ImageStatus
	for _, id := range ids {
		dir, err := e.pool.Image(id)
		var img image.Image
		if err == nil {
			img, err = image.Load(dir)
		}
		if err != nil { // somebody put it there by hand, or it is damaged: the others are images all the same
			e.log.Error("read image", "image", id, "error", err)
			continue
		}
		out = append(out, ImageStatus{Image: img, UsedBy: e.usersOf(img)})
	}
	slices.SortFunc(out, func(a, b ImageStatus) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return b.BuiltAt.Compare(a.BuiltAt)
	})
	return out, nil
}

func (e *Engine) usersOf(img image.Image) []string {
	users := []string{}
	for _, rec := range e.store.All() {
		if rec.Spec.Image == img.Name && rec.ImageDigest == img.Digest {
			users = append(users, rec.Name())
		}
	}
	for _, b := range e.store.Broken() { // what it was made from is not removed before it is mended
		if b.MayUse(img.Name, img.Digest) && !slices.Contains(users, b.Name) {
			users = append(users, b.Name)
		}
	}
	return users
}

// Image returns the newest image of a name.
func (e *Engine) Image(ctx context.Context, name string) (ImageStatus, error) {
	all, err := e.Images(ctx)
	if err != nil {
		return ImageStatus{}, err
	}
	for _, img := range all {
		if img.Name == name {
			return img, nil
		}
	}
	return ImageStatus{}, noImage(name, all)
}

// noImage says which images there are instead, or can be.
func noImage(name string, all []ImageStatus) error {
	var names []string
	for _, img := range all {
		names = append(names, img.Name)
	}
	names = slices.Compact(names)
	known := image.EmbeddedNames()
	switch {
	case slices.Contains(known, name):
		return fmt.Errorf("no image %q: build it with logis image build %s", name, name)
	case len(names) > 0:
		return fmt.Errorf("no image %q%s: there is %s, see logis image list", name, near.Hint(name, names), someOf(names))
	}
	return fmt.Errorf("no image %q, nor any other: build one with logis image build %s", name, strings.Join(known, "|"))
}

func (e *Engine) newestImage(name string) (image.Image, error) {
	img, err := e.Image(context.Background(), name)
	return img.Image, err
}

// RemoveImage removes every image of a name; site.ErrConflict while a site uses one.
func (e *Engine) RemoveImage(ctx context.Context, name string) error {
	ctx, unlock, err := e.builds.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	e.images.Lock()
	defer e.images.Unlock()
	if _, err := e.Image(ctx, name); err != nil {
		return err
	}
	all, err := e.Images(ctx)
	if err != nil {
		return err
	}
	for _, img := range all {
		if img.Name == name && len(img.UsedBy) > 0 {
			first := "the site"
			if len(img.UsedBy) > 1 {
				first = "these sites"
			}
			return fmt.Errorf("%w: %s is used by %s: destroy %s first", site.ErrConflict, imageID(img.Image), someOf(img.UsedBy), first)
		}
	}
	var errs []error
	for _, img := range slices.Backward(all) { // the oldest first: should this break off, the newest is still the newest
		if img.Name != name {
			continue
		}
		if err := e.pool.DeleteImage(ctx, imageID(img.Image)); err != nil {
			errs = append(errs, err)
			continue
		}
		e.note(event.ImageRemoved, "", 0, "%s", imageID(img.Image))
		errs = append(errs, fault.Point("image remove: one version"))
	}
	return errors.Join(errs...)
}

func someOf(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// BuildImage builds an image from the manifest of that name. Of two builds of one name at once the second waits, and then
// takes the image that the first one made.
func (e *Engine) BuildImage(ctx context.Context, name string, report func(Progress)) (ImageStatus, error) {
	manifest, err := image.Embedded(name)
	if errors.Is(err, fs.ErrNotExist) {
		known := image.EmbeddedNames()
		return ImageStatus{}, fmt.Errorf("%w: there is no manifest of that name%s: logis can build %s", site.ErrInvalid, near.Hint(name, known),
			strings.Join(known, ", "))
	}
	if err != nil {
		return ImageStatus{}, err
	}
	before, beforeErr := e.newestImage(name)
	ctx, unlock, err := e.builds.lock(ctx, name)
	if err != nil {
		return ImageStatus{}, err
	}
	defer unlock()
	if after, err := e.Image(ctx, name); err == nil && (beforeErr != nil || after.Digest != before.Digest) {
		return after, nil
	}
	log, err := openBuildLog(e.config.StateDir, name)
	if err != nil {
		return ImageStatus{}, err
	}
	defer log.Close()
	built, err := e.addImage(ctx, event.ImageBuilt, name, func(dir string) (image.Image, error) {
		return image.Build(ctx, image.BuildOptions{Manifest: manifest, Dir: dir, Log: log, After: before.BuiltAt, Report: report})
	})
	return built, log.mention(err)
}

// ImportImage makes an image from an archive of ExportImage, and tells report of the steps. The archive is not trusted.
func (e *Engine) ImportImage(ctx context.Context, r io.Reader, report func(Progress)) (ImageStatus, error) {
	return e.addImage(ctx, event.ImageImported, "import", func(dir string) (image.Image, error) {
		img, err := image.Import(ctx, image.ImportOptions{Archive: r, Dir: dir, Report: report})
		if errors.Is(err, image.ErrArchive) {
			err = fmt.Errorf("%w: %w: give what logis image export wrote", site.ErrInvalid, err)
		}
		return img, err
	})
}

// addImage fills a draft and makes it an image. Older images of the same name that no site uses are removed.
func (e *Engine) addImage(ctx context.Context, how event.Type, draftName string,
	fill func(dir string) (image.Image, error),
) (_ ImageStatus, err error) {
	began := time.Now()
	draft, err := e.pool.CreateDraft(ctx, draftName+"-"+rand.Text()) // two imports at once are two drafts
	if err != nil {
		return ImageStatus{}, err
	}
	defer func() {
		if err != nil {
			discard, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
			defer cancel()
			err = andUndo(err, draft.Discard(discard))
		}
	}()
	if err := fault.Point("image: draft"); err != nil {
		return ImageStatus{}, err
	}
	img, err := fill(draft.Path())
	if err != nil {
		return ImageStatus{}, err
	}
	if err := fault.Point("image: filled"); err != nil {
		return ImageStatus{}, err
	}
	if ctx.Err() != nil {
		return ImageStatus{}, context.Cause(ctx) // who left after the last step leaves nothing too
	}
	if _, err := draft.Commit(ctx, imageID(img)); err != nil {
		return ImageStatus{}, err
	}
	e.note(how, "", time.Since(began), "%s", imageID(img))
	e.prune(ctx, img)
	return ImageStatus{Image: img, UsedBy: e.usersOf(img)}, nil
}

func (e *Engine) prune(ctx context.Context, newest image.Image) {
	e.images.Lock()
	defer e.images.Unlock()
	all, err := e.Images(ctx)
	if err != nil {
		e.log.Error("list images", "error", err)
		return
	}
	for _, img := range all {
		if img.Name == newest.Name && img.Digest != newest.Digest && len(img.UsedBy) == 0 && img.BuiltAt.Before(newest.BuiltAt) {
			if err := e.pool.DeleteImage(ctx, imageID(img.Image)); err != nil {
				e.log.Error("remove old image", "image", imageID(img.Image), "error", err)
				continue
			}
			e.note(event.ImageRemoved, "", 0, "%s, older than %s and without a site", imageID(img.Image), imageID(newest))
		}
	}
}

// ExportImage writes the newest image of a name as one tar.zst.
func (e *Engine) ExportImage(ctx context.Context, name string, w io.Writer) error {
	img, err := e.newestImage(name)
	if err != nil {
		return err
	}
	dir, err := e.pool.Image(imageID(img))
	if err != nil {
		return err
	}
	return image.Export(ctx, dir, w)
}
