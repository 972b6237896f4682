package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/logis-project/logis/internal/image"
)

func TestFailedBuildShowsItsLastLines(t *testing.T) {
	build := &image.BuildError{Image: "lemp", Step: "packages", Tail: []string{"E: one", "E: two"}, Err: errors.New("exit status 100")}
	got := withLastLines(fmt.Errorf("add: %w", build))
	if want := "add: build image lemp: packages: exit status 100\nE: one\nE: two"; got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if other := errors.New("other"); !errors.Is(withLastLines(other), other) || withLastLines(nil) != nil {
		t.Error("an error of something else changed")
	}
}
