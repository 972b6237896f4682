package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// BuildOptions of Build.
type BuildOptions struct {
	Manifest Manifest
	Dir      string         // an empty directory; rootfs/, manifest.toml and image.json are written there
	Log      io.Writer      // everything the programs say; nil drops it
	After    time.Time      // when the newest image of the name was built: this one is dated later, whatever the clock says
	Report   func(Progress) // called by Build's own goroutines, one call at a time; nil drops it
}

// Progress of a build.
type Progress struct {
	Step   string // what is being done
	Index  int    // of the step, from 1
	Total  int    // number of steps
	Detail string // the last line that was said; "" when the step begins
}

// BuildError is the error of a step of Build, with what the failing program said.
type BuildError struct {
	Image string
	Step  string
	Cause string   // why it failed, and what to do, in one line; "" where it did not say so in words that are known
	Tail  []string // what it said last: at most 15 lines, oldest first
	Err   error
}

func (e *BuildError) Error() string {
	why := e.Cause
	if why == "" {
		why = e.Err.Error()
	}
	return fmt.Sprintf("build image %s: %s: %s", e.Image, e.Step, why)
}

func (e *BuildError) Unwrap() error { return e.Err }

// build is one run of Build.
type build struct {
	BuildOptions
	rootfs   string
	settings []aptSetting
	sources  []Source
	packages string // dpkg-query's list, sorted
	warning  string // for who asked for the build; "" is none
}

// Build makes an image from a manifest with debootstrap and apt: minutes, the network and root are needed. It mounts
// nothing outside namespaces of its own and copies nothing of the host in. An error of a step is a *BuildError; then, and
// when ctx ends, Dir holds rubbish for the caller to delete. An image whose apt has no security archive is built all the
// same, and the Step of a last Progress says so.
func Build(ctx context.Context, opts BuildOptions) (Image, error) {
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	if opts.Report == nil {
		opts.Report = func(Progress) {}
	}
	// debootstrap runs in a directory of its own.
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return Image{}, fmt.Errorf("build image: %w", err)
	}
	opts.Dir = dir
	b := &build{
		BuildOptions: opts,
		rootfs:       RootFS(opts.Dir),
		settings:     hostSettings(ctx),
		sources:      HostSources(os.DirFS("/")),
	}
	steps := []buildStep{
		{"base system", b.debootstrap},
		{"package lists", b.update},
		{"packages", b.install},
		{"files", b.layFiles},
	}
	for _, c := range opts.Manifest.Commands {
		steps = append(steps, buildStep{c.Name, func(ctx context.Context, out io.Writer) error {
			return b.inImage().run(ctx, out, "/bin/sh", "-euc", c.Script)
		}})
	}
	steps = append(steps, buildStep{"scrub", b.scrub})
	for i, s := range steps {
		if err := b.runStep(ctx, s, i+1, len(steps)); err != nil {
			return Image{}, err
		}
	}
	if b.warning != "" { // again, as a step: the lines of a step pass by
		b.Report(Progress{Step: b.warning, Index: len(steps) + 1, Total: len(steps) + 1})
	}
	return b.finish()
}

type buildStep struct {
	name string
	run  func(ctx context.Context, out io.Writer) error
}

func (b *build) runStep(ctx context.Context, s buildStep, index, total int) error {
	progress := Progress{Step: s.name, Index: index, Total: total}
	b.Report(progress)
	out := &output{log: b.Log, report: func(line string) {
		progress.Detail = line
		b.Report(progress)
	}}
	err := s.run(ctx, out)
	if err == nil {
		err = fault.Point("image build: " + s.name)
	}
	if err == nil {
		return nil
	}
	out.endLine()
	cause := ""
	if exit := new(exec.ExitError); errors.As(err, &exit) { // else the step says itself what went wrong
		cause = causeOf(out.said)
	}
	return &BuildError{Image: b.Manifest.Name, Step: s.name, Cause: cause, Tail: out.tail(), Err: err}
}

func (b *build) inImage() stage { return stage{root: b.rootfs, where: inImage} }

// debootstrap unpacks and configures the minimal system. It checks the archive's signature, or fails.
func (b *build) debootstrap(ctx context.Context, out io.Writer) error {
	if _, err := exec.LookPath("debootstrap"); err != nil {
		return errors.New("debootstrap is not installed: apt-get install debootstrap")
	}
	if err := os.Mkdir(b.rootfs, 0o755); err != nil {
		return err
	}
	argv := []string{"debootstrap", "--variant=minbase", "--force-check-gpg", "--include=ca-certificates", b.Manifest.Suite, b.rootfs}
	if len(b.sources) > 0 {
		argv = append(argv, b.sources[0].URI)
	}
	s := stage{root: b.rootfs, where: onHost}
	for _, scheme := range []string{"http", "https"} {
		if p := proxy(b.settings, scheme); p != "" {
			s.env = append(s.env, scheme+"_proxy="+p)
		}
	}
	err := s.run(ctx, out, argv...)
	if err != nil {
		// What went wrong is in its log, not in what it says.
		if data, logErr := os.ReadFile(filepath.Join(b.rootfs, "debootstrap/debootstrap.log")); logErr == nil {
			_, _ = out.Write(data)
		}
	}
	return err
}

