package client_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

// sentinels are the kinds of errors, by their codes.
func sentinels() map[string]error {
	return map[string]error{
		"failed": client.ErrFailed, "cancelled": client.ErrCancelled, "invalid": client.ErrInvalid,
		"not_found": client.ErrNotFound, "conflict": client.ErrConflict,
	}
}

// TestErrorsAreTheirCode: an answer is the error of its code and of no other.
func TestErrorsAreTheirCode(t *testing.T) {
	for code, want := range sentinels() {
		c := client.New(answering(t, 400, `{"type":"x","status":400,"detail":"why","code":"`+code+`","message":"why"}`))
		_, err := c.Version(t.Context())
		for other, sentinel := range sentinels() {
			if errors.Is(err, sentinel) != (other == code) {
				t.Errorf("errors.Is(%v of code %s, %s) = %v", err, code, other, other != code)
			}
		}
		if err == nil || err.Error() != "why" || want.Error() != code {
			t.Errorf("%v, %v", err, want)
		}
		c.Close()
	}
}

// TestForeignAnswers: an older daemon's error has code and message, another server's neither.
func TestForeignAnswers(t *testing.T) {
	for body, want := range map[string]api.Error{
		`{"code":"conflict","message":"taken"}`: {Code: "conflict", Message: "taken"},
		`{"detail":"no","code":"conflict"}`:     {Code: "conflict", Detail: "no", Message: "no"},
		`<html>`:                                {Code: "failed", Status: 502, Message: "logisd answered 502 Bad Gateway"},
		``:                                      {Code: "failed", Status: 502, Message: "logisd answered 502 Bad Gateway"},
		`{"message":""}`:                        {Code: "failed", Status: 502, Message: "logisd answered 502 Bad Gateway"},
	} {
		c := client.New(answering(t, http.StatusBadGateway, body))
		_, err := c.Version(t.Context())
		got, ok := errors.AsType[*api.Error](err)
		if !ok || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s is %#v", body, err)
		}
		c.Close()
	}
	_, err := client.New(t.TempDir() + "/none").Version(t.Context())
	if !errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrFailed) {
		t.Errorf("without a daemon: %v", err)
	}
}

// answering serves the same answer to every request.
func answering(t *testing.T, status int, body string) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-served
	})
	return socket
}

// TestCreateReportsToNobody: report may be nil, as the doc says.
func TestCreateReportsToNobody(t *testing.T) {
	c := client.New(answering(t, http.StatusOK, `{"site":"alice","step":"disk"}`+"\n"+`{"site":"alice","done":{"name":"alice"}}`+"\n"))
	defer c.Close()
	s, err := c.Create(t.Context(), api.CreateRequest{Name: "alice"}, nil)
	if err != nil || s.Name != "alice" {
		t.Errorf("%+v, %v", s, err)
	}
}
