package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/site"
)

func TestByPriority(t *testing.T) {
	var got []string
	for _, rec := range byPriority([]site.Record{
		{Spec: site.Spec{Name: "late", Priority: -1}},
		{Spec: site.Spec{Name: "bob"}},
		{Spec: site.Spec{Name: "alice"}},
		{Spec: site.Spec{Name: "zoe", Priority: 10}},
	}) {
		got = append(got, rec.Name())
	}
	if d := cmp.Diff([]string{"zoe", "alice", "bob", "late"}, got); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
}

func TestBootReportInALine(t *testing.T) {
	r := BootReport{Began: time.Unix(0, 0), Sites: []BootSite{
		{Name: "alice", Outcome: Up},
		{Name: "bob", Outcome: NotUp, Error: "find image: it is lost"},
		{Name: "carol", Outcome: Up},
		{Name: "dave", Outcome: Adopted},
		{Name: "erin", Outcome: Interrupted},
	}}
	if d := cmp.Diff("2 up, 1 adopted, 1 interrupted, 1 failed (bob: find image: it is lost)", r.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := (BootReport{}).String(); got != "no site should run" {
		t.Errorf("of no site: %q", got)
	}
}
