//go:build e2e && soak

package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// visitTime bounds one request.
const visitTime = 10 * time.Second

// failing is the requests to a site that failed one after another, or while it was disturbed.
type failing struct {
	count       int
	first, last time.Time // when they began
}

func (f *failing) add(began time.Time) {
	if f.count == 0 {
		f.first = began
	}
	f.count++
	f.last = began
}

// visit asks for the site's page again and again, over one connection or a new one each time.
func (s *soakSite) visit(ctx context.Context, random *rand.Rand, keep bool) {
	transport := &http.Transport{DisableKeepAlives: !keep}
	defer transport.CloseIdleConnections()
	visitor := &http.Client{Transport: transport, Timeout: visitTime}
	for pause(ctx, time.Duration(150+random.IntN(300))*time.Millisecond) {
		began := time.Now()
		err := s.ask(ctx, visitor)
		if ctx.Err() != nil {
			return
		}
		s.judge(began, err)
	}
}

// ask asks for the site's page.
func (s *soakSite) ask(ctx context.Context, visitor *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
	if err != nil {
		return err
	}
	req.Host = s.name + ".localhost"
	res, err := visitor.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	switch {
	case err != nil:
		return err
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %.200s", res.Status, page)
	case !strings.Contains(string(page), "this is "+s.name+"."):
		s.soak.violate(s.name, "its address gives another page: %.300s", page)
	}
	return nil
}

// judge holds a request against what could be asked of the site while it ran.
func (s *soakSite) judge(began time.Time, err error) {
	k := s.soak
	switch s.duty(began) {
	case nothing:
		k.tally.request("while it was changed or came back", err)
		s.mu.Lock()
		if err != nil && !s.since.IsZero() {
			s.failing.add(began)
		}
		s.mu.Unlock()
	case silence:
		k.tally.request("to a site that is stopped or not there", nil)
		if err == nil {
			k.violate(s.name, "it serves, though it is stopped or does not exist")
		}
	case answer:
		switch {
		case err == nil:
			k.tally.request("to a site that should be up", nil)
			k.tally.well(s.name)
		case k.proxyAway.meets(began):
			k.tally.request("while logis-proxy started again", err)
			k.tally.proxyFailed(began)
		default:
			k.tally.request("to a site that should be up", err)
			k.violate(s.name, "a request failed after %v, though it should be up: %v", time.Since(began).Round(time.Millisecond), err)
		}
	}
}
