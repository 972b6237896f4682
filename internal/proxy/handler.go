package proxy

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// statusGone is what the access log shows for a visitor that went away before the answer.
const statusGone = 499

// handler answers every request: through a site or, where there is none to ask, with a page of its own.
type handler struct {
	table  *table
	limits Limits
	log    *accessLog
	sites  *siteLogs

	running sync.WaitGroup // requests, WebSockets among them
	leaving atomic.Bool    // a successor has taken over: each connection's next answer is its last
}

// ServeHTTP is the request's trip through the proxy.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.running.Add(1)
	defer h.running.Done()
	ex := &exchange{ResponseWriter: w, start: time.Now(), host: route.CanonicalHost(r.Host), declared: -1, leaving: &h.leaving}
	counts, site := &h.table.noSite, ""
	defer func() { // also when the answer is cut off by a panic
		counts.add(ex.status, time.Since(ex.start))
		h.log.record(ex, r)
		if site != "" {
			h.sites.record(site, ex, r)
		}
	}()
	if r.ContentLength != 0 {
		ex.body = newBody(w, r, h.limits.Stall)
		defer ex.body.end()
		r = r.WithContext(r.Context()) // a shallow copy
		r.Body = ex.body
	}
	switch {
	case r.Method == http.MethodConnect:
		ex.answer(r, noTunnel)
		return
	case r.RequestURI == "*":
		ex.WriteHeader(http.StatusOK)
		return
	}
	t := h.table.lookup(ex.host)
	if t == nil {
		ex.answer(r, unknownHost)
		return
	}
	counts, site = t.counts, t.Site
	if t.State != route.Up {
		ex.answer(r, stopped)
		return
	}
	defer t.active.Add(-1)
	if int(t.active.Add(1)) > h.limits.PerSite {
		ex.answer(r, busy)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		delete(r.Header, "Upgrade") // h2c, for one, would carry requests past this proxy
	}
	t.proxy.ServeHTTP(ex, r)
}

// exchange is one request and its answer: the ResponseWriter, and what the access log needs to know.
type exchange struct {
	http.ResponseWriter
	start    time.Time
	host     string // canonical
	body     *body  // of the request; nil if it has none
	status   int    // 0 before the answer
	written  int64  // bytes of the answer's body
	declared int64  // Content-Length of the answer; -1 for none
	leaving  *atomic.Bool
}

// Unwrap lets http.ResponseController through.
func (ex *exchange) Unwrap() http.ResponseWriter { return ex.ResponseWriter }

// WriteHeader notes the status; informational ones are passed on only. 100 Continue is not: the server says it itself when
// the transport begins to read the body, which it does when the site has said it.
func (ex *exchange) WriteHeader(status int) {
	if status == http.StatusContinue {
		return
	}
	if status >= 200 && ex.status == 0 {
		ex.status = status
		if ex.leaving.Load() {
			ex.Header().Set("Connection", "close")
		}
		if length := ex.Header().Get("Content-Length"); length != "" {
			if n, err := strconv.ParseInt(length, 10, 64); err == nil {
				ex.declared = n
			}
		}
	}
	ex.ResponseWriter.WriteHeader(status)
}

// Write counts. A part of an answer leaves at once: httputil does that where the length is not known, and here it is
// done where the length says that more will come. A whole short answer is one write with its headers.
func (ex *exchange) Write(p []byte) (int, error) {
	if ex.status == 0 {
		ex.WriteHeader(http.StatusOK)
	}
	n, err := ex.ResponseWriter.Write(p)
	ex.written += int64(n)
	if err == nil && ex.written < ex.declared {
		err = http.NewResponseController(ex.ResponseWriter).Flush()
	}
	return n, err
}

// Hijack hands the connection over after 101 Switching Protocols.
func (ex *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(ex.ResponseWriter).Hijack()
	if err == nil {
		ex.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
