package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// ErrArchive says that what Import was given is not an archive of Export's, or does what no such archive does.
var ErrArchive = errors.New("not an image archive")

// limits bound what an archive may make of itself.
type limits struct {
	bytes   int64  // of all files together, with extended attributes and the targets of links
	entries int    // files, directories and links
	names   int64  // bytes of all names together, which are kept in memory
	depth   int    // directories that lead to an entry: each is opened again for each entry
	window  uint64 // of the decompressor, in bytes
}

// importLimits are ten times what a large image needs.
var importLimits = limits{bytes: 8 << 30, entries: 500_000, names: 128 << 20, depth: 64, window: 64 << 20}

const (
	maxName   = 4095 // bytes of a path, and of a link's target: PATH_MAX without its end
	maxXattrs = 4096 // bytes of the extended attributes of one file, names and values
)

// maxID is the highest uid and gid of an image: a site has 65,536 of each.
const maxID = 65535

// ImportOptions of Import.
type ImportOptions struct {
	Archive io.Reader
	Dir     string         // an empty directory
	Report  func(Progress) // called as each step begins; nil drops it
}

// Import makes an image from an archive of Export's in Dir. The archive is not trusted: an entry that
// leaves Dir, runs through a link, is a device or a second of its name, or a whole that is too big, is ErrArchive. Owners
// and modes are kept, setuid too: inside a site they are the site's own ids. On an error, Dir holds rubbish for the caller
// to delete.
func Import(ctx context.Context, opts ImportOptions) (Image, error) {
	report := func(step string, index int) {
		if opts.Report != nil {
			opts.Report(Progress{Step: step, Index: index, Total: 2})
		}
	}
	root, err := os.OpenRoot(opts.Dir)
	if err != nil {
		return Image{}, fmt.Errorf("import image: %w", err)
	}
	defer root.Close()
	report("unpack", 1)
	img, manifest, err := unpack(ctx, opts.Archive, root, importLimits)
	if err != nil {
		return Image{}, err
	}
	report("write to disk", 2)
	return img, seal(opts.Dir, img, manifest)
}

// unpack makes the root file system of an archive, and returns what the archive says of it.
func unpack(ctx context.Context, r io.Reader, root *os.Root, most limits) (Image, Manifest, error) {
	z, err := zstd.NewReader(contextReader{ctx, r}, zstd.WithDecoderMaxWindow(most.window))
	if err != nil {
		return Image{}, Manifest{}, err
	}
	defer z.Close()
	return extract(ctx, z, root, most)
}

// extract is unpack after the decompression.
func extract(ctx context.Context, r io.Reader, root *os.Root, most limits) (Image, Manifest, error) {
	// Headers cost something too: 1 KiB an entry is more than they need, PAX records and padding included.
	bounded := &io.LimitedReader{R: r, N: most.bytes + int64(most.entries)*1024 + 2*maxTextFile}
	m := &importer{root: root, tar: tar.NewReader(bounded), most: most, kinds: map[string]byte{}, buf: make([]byte, 256<<10)}
	img, manifest, err := m.run(ctx)
	if err == nil {
		// tar ends before the compressed stream does, and with that comes its checksum.
		if _, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, bounded, m.buf); err != nil {
			err = archiveError(ctx, err)
		}
	}
	if err != nil && bounded.N <= 0 {
		err = fmt.Errorf("%w: more than %d bytes", ErrArchive, most.bytes)
	}
	return img, manifest, err
}

// importer is one run of Import.
type importer struct {
	root  *os.Root
	tar   *tar.Reader
	most  limits
	bytes int64 // of files
	spent int64 // of files, extended attributes and targets
	names int64
	kinds map[string]byte // the tar type of every entry made so far, by its clean name
	buf   []byte
}

func (m *importer) run(ctx context.Context) (Image, Manifest, error) {
	img, manifest, err := m.describe(ctx)
	if err != nil {
		return Image{}, Manifest{}, err
	}
	for {
		if err := context.Cause(ctx); err != nil {
			return Image{}, Manifest{}, err
		}
		header, err := m.tar.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Image{}, Manifest{}, archiveError(ctx, err)
		}
		if err := m.add(ctx, header); err != nil {
			return Image{}, Manifest{}, fmt.Errorf("%.200q: %w", header.Name, err)
		}
	}
	img.SizeBytes = m.bytes
	for _, dir := range []string{"/", img.Reserved} {
		if dir != "" && m.kinds[path.Join(rootfsDir, dir)] != tar.TypeDir {
			return Image{}, Manifest{}, fmt.Errorf("%w: it has no directory %s", ErrArchive, dir)
		}
	}
	return img, manifest, nil
}

