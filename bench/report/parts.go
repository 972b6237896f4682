package report

import (
	"cmp"
	"slices"
)

// parts are the parts of the benchmarks and their measures, in the order of the page. A measure that is not here is shown after those
// that are.
var parts = []struct {
	name     string
	measures []string
}{
	{"create", []string{
		"create: http", "create: ssh", "create: database", "create: ready",
		"restart: http", "restart: ssh", "restart: database", "restart: ready", "destroy: gone",
	}},
	{"idle", []string{
		"memory: private", "memory: shared", "memory: kernel", "processes", "descriptors", "disk", "engine: memory",
		"init: pss", "init: first service",
	}},
	{"growth", []string{
		"create", "destroy", "list", "start all", "logisd: memory", "logisd: cpu at rest",
	}},
	{"image", []string{"build", "import", "first site"}},
	{"inside", []string{"php", "database: read", "database: write", "files: create", "fsync"}},
	{"relaunch", []string{"relaunch"}},
}

// Subjects that stand for something: the one that the benchmarks are about, and those it is held against.
const (
	Logis    = "logis"
	LogisAPI = "logis (API)" // the same without the process of the command
	Floor    = "floor"       // the services alone, in a bare chroot
	Host     = "host"        // the services on the host itself, on its own disk
	Pool     = "pool"        // the services in a chroot on the layers of a site
	LXC      = "lxc"
)

// Subjects are the names of all, in the order of a table's columns.
func Subjects() []string { return slices.Clone(subjects) }

// subjects are in the order of a table's columns.
var subjects = []string{Floor, Host, Pool, Logis, LogisAPI, LXC, "nspawn", "podman"}

// peers are the engines that do what logis does.
var peers = []string{LXC, "nspawn", "podman"}

func partOrder(name string) int {
	for i, p := range parts {
		if p.name == name {
			return i
		}
	}
	return len(parts)
}

// order puts series as the tables have them: by measure, by X, by subject.
func order(part string, series []Series) {
	var measures []string
	if i := partOrder(part); i < len(parts) {
		measures = parts[i].measures
	}
	slices.SortStableFunc(series, func(a, b Series) int {
		return cmp.Or(
			cmp.Compare(place(measures, a.Measure), place(measures, b.Measure)), cmp.Compare(a.Measure, b.Measure),
			cmp.Compare(a.X, b.X),
			cmp.Compare(place(subjects, a.Subject), place(subjects, b.Subject)), cmp.Compare(a.Subject, b.Subject))
	})
}

// place is where a name stands in a list; past its end when it is not in it.
func place(names []string, name string) int {
	if i := slices.Index(names, name); i >= 0 {
		return i
	}
	return len(names)
}

// Find returns the values of a measure for a subject; nil when it was not measured.
func (r Result) Find(measure, subject string, x float64) []float64 {
	for _, s := range r.Series {
		if s.Measure == measure && s.Subject == subject && s.X == x {
			return s.Values
		}
	}
	return nil
}
