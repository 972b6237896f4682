package route

import (
	"context"
	"testing"
)

// Await returns with a proxy's word that it has the table, and without one when nobody comes.
func TestAwait(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace(nil)
	p.Await(t.Context())
	if p.Connected() {
		t.Fatal("a proxy is connected that is none")
	}
	proxy := dial(t, socket)
	proxy.table()
	p.Await(t.Context())
	if !p.Connected() {
		t.Error("it did not wait for the proxy")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	proxy.conn.Close()
	p.Await(ended)
}
