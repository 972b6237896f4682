package images_test

import (
	"testing"

	"github.com/logis-project/logis/images"
	"github.com/logis-project/logis/internal/guest"
	"github.com/logis-project/logis/internal/image"
)

// Every manifest is one that image reads, and its services are ones that logis-init reads.
func TestManifestsAreUnderstood(t *testing.T) {
	names := images.Names()
	if len(names) == 0 {
		t.Fatal("no manifest is embedded")
	}
	for _, name := range names {
		m, err := image.Embedded(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Name != name {
			t.Errorf("%s.toml is of an image called %q", name, m.Name)
		}
		for _, s := range m.Services {
			if _, err := guest.ParseService(s.Name, []byte(s.Content), "alice"); err != nil {
				t.Errorf("%s: service %s: %v", name, s.Name, err)
			}
		}
	}
}
