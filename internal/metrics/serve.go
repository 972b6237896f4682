package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of one listener: who does not read, or opens connections without end, holds up others of the same listener at most, and
// nothing else.
const (
	connections = 32
	headerTime  = 5 * time.Second
	answerTime  = 30 * time.Second // from the end of a request's headers to the last byte of its answer
	idleTime    = 30 * time.Second
	maxHeader   = 16 << 10 // bytes
	graceTime   = time.Second
)

// Serve answers on l until ctx is done, and closes l. It returns an error only if l fails.
func (h *Handler) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(l, connections)) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer cancel()
		_ = server.Shutdown(grace) // an error says that some still read: they are cut off next
		err = <-served
	}
	_ = server.Close()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
