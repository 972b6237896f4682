package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/site"
)

// What nobody asks for is as configured, and what may be zero can be asked to be.
func TestWithDefaults(t *testing.T) {
	e := &Engine{config: config.Default()}
	e.config.Defaults.IOBandwidth = 5 << 20
	got := e.withDefaults(site.Spec{Limits: site.Limits{Swap: site.Unset, IOBandwidth: site.Unset, Bandwidth: site.Unset}}).Limits
	want := site.Limits{
		Memory: 512 << 20, Swap: 1 << 30, Disk: 2 << 30, CPUs: 1, PIDs: 512,
		CPUWeight: 100, IOWeight: 100, IOBandwidth: 5 << 20, OpenFiles: 4096, LogSize: 2 << 20,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("nothing asked for (-want +got):\n%s", d)
	}
	if err := got.Check(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	asked := site.Limits{
		Memory: 1 << 30, Disk: 3 << 30, CPUs: 2, PIDs: 99, CPUWeight: 1, IOWeight: 2, OpenFiles: 300, LogSize: 1 << 20,
	}
	if d := cmp.Diff(asked, e.withDefaults(site.Spec{Limits: asked}).Limits); d != "" {
		t.Errorf("all asked for, swap and bandwidths to be none (-want +got):\n%s", d)
	}
}
