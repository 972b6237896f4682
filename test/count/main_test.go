package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCount(t *testing.T) {
	for name, c := range map[string]struct {
		events  []string
		verbose bool
		want    tally
		shown   string
	}{
		"subtests count, their parent does not": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestA/b"}`,
				`{"Action":"run","Package":"p","Test":"TestA/c"}`,
				`{"Action":"output","Package":"p","Test":"TestA/c","Output":"the reason\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA/b"}`,
				`{"Action":"fail","Package":"p","Test":"TestA/c"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want: tally{passed: 1, failed: 1}, shown: "the reason",
		},
		"a skipped test says why": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"no cgroup here\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"pass","Package":"p"}`,
			},
			want: tally{skipped: 1}, shown: "no cgroup here",
		},
		"a package that does not build is a failure": {
			events: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"x.go:1: undefined: y\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			},
			want: tally{broken: 1}, shown: "undefined: y",
		},
		"verbose: what a test says is printed, once": {
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    seen\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Test":"TestB","Output":"    seen, too\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestB"}`,
				`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
				`{"Action":"fail","Package":"p","Elapsed":1}`,
			},
			verbose: true, want: tally{passed: 1, failed: 1},
			shown: "    seen\n    seen, too\nFAIL  p  1.0 s\nFAIL\n",
		},
		"what is no event is passed on": {
			events: []string{"go: downloading example.org/x v1.0.0"},
			shown:  "go: downloading",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var shown strings.Builder
			got, err := count(strings.NewReader(strings.Join(c.events, "\n")), &shown, c.verbose)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(tally{})); diff != "" {
				t.Errorf("tally (-want +got):\n%s", diff)
			}
			if !strings.Contains(shown.String(), c.shown) {
				t.Errorf("shows %q, without %q", shown.String(), c.shown)
			}
		})
	}
}
