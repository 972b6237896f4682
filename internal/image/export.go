package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// xattrPrefix is tar's name for extended attributes in PAX records.
const xattrPrefix = "SCHILY.xattr."

// keptXattrs is the only class of extended attributes that an archive carries. What the kernel acts on (capabilities,
// labels, overlayfs's own marks) stays out.
const keptXattrs = "user."

// Export writes an image as one zstd-compressed tar: image.json, manifest.toml, then rootfs in the order of its names.
// The same image gives the same bytes. Devices, sockets and pipes are an error: an image has none.
func Export(ctx context.Context, dir string, w io.Writer) error {
	img, err := Load(dir)
	if err != nil {
		return err
	}
	if err := export(ctx, dir, w); err != nil {
		return fmt.Errorf("export image %s: %w", img.Name, err)
	}
	return nil
}

func export(ctx context.Context, dir string, w io.Writer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	defer z.Close() // ends its goroutines; a second Close does nothing
	x := &exporter{root: root, tar: tar.NewWriter(z), linked: map[inode]string{}}
	for _, name := range []string{imageFile, manifestFile} {
		if err := x.text(name); err != nil {
			return err
		}
	}
	err = fs.WalkDir(root.FS(), rootfsDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return x.add(name, d)
	})
	if err != nil {
		return err
	}
	if err := x.tar.Close(); err != nil {
		return err
	}
	return z.Close()
}

type inode struct{ dev, ino uint64 }

type exporter struct {
	root   *os.Root
	tar    *tar.Writer
	linked map[inode]string // first name of each file that has several
}

// text adds one of the two files that describe the image, without the times and owners it happens to have here.
func (x *exporter) text(name string) error {
	data, err := x.root.ReadFile(name)
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := x.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err = x.tar.Write(data)
	return err
}

func (x *exporter) add(name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	header := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid),
		ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX,
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		header.Typeflag = tar.TypeDir
		header.Name += "/"
		return x.tar.WriteHeader(header)
	case fs.ModeSymlink:
		header.Typeflag = tar.TypeSymlink
		if header.Linkname, err = x.root.Readlink(name); err != nil {
			return err
		}
		return x.tar.WriteHeader(header)
	case 0:
		return x.regular(name, header, st)
	}
	return fmt.Errorf("%s is a device, a socket or a pipe", name)
}

func (x *exporter) regular(name string, header *tar.Header, st *syscall.Stat_t) error {
	if st.Nlink > 1 {
		id := inode{st.Dev, st.Ino}
		if first, ok := x.linked[id]; ok {
			header.Typeflag, header.Linkname = tar.TypeLink, first
			return x.tar.WriteHeader(header)
		}
		x.linked[id] = name
	}
	f, err := x.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	header.Typeflag, header.Size = tar.TypeReg, st.Size
	if header.PAXRecords, err = readXattrs(f); err != nil {
		return fmt.Errorf("extended attributes of %s: %w", name, err)
	}
	if err := x.tar.WriteHeader(header); err != nil {
		return err
	}
	// A file that grew or shrank meanwhile is an error of the tar writer's.
	_, err = io.Copy(x.tar, f)
	return err
}

// readXattrs returns the kept extended attributes of an open file as PAX records; nil if there are none.
func readXattrs(f *os.File) (map[string]string, error) {
	size, err := unix.Flistxattr(int(f.Fd()), nil)
	if err != nil || size == 0 {
		if err == unix.EOPNOTSUPP {
			err = nil
		}
		return nil, err
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(int(f.Fd()), names); err != nil {
		return nil, err
	}
	var records map[string]string
	for name := range strings.SplitSeq(string(names[:size]), "\x00") {
		if !strings.HasPrefix(name, keptXattrs) {
			continue
		}
		value := make([]byte, 64<<10) // the kernel's own bound, XATTR_SIZE_MAX
		n, err := unix.Fgetxattr(int(f.Fd()), name, value)
		if err != nil {
			return nil, err
		}
		if records == nil {
			records = map[string]string{}
		}
		records[xattrPrefix+name] = string(value[:n])
	}
	return records, nil
}