// update makes the image's apt know the archives, and refuses service starts until the packages are in.
func (b *build) update(ctx context.Context, out io.Writer) error {
	root, err := os.OpenRoot(b.rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range b.systemFiles() {
		if err := replaceFile(root, f.Path, f.Content, os.FileMode(f.bits())); err != nil {
			return err
		}
	}
	// Each stage fills this link's target; in a site, whoever starts the container does.
	if err := root.RemoveAll("etc/resolv.conf"); err != nil {
		return err
	}
	if err := root.Symlink("/run/logis/resolv.conf", "etc/resolv.conf"); err != nil {
		return err
	}
	return b.fetchLists(ctx, root, out, func() error {
		return b.inImage().run(ctx, out, "apt-get", "-o", "APT::Update::Error-Mode=any", "update")
	})
}

// install brings the base up to date and adds the manifest's packages.
func (b *build) install(ctx context.Context, out io.Writer) error {
	apt := []string{"apt-get", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-unsafe-io"}
	if err := b.inImage().run(ctx, out, append(slices.Clone(apt), "dist-upgrade")...); err != nil {
		return err
	}
	if err := b.inImage().run(ctx, out, append(append(apt, "install", "--"), b.Manifest.Packages...)...); err != nil {
		return err
	}
	var list bytes.Buffer
	if err := b.inImage().run(ctx, &list, "dpkg-query", "-W"); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(list.String()), "\n")
	slices.Sort(lines)
	b.packages = strings.Join(lines, "\n")
	return nil
}

// layFiles lays down the manifest's files and services, after the packages so that theirs do not win.
func (b *build) layFiles(ctx context.Context, out io.Writer) error {
	root, err := os.OpenRoot(b.rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Remove(relative(policyFile)); err != nil {
		return err
	}
	for _, p := range b.Manifest.Remove {
		if err := root.RemoveAll(relative(p)); err != nil {
			return fmt.Errorf("remove %s: %w", p, err)
		}
	}
	users, err := readAccounts(root)
	if err != nil {
		return err
	}
	files := slices.Clone(b.Manifest.Files)
	for _, s := range b.Manifest.Services {
		files = append(files, File{Path: serviceDir + "/" + s.Name + ".toml", Content: s.Content})
	}
	for _, f := range files {
		uid, gid, err := users.owner(f.Owner)
		if err != nil {
			return fmt.Errorf("lay down %s: %w", f.Path, err)
		}
		name := relative(f.clean())
		if f.directory() {
			err = errors.Join(root.MkdirAll(name, 0o755), root.Chmod(name, fileMode(uint32(f.bits()))))
		} else {
			err = replaceFile(root, f.Path, f.Content, fileMode(uint32(f.bits())))
		}
		if err == nil && (uid != 0 || gid != 0) {
			err = root.Lchown(name, int(uid), int(gid))
		}
		if err != nil {
			return fmt.Errorf("lay down %s: %w", f.Path, err)
		}
	}
	return nil
}

// finish writes what makes the directory an image.
func (b *build) finish() (Image, error) {
	size, err := apparentSize(b.rootfs)
	if err != nil {
		return Image{}, err
	}
	img := Image{
		Name:      b.Manifest.Name,
		Digest:    b.digest(),
		Suite:     b.Manifest.Suite,
		SizeBytes: size,
		Packages:  strings.Count(b.packages, "\n") + 1,
		BuiltAt:   builtAt(time.Now(), b.After),
		MinMemory: int64(b.Manifest.MinMemory),
		Reserved:  b.Manifest.Reserved,
	}
	return img, seal(b.Dir, img, b.Manifest)
}

// builtAt is now, or a second later than after where the clock went back behind that: sites are made from the image of a
// name that has the latest date.
func builtAt(now, after time.Time) time.Time {
	now, after = now.UTC().Truncate(time.Second), after.UTC().Truncate(time.Second)
	if now.After(after) {
		return now
	}
	return after.Add(time.Second)
}

// digest tells images apart: by the manifest, by what was installed, and by what the sites' apt is told.
func (b *build) digest() string {
	h := sha256.New()
	for _, part := range []string{
		string(b.Manifest.raw), b.packages, renderSources(b.sources, b.Manifest.Suite), renderSettings(forSites(b.settings)),
	} {
		_, _ = fmt.Fprintf(h, "%d\n%s", len(part), part) // with its length, so that no part runs into the next
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// seal writes the two files beside rootfs, image.json last and after everything else is on the disk.
func seal(dir string, img Image, m Manifest) error {
	if err := os.WriteFile(filepath.Join(dir, manifestFile), m.raw, 0o644); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("seal image: %w", err)
	}
	defer d.Close()
	if err := linux.SyncFS(d); err != nil {
		return fmt.Errorf("seal image: %w", err)
	}
	return img.write(dir)
}
