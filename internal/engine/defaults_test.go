package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/site"
	"github.com/logis-project/logis/internal/strict"
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

// What the configuration takes as a default, a site can be made with: the bounds are the same.
func TestDefaultsAreLimits(t *testing.T) {
	for _, line := range []string{
		`memory = "64MiB"`, `memory = "63MiB"`, `swap = "0"`, `swap = "off"`, `disk = "256MiB"`, `disk = "255MiB"`, "cpus = 0.01", "cpus = 0.009", "cpus = 1024", "cpus = 1025",
		"cpus = nan", "pids = 32", "pids = 31", "pids = 4194304", "pids = 4194305", "cpu_weight = 1", "cpu_weight = 0", "cpu_weight = 10000",
		"cpu_weight = 10001", "io_weight = 1", "io_weight = 0", "io_weight = 10000", "io_weight = 10001", `io_bandwidth = "off"`,
		`io_bandwidth = "1MiB"`, `io_bandwidth = "1023KiB"`, `bandwidth = "64KiB"`, `bandwidth = "63KiB"`, `bandwidth = "128GiB"`, `bandwidth = "129GiB"`, `io_bandwidth = "129GiB"`, "open_files = 256",
		"open_files = 255", "open_files = 1048576", "open_files = 1048577", `log_size = "64KiB"`, `log_size = "63KiB"`, `log_size = "1GiB"`,
		`log_size = "1025MiB"`,
	} {
		var e Engine
		_, refused := config.Parse([]byte("[defaults]\n" + line))
		e.config = config.Default()
		if err := strict.Unmarshal([]byte("[defaults]\n"+line), &e.config); err != nil {
			t.Fatal(err)
		}
		err := e.withDefaults(site.Spec{Limits: site.Limits{Swap: site.Unset, IOBandwidth: site.Unset, Bandwidth: site.Unset}}).Limits.Check()
		if (refused == nil) != (err == nil) {
			t.Errorf("%s: the configuration says %v, a site %v", line, refused, err)
		}
	}
}
