package server_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
)

// The log says who asked for a change, and why it was not made: the caller may not have kept what it was told.
func TestLogSaysWhyNot(t *testing.T) {
	var log bytes.Buffer
	socket, stop := servertest.ServeWith(t, server.Options{
		Engine: servertest.New(), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err := client.New(socket).Destroy(t.Context(), "none"); err == nil {
		t.Fatal("destroyed")
	}
	stop()
	for _, want := range []string{"route=destroy-site", "name=none", "status=404", `error="no such site`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, &log)
		}
	}
}
