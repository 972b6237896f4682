package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files as Linux 6.1 and 6.18 write them, shortened.
func filesIn(dir string, unified bool) counters { return countersIn(dir, dir, dir, unified) }

func cgroupDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCounters(t *testing.T) {
	v1 := map[string]string{
		"memory.usage_in_bytes":       "9000\n",
		"memory.stat":                 "cache 1\ninactive_file 7\nhierarchical_memory_limit 10000\ntotal_cache 2\ntotal_inactive_file 4000\ntotal_active_file 1000\n",
		"memory.oom_control":          "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
		"memory.memsw.usage_in_bytes": "9500\n", // of both
		"pids.current":                "12\n",
		"cpuacct.usage":               "1500000000\n",
	}
	v2 := map[string]string{
		"memory.current":      "9000\n",
		"memory.stat":         "anon 3000\nfile 5000\ninactive_anon 1\nactive_anon 2\ninactive_file 4000\nactive_file 1000\n",
		"memory.events":       "low 0\nhigh 0\nmax 12\noom 5\noom_kill 3\noom_group_kill 0\n",
		"memory.swap.current": "500\n",
		"pids.current":        "12\n",
		"cpu.stat":            "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
	}
	for unified, files := range map[bool]map[string]string{false: v1, true: v2} {
		m := filesIn(cgroupDir(t, files), unified)
		for enough, want := range map[int64]int64{8999: 5000, 0: 5000, 9000: 9000} {
			if got, err := m.working(enough); err != nil || got != want {
				t.Errorf("unified %t: working(%d) is %d, %v, want %d", unified, enough, got, err, want)
			}
		}
		if got, err := m.kills(); err != nil || got != 3 {
			t.Errorf("unified %t: %d kills, %v", unified, got, err)
		}
		want := Usage{Memory: 9000, Cache: 4000, Swap: 500, PIDs: 12, CPUSeconds: 1.5, OOMKills: 3}
		if got, err := m.usage(); err != nil || got != want {
			t.Errorf("unified %t: it uses %+v, %v, want %+v", unified, got, err, want)
		}
		delete(files, m.swap) // a kernel that does not count it
		want.Swap = 0
		if got, err := filesIn(cgroupDir(t, files), unified).usage(); err != nil || got != want {
			t.Errorf("unified %t: without a count of swap it uses %+v, %v, want %+v", unified, got, err, want)
		}
	}
	small := cgroupDir(t, map[string]string{"memory.current": "10\n", "memory.stat": "inactive_file 4000\n"}) // read at two instants
	if got, err := filesIn(small, true).working(0); err != nil || got != 0 {
		t.Errorf("more cache than memory: %d, %v", got, err)
	}
}

func TestCountersOfNoUse(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"no such file":     {},
		"no line oom_kill": {"memory.events": "low 0\n"},
		"invalid syntax":   {"memory.events": "oom_kill many\n"},
	} {
		_, err := filesIn(cgroupDir(t, files), true).kills()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", files, err, want)
		}
	}
	if _, err := filesIn(cgroupDir(t, map[string]string{"memory.current": "max\n"}), true).working(0); err == nil {
		t.Error("no number, no error")
	}
}
