package engine

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/logis-project/logis/internal/network"
)

// networkRows send frames as a site with a raw socket could, and look where they arrive. No site has such a socket, which is
// a row of its own: these show that the rules hold even so.
func networkRows() []outsideRow {
	var rows []outsideRow
	for _, f := range network.Frames() {
		rows = append(rows, outsideRow{group: "frames", name: f.Name, want: f.Want, try: func(_ context.Context, p *proof) (string, error) {
			return p.send(f)
		}})
	}
	return rows
}

// send puts a frame on the subject's wire.
func (p *proof) send(f network.Frame) (_ string, err error) {
	subject, err := p.netNS(p.subject.Record.Name())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, subject.Close()) }()
	neighbour, err := p.netNS(p.neighbour.Record.Name())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, neighbour.Close()) }()
	return p.network.Send(f, portOf(p.subject.Record), subject, portOf(p.neighbour.Record), neighbour)
}

// netNS opens the network namespace of a site that runs.
func (p *proof) netNS(name string) (*os.File, error) {
	c := p.live(name).snapshot().container
	if c == nil {
		return nil, fmt.Errorf("%s does not run", name)
	}
	return c.NetNS()
}
