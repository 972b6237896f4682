package container

import (
	"slices"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/google/go-cmp/cmp"
)

func TestExpectations(t *testing.T) {
	l := Limits{Memory: 512 << 20, Swap: 1 << 30, CPUs: 1.5, PIDs: 512, CPUWeight: 200}
	none := l
	none.Swap = 0
	v1 := []expectation{
		{"memory", "memory.limit_in_bytes", "536870912"},
		{"cpu", "cpu.cfs_quota_us", "150000"},
		{"cpu", "cpu.cfs_period_us", "100000"},
		{"pids", "pids.max", "512"},
		{"cpu", "cpu.shares", "2048"},
	}
	v2 := []expectation{{"", "memory.max", "536870912"}, {"", "cpu.max", "150000 100000"}, {"", "pids.max", "512"}, {"", "cpu.weight", "200"}}
	for _, c := range []struct {
		name    string
		limits  Limits
		unified bool
		want    []expectation
	}{
		{"v1", l, false, append(v1[:5:5], expectation{"memory", "memory.memsw.limit_in_bytes", "1610612736"})},
		{"v1 without swap", none, false, append(v1[:5:5], expectation{"memory", "memory.memsw.limit_in_bytes", "536870912"})},
		{"v2", l, true, append(v2[:4:4], expectation{"", "memory.swap.max", "1073741824"})},
		{"v2 without swap", none, true, append(v2[:4:4], expectation{"", "memory.swap.max", "0"})},
	} {
		if diff := cmp.Diff(c.want, expectations(c.limits.resources(), c.unified), cmp.AllowUnexported(expectation{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	uncounted := l.resources()
	uncounted.MemorySwap = 0
	for unified, want := range map[bool][]expectation{false: v1, true: v2} {
		if diff := cmp.Diff(want, expectations(uncounted, unified), cmp.AllowUnexported(expectation{})); diff != "" {
			t.Errorf("unified %t, swap not counted (-want +got):\n%s", unified, diff)
		}
	}
}

// The unit that stops the sites at shutdown has one name on every host, and a scope of another instance must outlive its end too.
func TestScopeIsStoppedAfterSites(t *testing.T) {
	i := slices.IndexFunc(scopeProperties("alice"), func(p dbus.Property) bool { return p.Name == "Before" })
	if i < 0 {
		t.Fatal("the scope is before nothing")
	}
	got := scopeProperties("alice")[i].Value.Value()
	if diff := cmp.Diff([]string{"logis-sites.service"}, got); diff != "" {
		t.Errorf("the scope is before (-want +got):\n%s", diff)
	}
}

// systemd rounds a quota to hundredths of a processor and writes what it has rounded.
func TestCPUsAreHundredths(t *testing.T) {
	for cpus, want := range map[float64]int64{0.01: 1000, 0.29: 29_000, 0.5: 50_000, 0.505: 51_000, 1.0 / 3: 33_000, 2: 200_000} {
		if got := (Limits{CPUs: cpus}).resources().CpuQuota; got != want {
			t.Errorf("%v processors are a quota of %d µs, want %d", cpus, got, want)
		}
	}
}

func TestTaken(t *testing.T) {
	for _, c := range []struct {
		file, want, got string
		taken           bool
	}{
		{"memory.max", "536870912", "536870912", true},
		{"memory.max", "536870913", "536870912", true}, // rounded down to pages
		{"memory.max", "536870912", "536875008", false},
		{"memory.max", "536870912", "max", false},
		{"memory.swap.max", "0", "0", true},
		{"memory.swap.max", "0", "max", false},
		{"memory.limit_in_bytes", "1", "9223372036854771712", false},
		{"pids.max", "512", "512", true},
		{"pids.max", "5000", "5001", false},
		{"cpu.cfs_quota_us", "50000", "50001", false},
		{"cpu.cfs_quota_us", "50000", "-1", false},
		{"cpu.max", "50000 100000", "max 100000", false},
	} {
		if got := (expectation{file: c.file, want: c.want}).taken(c.got); got != c.taken {
			t.Errorf("%s: wrote %s, reads %s: taken is %t", c.file, c.want, c.got, got)
		}
	}
}

func TestParentSlice(t *testing.T) {
	for instance, want := range map[string]string{"logis": "-.slice", "logis-test": "logis.slice", "a-b-c": "a-b.slice"} {
		if got := parentSlice(instance); got != want {
			t.Errorf("slice of %s lies in %s, want %s", instance, got, want)
		}
	}
}

// A weight of version 2 is as many shares of version 1 as the kernel itself makes of it; both are 100 parts of what others have.
func TestCPUWeight(t *testing.T) {
	for weight, shares := range map[int64]uint64{1: 10, 50: 512, 100: 1024, 333: 3410, 10_000: 102_400} {
		r := (Limits{CPUWeight: weight}).resources()
		if r.CpuWeight != uint64(weight) || r.CpuShares != shares {
			t.Errorf("weight %d: %d, %d shares, want %d", weight, r.CpuWeight, r.CpuShares, shares)
		}
	}
	if r := (Limits{}).resources(); r.CpuWeight != 0 || r.CpuShares != 0 {
		t.Errorf("no weight: %d, %d shares", r.CpuWeight, r.CpuShares)
	}
}
