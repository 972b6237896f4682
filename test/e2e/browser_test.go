//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// browser is a browser without a screen: it keeps cookies, follows links and fills in forms.
type browser struct {
	t      *testing.T
	client http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: http.Client{Jar: jar, Timeout: time.Minute}}
}

// page is a page that a browser shows.
type page struct {
	at   *url.URL
	root *html.Node
}

// body makes a request, and returns the body of an answer that is a success.
func (b *browser) body(method, address string, header http.Header, body []byte) ([]byte, error) {
	data, _, err := b.fetch(method, address, header, body)
	return data, err
}

func (b *browser) fetch(method, address string, header http.Header, body []byte) ([]byte, *url.URL, error) {
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(req.Header, header)
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, nil, fmt.Errorf("%s %s: %s: %.2000s", method, address, resp.Status, data)
	}
	return data, resp.Request.URL, nil
}

func (b *browser) open(method, address string, header http.Header, body []byte) (*page, error) {
	data, at, err := b.fetch(method, address, header, body)
	if err != nil {
		return nil, err
	}
	root, err := html.Parse(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return &page{at, root}, nil
}

func (b *browser) get(address string) (*page, error) {
	return b.open(http.MethodGet, address, nil, nil)
}

// submit fills in the form that has a field of that name and sends it; what is not given is sent as the page has it.
func (b *browser) submit(p *page, field string, values url.Values) (*page, error) {
	in := p.field(field)
	for in != nil && in.Data != "form" {
		in = in.Parent
	}
	if in == nil {
		return nil, fmt.Errorf("%s has no form with a field %q: %.2000s", p.at, field, p.text())
	}
	filled := url.Values{}
	for n := range in.Descendants() {
		if name := attribute(n, "name"); n.Type == html.ElementNode && n.Data == "input" && name != "" && !unchecked(n) {
			filled.Set(name, attribute(n, "value"))
		}
	}
	maps.Copy(filled, values)
	target, err := p.at.Parse(attribute(in, "action"))
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Referer": {p.at.String()}}
	return b.open(http.MethodPost, target.String(), header, []byte(filled.Encode()))
}

// unchecked tells whether an input is a box without its mark, which is not sent.
func unchecked(n *html.Node) bool {
	kind := attribute(n, "type")
	if kind != "checkbox" && kind != "radio" {
		return false
	}
	for _, a := range n.Attr {
		if a.Key == "checked" {
			return false
		}
	}
	return true
}

// find returns the first element of that name for which is holds, nil if there is none.
func (p *page) find(element string, is func(*html.Node) bool) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == element && is(n) {
			return n
		}
	}
	return nil
}

// field finds an input or a choice by its name.
func (p *page) field(name string) *html.Node {
	named := func(n *html.Node) bool { return attribute(n, "name") == name }
	if n := p.find("input", named); n != nil {
		return n
	}
	return p.find("select", named)
}

// text is what the page says, without its markup.
func (p *page) text() string { return strings.Join(strings.Fields(textOf(p.root)), " ") }

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "script" && c.Parent.Data != "style" {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
