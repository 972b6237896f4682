package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/site"
	"github.com/logis-project/logis/internal/sshkey"
)

// Keys returns the ssh keys that let a site's owner in, beside those that the owner has added inside.
func (e *Engine) Keys(name string) ([]sshkey.Key, error) {
	rec, err := e.store.Get(name)
	return rec.Spec.Keys(), err
}

// AddKeys gives a site the keys of authorized_keys lines. They let the owner in from the next connection on; of a stopped site from its
// next start. An error leaves everything as it was. Errors wrap site.ErrInvalid, site.ErrConflict, or none of them.
func (e *Engine) AddKeys(ctx context.Context, name string, lines []string) (site.KeyChange, error) {
	return e.changeKeys(ctx, name, func(spec site.Spec) (site.Spec, site.KeyChange, error) { return spec.AddKeys(lines) })
}

// RemoveKeys takes keys from a site, each named by its fingerprint or comment. From the next connection on they let nobody in, even
// where the owner has written them down too; sessions that are open go on. Errors are those of AddKeys, and site.ErrAbsent.
func (e *Engine) RemoveKeys(ctx context.Context, name string, which []string) (site.KeyChange, error) {
	return e.changeKeys(ctx, name, func(spec site.Spec) (site.Spec, site.KeyChange, error) { return spec.RemoveKeys(which) })
}

func (e *Engine) changeKeys(ctx context.Context, name string, change func(site.Spec) (site.Spec, site.KeyChange, error)) (_ site.KeyChange, err error) {
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return site.KeyChange{}, err
	}
	defer unlock()
	old, err := e.changeable(name)
	if err != nil {
		return site.KeyChange{}, err
	}
	if err := e.takeOver(ctx, old); err != nil { // its sshd may run, and would go on with what it has
		return site.KeyChange{}, err
	}
	c := e.live(name).snapshot().container
	if c != nil {
		if _, err := c.Handed(); errors.Is(err, container.ErrNotHanded) {
			return site.KeyChange{}, fmt.Errorf("%w: %w", site.ErrConflict, container.ErrNotHanded)
		}
	}
	spec, changed, err := change(old.Spec)
	if err != nil {
		return site.KeyChange{}, err
	}
	// From here on it goes to the end or back, whoever leaves.
	var undo undo
	defer func() { undo.runOn(ctx, e.log, &err) }()
	rec, err := e.recordKeys(spec)
	if err != nil {
		return site.KeyChange{}, err
	}
	undo.add("put back the record", func(context.Context) error { _, err := e.recordKeys(old.Spec); return err })
	if err := fault.Point("keys: recorded"); err != nil {
		return site.KeyChange{}, err
	}
	// Also where nothing has changed: whoever asks again wants the keys to be there.
	if c != nil {
		undo.add("put back the keys", func(context.Context) error { return c.Hand(handed(old)) })
		if err := c.Hand(handed(rec)); err != nil {
			return site.KeyChange{}, fmt.Errorf("%w: or stop it, and do this then", err)
		}
		if err := fault.Point("keys: handed over"); err != nil {
			return site.KeyChange{}, err
		}
	}
	e.noteKeys(name, changed)
	return changed, nil
}

func (e *Engine) recordKeys(spec site.Spec) (site.Record, error) {
	return e.store.Update(spec.Name, func(r *site.Record) {
		r.Spec.SSHKeys, r.Spec.RevokedKeys = spec.SSHKeys, spec.RevokedKeys
	})
}

// noteKeys tells of a change of keys, by their fingerprints.
func (e *Engine) noteKeys(name string, change site.KeyChange) {
	for _, what := range []struct {
		done string
		keys []sshkey.Key
	}{{"added", change.Added}, {"changed", change.Changed}, {"removed", change.Removed}} {
		for _, k := range what.keys {
			e.note(event.SiteChanged, name, 0, "key %s %s", k, what.done)
		}
	}
}

// applyKeys makes good what a crash left between the record of a site and what its sshd sees, once its container is adopted.
func (e *Engine) applyKeys(rec site.Record) {
	c := e.live(rec.Name()).snapshot().container
	if c == nil {
		return
	}
	switch err := c.Hand(handed(rec)); {
	case errors.Is(err, container.ErrNotHanded): // its keys are those that it was started with: changeKeys
		e.log.Info("keys of a site can be changed once it is restarted", "site", rec.Name(), "reason", err)
	case err != nil:
		e.log.Error("hand a site its keys: see logis doctor", "site", rec.Name(), "error", err)
	}
}

// handed is what a site is handed: the files that its sshd was told of when it was made.
func handed(rec site.Record) container.Handed {
	text := func(head string, lines []string) string {
		return "# " + head + ": made by logis key, on the host.\n" + strings.Join(append(slices.Clip(lines), ""), "\n")
	}
	return container.Handed{
		image.AuthorizedKeys + "." + rec.Name(): text("Keys that let "+rec.Name()+" in, beside those in ~/.ssh/authorized_keys", rec.Spec.SSHKeys),
		image.RevokedKeys:                       text("Keys that were taken back: they let nobody in", rec.Spec.RevokedKeys),
	}
}

// words is an error's text, "" of none.
func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