// describe reads the two files that an archive begins with.
func (m *importer) describe(ctx context.Context) (Image, Manifest, error) {
	var texts [2][]byte
	for i, name := range []string{imageFile, manifestFile} {
		header, err := m.tar.Next()
		if err != nil {
			return Image{}, Manifest{}, archiveError(ctx, err)
		}
		if header.Name != name || header.Typeflag != tar.TypeReg {
			return Image{}, Manifest{}, fmt.Errorf("%w: %.200q is where %s belongs", ErrArchive, header.Name, name)
		}
		if texts[i], err = readAll(m.tar, name); err != nil {
			return Image{}, Manifest{}, fmt.Errorf("%w: %w", ErrArchive, err)
		}
	}
	img, err := parseImage(texts[0])
	if err != nil {
		return Image{}, Manifest{}, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	manifest, err := ParseManifest(texts[1])
	if err != nil {
		return Image{}, Manifest{}, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if manifest.Name != img.Name || manifest.Reserved != img.Reserved || int64(manifest.MinMemory) != img.MinMemory {
		return Image{}, Manifest{}, fmt.Errorf("%w: %s and %s differ", ErrArchive, imageFile, manifestFile)
	}
	return img, manifest, nil
}

// add makes one entry. Its directory must be one that the archive itself has made: so nothing runs through a link.
func (m *importer) add(ctx context.Context, h *tar.Header) error {
	name := path.Clean(h.Name)
	if strings.TrimSuffix(h.Name, "/") != name || strings.ContainsRune(name, 0) ||
		name != rootfsDir && !strings.HasPrefix(name, rootfsDir+"/") || !filepath.IsLocal(name) {
		return fmt.Errorf("%w: its path is not below %s", ErrArchive, rootfsDir)
	}
	// Whoever lists an image on the host reads its names.
	if strings.ContainsFunc(name, unicode.IsControl) || len(name) > maxName || strings.Count(name, "/") > m.most.depth {
		return fmt.Errorf("%w: its path has control characters, more than %d bytes, or more than %d directories", ErrArchive, maxName, m.most.depth)
	}
	if m.names += int64(len(name)); m.names > m.most.names {
		return fmt.Errorf("%w: all names together have more than %d bytes", ErrArchive, m.most.names)
	}
	if m.kinds[name] != 0 {
		return fmt.Errorf("%w: it is there twice", ErrArchive)
	}
	if name != rootfsDir && m.kinds[path.Dir(name)] != tar.TypeDir {
		return fmt.Errorf("%w: its directory is not there", ErrArchive)
	}
	if len(m.kinds) >= m.most.entries {
		return fmt.Errorf("%w: more than %d entries", ErrArchive, m.most.entries)
	}
	if h.Uid < 0 || h.Uid > maxID || h.Gid < 0 || h.Gid > maxID {
		return fmt.Errorf("%w: owner %d:%d is not below %d", ErrArchive, h.Uid, h.Gid, maxID+1)
	}
	m.kinds[name] = h.Typeflag
	switch h.Typeflag {
	case tar.TypeDir:
		return m.directory(name, h)
	case tar.TypeReg:
		return m.regular(ctx, name, h)
	case tar.TypeSymlink:
		return m.symlink(name, h)
	case tar.TypeLink:
		if m.kinds[h.Linkname] != tar.TypeReg {
			return fmt.Errorf("%w: it is a link to %.200q, which is no file before it", ErrArchive, h.Linkname)
		}
		return m.root.Link(h.Linkname, name)
	}
	return fmt.Errorf("%w: type %q is neither file, directory nor link", ErrArchive, h.Typeflag)
}

func (m *importer) directory(name string, h *tar.Header) error {
	if err := m.root.Mkdir(name, 0o700); err != nil {
		return err
	}
	if err := m.root.Lchown(name, h.Uid, h.Gid); err != nil {
		return err
	}
	return m.root.Chmod(name, fileMode(uint32(h.Mode)))
}

func (m *importer) regular(ctx context.Context, name string, h *tar.Header) error {
	if err := m.spend(h.Size); err != nil {
		return err
	}
	m.bytes += h.Size
	f, err := m.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // the error path's; Close below is the one that counts
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{m.tar}, m.buf); err != nil {
		return archiveError(ctx, err)
	}
	if err := m.attributes(f, h.PAXRecords); err != nil {
		return err
	}
	// chown(2) clears setuid, so the mode comes after it.
	if err := errors.Join(f.Chown(h.Uid, h.Gid), f.Chmod(fileMode(uint32(h.Mode)))); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return m.root.Chtimes(name, h.ModTime, h.ModTime)
}

// attributes sets the extended attributes of a file, of the one class that the kernel gives no meaning.
func (m *importer) attributes(f *os.File, records map[string]string) error {
	size := 0
	for key, value := range records {
		attr, ok := strings.CutPrefix(key, xattrPrefix)
		if !ok {
			continue
		}
		if size += len(attr) + len(value); !strings.HasPrefix(attr, keptXattrs) || size > maxXattrs {
			return fmt.Errorf("%w: extended attribute %.100q", ErrArchive, attr)
		}
		if err := unix.Fsetxattr(int(f.Fd()), attr, []byte(value), 0); err != nil {
			return fmt.Errorf("set extended attribute: %w", err)
		}
	}
	return m.spend(int64(size))
}

// spend counts what an entry takes of the disk.
func (m *importer) spend(bytes int64) error {
	if bytes > m.most.bytes-m.spent {
		return fmt.Errorf("%w: more than %d bytes", ErrArchive, m.most.bytes)
	}
	m.spent += bytes
	return nil
}

// symlink makes a link whatever it points to: nothing here follows it, and inside a site the root is the site's.
func (m *importer) symlink(name string, h *tar.Header) error {
	if h.Linkname == "" || len(h.Linkname) > maxName {
		return fmt.Errorf("%w: its target is empty or too long", ErrArchive)
	}
	if err := m.spend(int64(len(h.Linkname))); err != nil {
		return err
	}
	if err := m.root.Symlink(h.Linkname, name); err != nil {
		return err
	}
	return m.root.Lchown(name, h.Uid, h.Gid)
}

// archiveError tells a broken archive from a reader that ended because ctx did.
func archiveError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if pathErr := new(fs.PathError); errors.As(err, &pathErr) {
		return err
	}
	switch {
	case errors.Is(err, zstd.ErrMagicMismatch):
		err = errors.New("it is not compressed by zstd")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = errors.New("it ends too early")
	}
	return fmt.Errorf("%w: %w", ErrArchive, err)
}

// contextReader ends reading when its ctx does.
type contextReader struct {
	ctx context.Context //nolint:containedctx // one reader lives for one call
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
