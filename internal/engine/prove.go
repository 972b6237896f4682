package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/docker/go-units"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/probe"
	"github.com/logis-project/logis/internal/site"
)

// proofTimeout bounds a whole proof.
const proofTimeout = 15 * time.Minute

// ProofRow is one attempt of a proof, compared.
type ProofRow struct {
	Group, Attempt string
	Expected       []string // outcomes that are right
	Seen           string
	OK             bool
	Untried        string // why it was not tried; with OK there was nothing to try it on
}

// ProofSum is how a proof came out.
type ProofSum struct {
	Site      string
	Throwaway bool
	Attempts  int // that were made
	Differ    int // rows that are not OK
	Untried   int // rows that are OK and were not tried
}

// ProofReport is called as a proof goes on: with a step that begins, or with a row.
type ProofReport struct {
	Step func(string)
	Row  func(ProofRow)
}

// proof is one run of Prove.
type proof struct {
	*Engine
	report    ProofReport
	program   []byte // logis-probe
	subject   site.Status
	neighbour site.Status
	throwaway bool // the subject was made for this
	scene     probe.Scene
	planted   bool
	filling   *filling // while it holds connections
	sum       ProofSum
}

// Prove tries, as root of a site, what must not work there, and compares each outcome with what is right. Without a name it
// makes the site; a neighbour is made always. What it makes is destroyed whatever happens: by itself, or by the next Boot.
// One proof at a time: site.ErrConflict.
func (e *Engine) Prove(ctx context.Context, name string, report ProofReport) (_ ProofSum, err error) {
	if !e.proving.TryLock() {
		return ProofSum{}, fmt.Errorf("%w: another proof is under way", site.ErrConflict)
	}
	defer e.proving.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, proofTimeout, errors.New("the proof takes too long"))
	defer cancel()
	p := &proof{Engine: e, report: report, throwaway: name == ""}
	if e.probeProgram == "" {
		return ProofSum{}, errors.New("logis-probe was not installed when logisd started: run make install and restart logisd")
	}
	if p.program, err = os.ReadFile(e.probeProgram); err != nil {
		return ProofSum{}, fmt.Errorf("read logis-probe: %w", err)
	}
	report.Step("making throw-away sites")
	if p.throwaway {
		p.subject, err = p.makeSite(ctx)
	} else {
		p.subject, err = e.running(ctx, name)
	}
	if err != nil {
		return ProofSum{}, err
	}
	if p.throwaway {
		defer func() { err = andUndo(err, p.unmake(ctx, p.subject)) }()
	}
	if p.neighbour, err = p.makeSite(ctx); err != nil {
		return ProofSum{}, err
	}
	defer func() { err = andUndo(err, p.unmake(ctx, p.neighbour)) }()
	if err := fault.Point("prove: sites"); err != nil {
		return ProofSum{}, err
	}
	ctx, stop := p.endWithSites(ctx)
	defer stop()
	if err = p.run(ctx); err != nil && errors.Is(context.Cause(ctx), site.ErrConflict) {
		err = context.Cause(ctx) // whatever broke off with the site
	}
	return p.sum, err
}

// proofMemory is what must be left of the memory of a site of somebody's, in bytes: with less the kernel could kill what its
// owner runs for what the probe takes.
const proofMemory = 48 << 20

// running is the status of a site that can be entered, and has room for it.
func (e *Engine) running(ctx context.Context, name string) (site.Status, error) {
	s, err := e.Show(ctx, name)
	if err == nil && e.live(name).snapshot().container == nil {
		err = errNotUp(name, s.State)
	}
	if err != nil {
		return s, err
	}
	if left := s.Record.Spec.Limits.Memory - (s.Usage.Memory - s.Usage.Cache); left < proofMemory {
		return s, fmt.Errorf("%w: %s of its memory are left, and the proof needs %s: raise the limit with logis set %s --memory",
			site.ErrConflict, units.BytesSize(float64(max(left, 0))), units.BytesSize(proofMemory), name)
	}
	return s, nil
}

// makeSite makes a throw-away site, small, so that its limits are near.
func (p *proof) makeSite(ctx context.Context) (site.Status, error) {
	var tail [3]byte
	_, _ = rand.Read(tail[:]) // never fails: crypto/rand
	spec := site.Spec{Name: "prove-" + hex.EncodeToString(tail[:]), Throwaway: true, Limits: proofLimits()}
	s, err := p.Create(ctx, spec, CreateOptions{})
	if err != nil {
		return s, fmt.Errorf("make a throw-away site: %w", err)
	}
	return s, nil
}

// proofLimits are those of a throw-away site.
func proofLimits() site.Limits {
	return site.Limits{Memory: 256 << 20, Swap: 64 << 20, Disk: 512 << 20, CPUs: 1, PIDs: 256, LogSize: 256 << 10}
}

func (p *proof) unmake(ctx context.Context, s site.Status) error {
	err := p.Destroy(context.WithoutCancel(ctx), s.Record.Name())
	if err != nil && !errors.Is(err, site.ErrNotFound) {
		return fmt.Errorf("destroy the throw-away site %s: %w", s.Record.Name(), err)
	}
	return nil
}

// run makes the attempts: from inside, then those that take the host's side.
func (p *proof) run(ctx context.Context) (err error) {
	p.sum = ProofSum{Site: p.subject.Record.Name(), Throwaway: p.throwaway}
	hold, err := p.setScene(ctx)
	if err != nil {
		return err
	}
	defer hold()
	p.report.Step("trying it from inside")
	if err := p.inside(ctx); err != nil {
		return err
	}
	defer func() { err = andUndo(err, p.unfill()) }()
	for _, r := range outsideRows() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		p.report.Step(r.group + ": " + r.name)
		p.outside(ctx, r)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// add counts a row and tells of it.
func (p *proof) add(r ProofRow) {
	switch {
	case !r.OK:
		p.sum.Differ++
	case r.Untried != "":
		p.sum.Untried++
	}
	if r.Untried == "" {
		p.sum.Attempts++
	}
	p.report.Row(r)
}
