package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/server/servertest"
)

var update = flag.Bool("update", false, "write docs/openapi.json and the table of docs/api.md anew")

const (
	apiPage    = "../../docs/api.md"
	apiFile    = "../../docs/openapi.json"
	tableBegin = "<!-- routes: go test ./internal/server -run TestDocumentedRoutes -update -->\n"
	tableEnd   = "<!-- end of routes -->\n"
)

// TestDocumentedRoutes: the table of docs/api.md is the route table, with right and limits.
func TestDocumentedRoutes(t *testing.T) {
	page, err := os.ReadFile(apiPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), tableBegin)
	got, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no table of routes", apiPage)
	}
	want := routeTable(t)
	if *update {
		if err := os.WriteFile(apiPage, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := diff.Diff(want, got); d != "" {
		t.Errorf("the table of %s (-routes +page; write it with -update):\n%s", apiPage, d)
	}
}

// TestDocumentedRoutesAsOpenAPI: docs/openapi.json is the document that a logisd serves, so that a change of the API shows where it is reviewed.
func TestDocumentedRoutesAsOpenAPI(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	_, body := raw(t, socket, "GET", "/openapi.json", "", "")
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", " "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(apiFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(apiFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(string(want), got.String()); d != "" {
		t.Errorf("the API is not that of %s (-file +API; write it with go test ./internal/server -run TestDocumentedRoutes -update):\n%s", apiFile, d)
	}
}

// routeTable makes the table out of the OpenAPI document, which is made out of the registrations.
func routeTable(t *testing.T) string {
	t.Helper()
	socket, _ := servertest.Serve(t, servertest.New())
	_, body := raw(t, socket, "GET", "/openapi.json", "", "")
	var doc struct {
		Paths map[string]map[string]struct {
			Summary string
			Request *json.RawMessage `json:"requestBody"`
			Right   string           `json:"x-logis-right"`
			Body    int64            `json:"x-logis-body"`
			Seconds float64          `json:"x-logis-seconds"`
			Stream  bool             `json:"x-logis-stream"`
			Pause   bool             `json:"x-logis-pause"`
		}
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			limit, size, counted, unread := "–", "–", "request", "1 min"
			if op.Seconds > 0 {
				limit = strings.TrimSuffix(time.Duration(op.Seconds*float64(time.Second)).String(), "0s")
			}
			switch {
			case op.Body > 0:
				size = fmt.Sprintf("%d GiB", op.Body>>30)
			case op.Request != nil:
				size = "1 MiB"
			}
			if op.Stream {
				counted = "stream"
			}
			if op.Pause {
				unread = "–"
			}
			rows = append(rows, fmt.Sprintf("| `%s %s` | %s | %s | %s | %s | %s | %s |\n",
				strings.ToUpper(method), path, op.Right, size, limit, unread, counted, op.Summary))
		}
	}
	slices.SortFunc(rows, func(a, b string) int { // by path, then method
		route := func(row string) (path, method string) {
			method, rest, _ := strings.Cut(row, " /")
			path, _, _ = strings.Cut(rest, "`")
			return path, method
		}
		pathA, methodA := route(a)
		pathB, methodB := route(b)
		return cmp.Or(strings.Compare(pathA, pathB), strings.Compare(methodA, methodB))
	})
	return "| route | right | body | time | unread | counts as | what |\n|---|---|---|---|---|---|---|\n" + strings.Join(rows, "")
}
