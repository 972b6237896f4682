package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// of is a measure of three rounds: what logis and what another subject had in each.
func of(measure, unit, other string, logis, others []float64) Result {
	return Result{Part: "create", Series: []Series{
		{Measure: measure, Subject: Logis, Unit: unit, Values: logis},
		{Measure: measure, Subject: other, Unit: unit, Values: others},
	}}
}

func TestCompare(t *testing.T) {
	peers := func(lxc, nspawn []float64) Result {
		r := of("m", "ms", LXC, []float64{50, 51, 49}, lxc)
		r.Series = append(r.Series, Series{Measure: "m", Subject: "nspawn", Unit: "ms", Values: nspawn})
		return r
	}
	alone := func(unit string, values ...float64) Result {
		return Result{Series: []Series{{Measure: "list", Subject: Logis, Unit: unit, X: 100, Values: values}}}
	}
	sites := func(x float64) Result {
		return Result{Series: []Series{
			{Measure: "list", Subject: Logis, Unit: "ms", X: 1, Values: []float64{5}},
			{Measure: "list", Subject: Logis, Unit: "ms", X: x, Values: []float64{9}},
		}}
	}
	floor := []float64{40, 40, 40}
	for _, c := range []struct {
		name     string
		old, new Result
		want     []string
	}{
		{
			"within the spread", of("create: http", "ms", Floor, []float64{44, 48, 52}, floor),
			of("create: http", "ms", Floor, []float64{46, 51, 56}, floor), nil,
		},
		{
			"beyond it", of("create: http", "ms", Floor, []float64{44, 48, 52}, floor),
			of("create: http", "ms", Floor, []float64{56, 60, 64}, floor),
			[]string{"create: http: 1.50 (1.45–1.55) × floor, was 1.20 (1.15–1.25) × floor: 25 % slower"},
		},
		{
			"faster", of("create: http", "ms", Floor, []float64{56, 60, 64}, floor),
			of("create: http", "ms", Floor, []float64{44, 48, 52}, floor), nil,
		},
		{
			"the machine is slower, all alike", of("create: http", "ms", Floor, []float64{44, 48, 52}, floor),
			of("create: http", "ms", Floor, []float64{88, 96, 104}, []float64{80, 80, 80}), nil,
		},
		{
			"a rate that fell", of("fsync", rate, Host, []float64{96, 98, 100}, []float64{100, 100, 100}),
			of("fsync", rate, Host, []float64{78, 80, 82}, []float64{100, 100, 100}),
			[]string{"fsync: 0.80 (0.79–0.81) × host, was 0.98 (0.97–0.99) × host: 18 % slower"},
		},
		{
			"a rate that rose", of("fsync", rate, Host, []float64{78, 80, 82}, []float64{100, 100, 100}),
			of("fsync", rate, Host, []float64{96, 98, 100}, []float64{100, 100, 100}), nil,
		},
		{
			"against the peer that was best, though another is now",
			peers([]float64{100, 100, 100}, []float64{200, 200, 200}), peers([]float64{50, 50, 50}, []float64{20, 20, 20}),
			[]string{"m: 1.00 (0.99–1.01) × lxc, was 0.50 (0.49–0.51) × lxc: 100 % slower"},
		},
		{
			"alone, larger", alone("bytes", 20e6, 20e6), alone("bytes", 23e6, 23e6),
			[]string{"list, 100 sites: 23.0 MB, was 20.0 MB: 15 % more"},
		},
		{"alone, a trifle", alone("bytes", 20e6, 20e6), alone("bytes", 20.3e6, 20.3e6), nil},
		{"alone, from nothing", alone("", 0, 0), alone("", 2, 2), []string{"list, 100 sites: 2, was 0"}},
		{
			"not measured any more", of("create: http", "ms", Floor, floor, floor),
			Result{},
			[]string{"create: http: is not measured any more"},
		},
		{"the machine holds fewer sites", sites(180), sites(170), nil},
	} {
		var got []string
		for _, change := range Compare(c.old, c.new) {
			got = append(got, change.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
