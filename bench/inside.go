package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/bench/report"
)

// pages are handed to the owner of each site: what is measured by PHP runs as any program of the owner's does.
//
//go:embed pages
var pages embed.FS

// inhabited is a running site that work is given to.
type inhabited struct {
	subject
	*instance
	page   string // address of its web server, without the proxy
	server int    // process id of its database
}

// onPool is the floor under a name of its own: the services without an engine, on the layers that a site has. What it lacks of the host
// is the price of the pool, what a site lacks of it that of isolation.
type onPool struct{ *floor }

func (onPool) name() string { return report.Pool }

// measureInside measures what the services do once they run, in sites of logis and LXC and on the host itself. All have the same
// limits; the clients are on the host, which is the same for all.
func measureInside(ctx context.Context, h *house, r *recorder) (err error) {
	subjects := []subject{newHost(h.peers), onPool{newFloor(h.peers)}}
	for _, s := range h.subjects {
		if s.name() == report.Logis || s.name() == report.LXC {
			subjects = append(subjects, s)
		}
	}
	var sites []*inhabited
	for _, s := range subjects {
		if h.only != "" && !slices.Contains(strings.Split(h.only, ","), s.name()) {
			continue
		}
		if h.versions[s.name()], err = s.version(ctx); err != nil {
			return err
		}
		site, openErr := inhabit(ctx, h, s)
		if openErr != nil {
			return fmt.Errorf("%s: %w", s.name(), openErr)
		}
		defer func() { err = errors.Join(err, s.destroy(context.WithoutCancel(ctx), site.instance)) }()
		sites = append(sites, site)
	}
	rounds := r.roundsOr(6)
	for round := range rounds + 1 {
		to := r
		if round == 0 { // it warms caches, and has files and tables reach the size that they keep
			to = &recorder{}
		}
		fmt.Fprintf(os.Stderr, "inside: round %d of %d\n", round, rounds)
		turn := round % len(sites)
		for _, m := range insideMeasures {
			for _, site := range slices.Concat(sites[turn:], sites[:turn]) {
				unix.Sync() // of the host's disk too
				rate, err := m.rate(ctx, site)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", m.name, site.subject.name(), err)
				}
				to.add(m.name, site.subject.name(), "1/s", 0, rate)
			}
		}
	}
	return nil
}

// inhabit makes a site, with pages and tables to work with.
func inhabit(ctx context.Context, h *house, s subject) (*inhabited, error) {
	i, err := s.place(ctx, 0)
	if err != nil {
		return nil, err
	}
	before := processes()
	if err := opening(ctx, h, s, &recorder{}, "create", i, s.create); err != nil {
		return nil, err
	}
	site := &inhabited{subject: s, instance: i, page: i.http, server: newServer(before)}
	if s.name() == report.Logis {
		made, err := h.client.Site(ctx, i.name)
		if err != nil {
			return nil, err
		}
		site.page = net.JoinHostPort(made.Address4, "80")
	}
	if err := site.handPages(); err != nil {
		return nil, fmt.Errorf("hand in pages: %w", err)
	}
	_, err = site.sysbench(ctx, "oltp_read_only", "prepare")
	return site, err
}

// handPages puts the pages where the site's web server finds them.
func (s *inhabited) handPages() error {
	home := filepath.Join(rootOf(s.server), "home", s.owner)
	var st unix.Stat_t
	if err := unix.Stat(home, &st); err != nil {
		return fmt.Errorf("stat home of owner: %w", err)
	}
	entries, err := pages.ReadDir("pages")
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := pages.ReadFile("pages/" + e.Name())
		if err != nil {
			return err
		}
		path := filepath.Join(home, "www", e.Name())
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
		if err := os.Chown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return nil
}
