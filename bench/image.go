package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/bench/report"
	"github.com/logis-project/logis/internal/testhost"
)

// measureImage measures how an image comes to a host, and how soon the first site runs there. Peers import the same archive in their
// way; they have no command that builds the same.
func measureImage(ctx context.Context, h *house, r *recorder) error {
	rounds := r.roundsOr(3)
	for round := range rounds {
		for _, s := range h.subjects {
			fmt.Fprintf(os.Stderr, "image: round %d of %d: %s\n", round+1, rounds, s.name())
			if err := measureImport(ctx, h, s, r); err != nil {
				return fmt.Errorf("import: %s: %w", s.name(), err)
			}
			if err := measureFirst(ctx, h, s, r); err != nil {
				return fmt.Errorf("first site: %s: %w", s.name(), err)
			}
		}
	}
	err := measureBuild(ctx, h, r)
	if err != nil && ctx.Err() == nil { // where no packages can be had, what was measured counts all the same
		h.missing["the build of an image"], err = err.Error(), nil
	}
	return err
}

func measureImport(ctx context.Context, h *house, s subject, r *recorder) error {
	var load func() error
	switch s := s.(type) {
	case *logis:
		if _, err := h.logis(ctx, "image", "remove", "lemp"); err != nil {
			return err
		}
		load = func() error {
			_, err := h.logis(ctx, "image", "import", h.image)
			return err
		}
	case *lxc: // whose template for archives of others unpacks them with tar
		dir := filepath.Join(h.pool(), "peers", "unpacked")
		load = func() error { return unpack(ctx, h.image, dir) }
		defer func() { _, _ = command(ctx, "btrfs", "subvolume", "delete", dir) }()
	case *podman:
		load = func() error {
			_, err := s.run(ctx, "import", h.image, "lemp")
			return err
		}
		defer func() { _, _ = s.run(ctx, "rmi", "lemp") }()
	default:
		return nil
	}
	unix.Sync()
	began := time.Now()
	if err := load(); err != nil {
		return err
	}
	r.took("import", s.name(), time.Since(began))
	return nil
}

// unpack returns when all of an archive is on the disk, as import of logis does.
func unpack(ctx context.Context, archive, dir string) error {
	for _, args := range [][]string{
		{"btrfs", "subvolume", "create", dir},
		{"tar", "--zstd", "--extract", "--numeric-owner", "--file", archive, "--directory", dir},
		{"sync", "--file-system", dir},
	} {
		if _, err := command(ctx, args[0], args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// measureFirst measures the first site after the pool was mounted anew, so that nothing of the image is in memory. For logis the start of
// its daemons counts, which mount the pool and set up the network.
func measureFirst(ctx context.Context, h *house, s subject, r *recorder) error {
	if s.name() == report.LogisAPI {
		return nil
	}
	if err := h.halt(); err != nil {
		return err
	}
	begin := s.create
	if s.name() == report.Logis {
		begin = func(ctx context.Context, i *instance) error { return errors.Join(h.resume(ctx), s.create(ctx, i)) }
	} else if err := h.resume(ctx); err != nil {
		return err
	}
	i, err := s.place(ctx, 0)
	if err != nil {
		return err
	}
	before, began := processes(), time.Now()
	ended := make(chan error, 1)
	go func() { ended <- begin(ctx, i) }()
	_, err = knock(ctx, i, before, began)
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	r.took("first site", s.name(), time.Since(began))
	return s.destroy(ctx, i)
}

// halt ends the daemons, and with logisd the mount of the pool, since no site runs.
func (h *house) halt() error {
	var errs []error
	for _, d := range h.daemons {
		errs = append(errs, h.end(d))
	}
	h.daemons = nil
	mounted, err := mountinfo.Mounted(h.pool())
	if mounted {
		err = errors.New("logisd left the pool mounted")
	}
	return errors.Join(append(errs, err)...)
}

// resume starts the daemons again.
func (h *house) resume(ctx context.Context) error {
	return errors.Join(h.launch("logisd"), h.launch("logis-proxy"), h.await(ctx))
}

// measureBuild builds the image from Debian's packages, once: it takes minutes, most of them the network's and dpkg's.
func measureBuild(ctx context.Context, h *house, r *recorder) error {
	if h.versions[report.Logis] == "" {
		return nil
	}
	fmt.Fprintln(os.Stderr, "image: build")
	remove, err := testhost.Uplink(ctx)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	began := time.Now()
	_, err = h.logis(ctx, "image", "build", "lemp")
	if err := errors.Join(err, remove()); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	r.took("build", report.Logis, time.Since(began))
	return nil
}
