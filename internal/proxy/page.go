package proxy

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// page is an answer of the proxy's own.
type page struct {
	status int
	title  string
	text   string // %s, where present, is the host
	retry  int    // seconds of Retry-After; 0 for none
	close  bool   // the connection cannot be used again
}

var (
	unknownHost  = page{status: 404, title: "No such site", text: "There is no website at %s on this server. Check the address for typing errors."}
	stopped      = page{status: 503, title: "This site is stopped", text: "The website %s exists, but is not running at the moment.", retry: 60}
	notAnswering = page{status: 503, title: "This site does not answer", text: "The website %s is running, but its web server did not answer. It may just be starting: try again in a few seconds.", retry: 5}
	busy         = page{status: 503, title: "This site is busy", text: "The website %s has more visitors than it can serve at once. Try again in a few seconds.", retry: 5}
	tooSlow      = page{status: 408, title: "Request timed out", text: "The rest of the request did not arrive in time.", close: true}
	badBody      = page{status: 400, title: "Bad request", text: "The body of the request could not be read.", close: true}
	noTunnel     = page{status: 405, title: "Method not allowed", text: "This server opens no tunnels.", close: true}
)

var pageHTML = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>
html{color-scheme:light dark;font:17px/1.6 system-ui,sans-serif}
body{max-width:34em;margin:18vh auto 0;padding:0 1.5em;overflow-wrap:anywhere}
h1{font-size:1.6em;line-height:1.25;margin:0 0 .5em}
p{margin:0 0 1em}small{opacity:.65}
</style>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
<p><small>{{.Status}}</small></p>
</html>
`))

// answer writes p: as HTML to who asks for it, else as plain text.
func (ex *exchange) answer(r *http.Request, p page) {
	text := p.text
	if strings.Contains(text, "%s") {
		host := ex.host
		if host == "" {
			host = "this address"
		}
		if len(host) > 253 {
			host = host[:253] + "…"
		}
		text = fmt.Sprintf(text, host)
	}
	status := strconv.Itoa(p.status) + " " + http.StatusText(p.status)
	kind := "text/plain; charset=utf-8"
	var out bytes.Buffer
	if strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html") {
		kind = "text/html; charset=utf-8"
		// A bytes.Buffer takes every write and the template only prints strings.
		_ = pageHTML.Execute(&out, struct{ Title, Text, Status string }{p.title, text, status})
	} else {
		fmt.Fprintf(&out, "%s: %s\n", status, text)
	}
	h := ex.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.close {
		h.Set("Connection", "close")
	}
	ex.WriteHeader(p.status)
	_, _ = ex.Write(out.Bytes()) // the visitor may have gone; HEAD takes no body
}
