package engine

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/site"
)

// Metrics name the services of the image, each once: a name of the owner's is no label, nor are two reports of one name two.
func TestServicesOfTheImage(t *testing.T) {
	own := ownServices("lemp")
	for _, name := range []string{"nginx", "php-fpm", "mariadb", "sshd", "cron"} {
		if !slices.Contains(own, name) {
			t.Errorf("the image has no %s: %q", name, own)
		}
	}
	if names := ownServices("of-somebody-else"); names != nil {
		t.Errorf("services of an image that is not known: %q", names)
	}
	got := only(own, []site.Service{
		{Name: "mine", Ready: true}, {Name: "nginx", Restarts: 1}, {Name: "nginx", Restarts: 2}, {Name: "x\"} 1\nlogis_site_up{site=\"bob"},
	})
	if diff := cmp.Diff([]site.Service{{Name: "nginx", Restarts: 1}}, got); diff != "" {
		t.Error(diff)
	}
}
