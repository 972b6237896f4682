package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/logis-project/logis/internal/image"
)

// A build's error says where its log is, and shows its end where it cannot say what the cause was.
func TestFailedBuildMentionsItsLog(t *testing.T) {
	dir := t.TempDir()
	log, err := openBuildLog(dir, "lemp")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	said := "; all that it said is in " + filepath.Join(dir, "build-lemp.log")
	build := &image.BuildError{Image: "lemp", Step: "packages", Tail: []string{"one", "two"}, Err: errors.New("exit status 100")}
	got := log.mention(fmt.Errorf("add: %w", build))
	if want := "add: build image lemp: packages: exit status 100" + said + "\none\ntwo"; got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	build.Cause = "no package x"
	if got, want := log.mention(build).Error(), "build image lemp: packages: no package x"+said; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if other := errors.New("other"); log.mention(other) != other || log.mention(nil) != nil { //nolint:errorlint // it is the same one
		t.Error("an error of something else changed")
	}
	for range 3 {
		if n, err := log.Write(make([]byte, maxBuildLog/2)); n != maxBuildLog/2 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "build-lemp.log")); err != nil || info.Size() != maxBuildLog {
		t.Errorf("the log grows to %v, %v", info, err)
	}
}

func TestNoImageSaysWhichThereAre(t *testing.T) {
	have := []ImageStatus{{Image: image.Image{Name: "blog"}}, {Image: image.Image{Name: "blog"}}, {Image: image.Image{Name: "shop"}}}
	for name, want := range map[string]string{
		"lemp":  `no image "lemp": build it with logis image build lemp`,
		"blgo":  `no image "blgo" (did you mean blog?): there is blog, shop, see logis image list`,
		"other": `no image "other": there is blog, shop, see logis image list`,
	} {
		if got := noImage(name, have).Error(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := noImage("other", nil).Error(), `no image "other", nor any other: build one with logis image build lemp`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
