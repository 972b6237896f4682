//go:build e2e && bench

package e2e

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	benchTime  = 5 * time.Second // of a phase
	benchBound = 3               // times the quiet p99
)

// TestBenchNeighbour compares a page's latency while the site beside it is stopped with that while it is driven to all its
// limits. The two take turns, so that whatever else the machine does meets both; what counts is the median of the rounds' ratios.
func TestBenchNeighbour(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("ROUNDS"))
	if err != nil || rounds < 1 {
		t.Fatalf("ROUNDS is the number of rounds: %v", err)
	}
	h := newHouse(t)
	n := h.newNeighbours(t)
	fmt.Println(machine(t))
	pages := []*benchPage{{path: "/page.php", want: "rows: 100"}, {path: "/page.html", want: "a page"}}
	h.measure(t, pages) // warms caches
	for round := range rounds {
		quiet := h.measure(t, pages)
		n.startAttacker(t)
		a := h.assail(t, attacker, chosen(h.parts(n.gateway)))
		if round == 0 {
			fmt.Println("at once, inside:", a.reached())
		}
		loaded := h.measure(t, pages)
		a.stop()
		fmt.Printf("round %d, load %s\n", round+1, load(t))
		for i, p := range pages {
			p.add(quiet[i], loaded[i])
		}
	}
	for _, p := range pages {
		ratio := median(p.p99)
		verdict := "holds"
		if ratio > benchBound || p.failed > 0 {
			verdict = "DOES NOT HOLD"
			t.Fail()
		}
		fmt.Printf("%s: p99 loaded / quiet: median %.2f of %d rounds, from %.2f to %.2f; p50: median %.2f; %d requests failed: at most %d: %s\n",
			p.path, ratio, rounds, slices.Min(p.p99), slices.Max(p.p99), median(p.p50), p.failed, benchBound, verdict)
	}
}

// chosen leaves of the parts those that PARTS names, such as "cpu,memory"; without it, all.
func chosen(parts []string) []string {
	names := strings.Split(os.Getenv("PARTS"), ",")
	if names[0] == "" {
		return parts
	}
	return slices.DeleteFunc(parts, func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		return !slices.Contains(names, name)
	})
}

// benchPage is one page of the neighbour, and the ratios of each round.
type benchPage struct {
	path, want string
	p50, p99   []float64
	failed     int
}

// measure has visitors ask for all pages at once, for a phase.
func (h *house) measure(t *testing.T, pages []*benchPage) []*visits {
	ctx, cancel := context.WithTimeout(t.Context(), benchTime)
	defer cancel()
	hurry(t)
	got := make([]*visits, len(pages))
	var all sync.WaitGroup
	for i, p := range pages {
		all.Go(func() { got[i] = h.visit(ctx, 2, neighbour, p.path, p.want) })
	}
	all.Wait()
	return got
}

// hurry gives the visitors' threads a processor whenever they want one: visitors are on other machines, and what they wait for
// a processor of this one is no part of what they see. What the threads start does not inherit it (sched(7)).
func hurry(t *testing.T) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetAttr(tid, &attr, 0); err != nil && err != unix.ESRCH {
			t.Fatalf("sched_setattr: %v", err)
		}
	}
}

func (p *benchPage) add(quiet, loaded *visits) {
	ratio := func(part float64) float64 {
		return float64(loaded.percentile(part)) / float64(max(quiet.percentile(part), 1))
	}
	p.p50, p.p99 = append(p.p50, ratio(0.5)), append(p.p99, ratio(0.99))
	p.failed += len(quiet.failed) + len(loaded.failed)
	for _, phase := range []struct {
		name string
		v    *visits
	}{{"quiet", quiet}, {"loaded", loaded}} {
		fmt.Printf("  %-10s %-6s p50 %7.2f ms  p99 %7.2f ms  slowest %7.2f ms  of %d\n", p.path, phase.name,
			ms(phase.v.percentile(0.5)), ms(phase.v.percentile(0.99)), ms(phase.v.percentile(1)), len(phase.v.took))
	}
	fmt.Printf("  %-10s ratio  p50 %7.2f     p99 %7.2f\n", p.path, p.p50[len(p.p50)-1], p.p99[len(p.p99)-1])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// machine names what this was measured on.
func machine(t *testing.T) string {
	var name unix.Utsname
	var info unix.Sysinfo_t
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	model := "processors of an unknown kind"
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d × %s, %d GiB, Linux %s, load %s", runtime.NumCPU(), model, uint64(info.Totalram)*uint64(info.Unit)>>30,
		unix.ByteSliceToString(name.Release[:]), load(t))
}

func load(t *testing.T) string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	one, _, _ := strings.Cut(string(data), " ")
	return one
}
