package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/event"
)

func TestLosses(t *testing.T) {
	const lost, back, silent = event.RulesLost, event.RulesRestored, event.Type("")
	now, busy := time.Now(), errors.New("nft is busy")
	var l losses
	for _, step := range []struct {
		what  string
		after time.Duration
		err   error
		want  []event.Type
	}{
		{"deleted in a loop", time.Second, nil, []event.Type{back, back, back, lost, silent, silent}},
		{"once more, later", time.Hour, nil, []event.Type{back}},
		{"a lasting loss", 61 * time.Second, busy, []event.Type{lost, silent, silent}},
		{"brought back", time.Second, nil, []event.Type{back}},
	} {
		var got []event.Type
		for range step.want {
			now = now.Add(step.after)
			kind, text := l.next(now, step.err)
			if (kind == silent) != (text == "") {
				t.Errorf("%s: a text without an event, or none with one: %q", step.what, text)
			}
			got = append(got, kind)
		}
		if d := cmp.Diff(step.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, d)
		}
	}
}
