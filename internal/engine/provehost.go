package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/logis-project/logis/internal/container/entry"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/probe"
)

// hostRows are what the host does with things that a hostile owner has laid out for it.
func hostRows() []outsideRow {
	return []outsideRow{
		{
			group: "laid out for the host", name: "a link to /proc/self/exe is executed by logis exec",
			want: []string{"EACCES"}, throwaway: true, try: executeLink,
		},
		{
			group: "laid out for the host", name: "a setuid program on the site's disk, as the host sees it",
			want: []string{"an id of the site's"}, throwaway: true, try: ownerOfSetuid,
		},
	}
}

// grabbed is how often the link is executed while the site tries to open what runs.
const grabbed = 20

// executeLink has PID 1 execute a link to its own program, as logis exec of a planted command would, while root of the site
// tries to open that program for writing. It is the host's.
func executeLink(ctx context.Context, p *proof) (string, error) {
	name := p.subject.Record.Name()
	if err := p.plant(ctx); err != nil {
		return "", err
	}
	var results []probe.Result
	err := p.probe(ctx, name, "grab", func(r probe.Result) error {
		if results = append(results, r); len(results) > 1 {
			return nil
		}
		for range grabbed {
			conn, err := p.Exec(ctx, name, control.Exec{Command: []string{probe.PlantedLink}})
			if err != nil {
				return err
			}
			err = copyOutput(conn, io.Discard) // an error: it is no command
			conn.Close()
			if err == nil {
				return errors.New("the link was executed as a command, and succeeded")
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if len(results) != 2 {
		return "", fmt.Errorf("the site told %d results", len(results))
	}
	return results[1].Seen, nil
}

// ownerOfSetuid looks at the planted program where it lies on the host: it must be of an id that nobody else has there.
func ownerOfSetuid(ctx context.Context, p *proof) (string, error) {
	if err := p.plant(ctx); err != nil {
		return "", err
	}
	root, err := p.upper()
	if err != nil {
		return "", err
	}
	defer root.Close()
	mode, uid, gid, err := linux.Owner(root, strings.TrimPrefix(probe.PlantedSetuid, "/"))
	if err != nil {
		return "", err
	}
	if mode&fs.ModeSetuid == 0 {
		return "", errors.New("it is not setuid")
	}
	first := p.subject.Record.IDBase
	for _, id := range []uint32{uid, gid} {
		if id < first || id-first >= entry.IDs {
			return fmt.Sprintf("id %d of the host", id), nil
		}
	}
	return "an id of the site's", nil
}

// plant lays out in the subject what the host then acts on, once.
func (p *proof) plant(ctx context.Context) error {
	if p.planted {
		return nil
	}
	p.planted = true
	return p.probe(ctx, p.subject.Record.Name(), "plant", func(r probe.Result) error {
		if r.Seen != probe.Done {
			return fmt.Errorf("lay out a link and a setuid program: %s", r.Seen)
		}
		return nil
	})
}
