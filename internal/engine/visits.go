package engine

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// visitsService is the service whose log is kept by logis-proxy, outside of the site: what visitors asked for.
const visitsService = "proxy"

// visitsPause lies between two questions to the proxy, which writes its lines down once a second.
const visitsPause = time.Second

// visits gives the lines that logis-proxy keeps of a site in the form of PID 1's, with Follow until ctx is done or the site is
// destroyed. A proxy that is away for a while is waited for then.
func (e *Engine) visits(ctx context.Context, name string, req control.Logs) (net.Conn, error) {
	if _, err := e.store.Get(name); err != nil {
		return nil, err
	}
	lines, at, err := e.routes.Log(ctx, name, req.Lines, "")
	if err != nil {
		return nil, err
	}
	if req.Lines == 0 {
		lines = nil
	}
	out, in := net.Pipe()
	e.tasks.Go(func() {
		defer out.Close()
		for {
			for _, line := range lines {
				stamp, text, _ := strings.Cut(line, " ")
				if control.Write(out, control.LogLine{Time: stamp, Service: visitsService, Text: text}) != nil {
					return // nobody reads it any more
				}
			}
			if _, err := e.store.Get(name); err != nil || !req.Follow {
				return
			}
			select {
			case <-time.After(visitsPause):
			case <-ctx.Done():
				return
			case <-e.background.Done():
				return
			}
			next, now, err := e.routes.Log(ctx, name, maxVisits, at)
			if lines = nil; err == nil {
				lines, at = next, now
			}
		}
	})
	return in, nil
}

const maxVisits = 1000 // lines at once
