//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// visits is what visitors of a page saw.
type visits struct {
	mu     sync.Mutex
	took   []time.Duration // of each that was answered as it should be
	failed []string
}

// visit has n visitors ask for a page until the context ends. Every other of them opens a connection for each request.
func (h *house) visit(ctx context.Context, n int, site, path, want string) *visits {
	v := &visits{}
	var visitors sync.WaitGroup
	for i := range n {
		visitors.Go(func() {
			transport := &http.Transport{DisableKeepAlives: i%2 == 1}
			defer transport.CloseIdleConnections()
			c := &http.Client{Transport: transport, Timeout: patience}
			for ctx.Err() == nil {
				began := time.Now()
				err := ask(c, site, path, want)
				v.note(time.Since(began), err)
				pause(ctx, 5*time.Millisecond)
			}
		})
	}
	visitors.Wait()
	return v
}

// ask asks the proxy for a page of a site.
func ask(c *http.Client, site, path, want string) error {
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
	if err != nil {
		return err
	}
	req.Host = site + ".localhost"
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || !strings.Contains(string(page), want) {
		return fmt.Errorf("%s: %.200s", res.Status, page)
	}
	return nil
}

func (v *visits) note(took time.Duration, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.failed = append(v.failed, fmt.Sprintf("after %v: %v", took.Round(time.Millisecond), err))
		return
	}
	v.took = append(v.took, took)
}

// percentile is the time within which that part of the answered requests was answered.
func (v *visits) percentile(part float64) time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v.took))
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}
