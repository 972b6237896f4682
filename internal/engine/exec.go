package engine

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// dialTimeout bounds the first word with a site's PID 1.
const dialTimeout = 10 * time.Second

// Exec starts a command in a site. The connection then carries the frames of package frame; what comes from it is the
// site's and is for the caller's eyes only.
func (e *Engine) Exec(ctx context.Context, name string, req control.Exec) (net.Conn, error) {
	return e.dial(ctx, name, control.Request{Op: control.OpExec, Exec: &req})
}

// Logs asks a site's PID 1 for the output of its services, or logis-proxy for what visitors asked for: that is service "proxy",
// which a site that is stopped has too. The connection then carries control.LogLine messages.
func (e *Engine) Logs(ctx context.Context, name string, req control.Logs) (net.Conn, error) {
	if req.Service == visitsService {
		return e.visits(ctx, name, req)
	}
	return e.dial(ctx, name, control.Request{Op: control.OpLogs, Logs: &req})
}

func (e *Engine) dial(ctx context.Context, name string, req control.Request) (net.Conn, error) {
	if _, err := e.store.Get(name); err != nil {
		return nil, err
	}
	s := e.live(name).snapshot()
	if s.container == nil {
		return nil, errNotUp(name, s.state)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := s.container.Dial(ctx, req)
	if err != nil {
		select {
		case <-s.container.Done():
			return nil, fmt.Errorf("%w: %w", errGone, err)
		default:
			return nil, fmt.Errorf("enter %s: %w", name, err)
		}
	}
	return conn, nil
}
