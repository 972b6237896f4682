package servertest

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/logis-project/logis/internal/server"
)

// Serve runs a server of m on a socket until the test ends. stop ends it at once.
func Serve(t testing.TB, m *Engine) (socket string, stop func()) {
	t.Helper()
	return ServeWith(t, server.Options{Engine: m, Log: slog.New(slog.DiscardHandler)})
}

// ServeWith is Serve with options of the test's own.
func ServeWith(t testing.TB, options server.Options) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	end, err := Listen(socket, options)
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if err := end(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
	t.Cleanup(stop)
	return socket, stop
}

// Listen runs a server on a socket until stop is called, which returns what Serve does; again it returns nil.
func Listen(socket string, options server.Options) (stop func() error, err error) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	if options.Group == 0 {
		options.Group = os.Getgid() // whoever runs the test may ask
	}
	s := server.New(options)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	var once sync.Once
	return func() (err error) {
		once.Do(func() {
			cancel()
			err = <-served
		})
		return err
	}, nil
}
