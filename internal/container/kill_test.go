package container

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// Records of Linux 6.18 and, without their numbers, 6.1.
const (
	summary = "6,426,1717357731,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=alice,mems_allowed=0," +
		"oom_memcg=/logis/alice,task_memcg=/logis/alice,task=mariadbd,pid=19684,uid=1000000107"
	killed = "3,427,1717357756,-;Memory cgroup out of memory: Killed process 19684 (mariadbd) total-vm:1490172kB, " +
		"anon-rss:63488kB, file-rss:1900kB, shmem-rss:0kB, UID:1000000107 pgtables:220kB oom_score_adj:100"
)

func TestKillLog(t *testing.T) {
	kill := Kill{Site: "alice", UID: 1000000107, PID: 19684, Name: "mariadbd"}
	unnamed := kill
	unnamed.Site = ""
	host := unnamed
	host.Host = true
	hostile := unnamed
	hostile.Name = `) total-vm:,1\x0a`
	for name, tc := range map[string]struct {
		records []string
		want    []Kill
	}{
		"both":              {[]string{summary, killed}, []Kill{kill}},
		"keys follow":       {[]string{summary + "\n SUBSYSTEM=x", killed + "\n DEVICE=y"}, []Kill{kill}},
		"summary left out":  {[]string{killed}, []Kill{unnamed}},
		"of another":        {[]string{strings.ReplaceAll(summary, "19684", "19685"), killed}, []Kill{unnamed}},
		"systemd":           {[]string{strings.ReplaceAll(summary, "/logis/alice", "/logis.slice/logis-alice.scope"), killed}, []Kill{kill}},
		"another instance":  {[]string{strings.ReplaceAll(summary, "/logis/alice", "/logis2/alice"), killed}, nil},
		"a scope elsewhere": {[]string{strings.ReplaceAll(summary, "/logis/alice", "/user.slice/logis-alice.scope"), killed}, nil},
		"not in a site":     {[]string{strings.ReplaceAll(summary, "/logis/alice", "/"), killed}, nil},
		"the host's memory": {[]string{strings.Replace(killed, "Memory cgroup out", "Out", 1)}, []Kill{host}},
		"a program wrote it": {
			[]string{strings.Replace(summary, "6,", "14,", 1), strings.Replace(killed, "3,", "11,", 1)}, nil,
		},
		"a name like the rest of the line": {[]string{strings.Replace(killed, "(mariadbd", "("+hostile.Name, 1)}, []Kill{hostile}},
		"a name like a summary": {
			[]string{strings.Replace(summary, "task=mariadbd", "task=,pid=1,uid=2", 1), killed}, []Kill{kill},
		},
		"a name with a number": {
			[]string{strings.Replace(killed, "(mariadbd", "(x UID:1 ", 1)},
			[]Kill{{UID: 1000000107, PID: 19684, Name: "x UID:1 "}},
		},
		"noise": {[]string{"", ";", "3;", "3,1,1,-;", "3,1,1,-;Memory cgroup out of memory: Killed process", killed[:90]}, nil},
	} {
		log := killLog{instance: "logis"}
		var got []Kill
		for _, r := range tc.records {
			if k, ok := log.read(r); ok {
				got = append(got, k)
			}
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestLoggedAt(t *testing.T) {
	if got := loggedAt(killed).Microseconds(); got != 1717357756 {
		t.Errorf("%d µs", got)
	}
	if got := loggedAt("noise"); got != 0 {
		t.Errorf("%v of noise", got)
	}
}

// FuzzParseKill: whatever a record holds, a name is bounded and printable, and a site's is one path element.
func FuzzParseKill(f *testing.F) {
	f.Add(summary, killed)
	f.Add(strings.ReplaceAll(summary, "/logis/alice", "/logis.slice/logis-alice.scope"), killed)
	f.Add("14,1,1,-;"+summary, strings.Replace(killed, "(mariadbd", `() total-vm:\x0a`, 1))
	f.Add("6,426,1717357731,-;oom-kill:,task_memcg=,task=,pid=,uid=", "3,,;Out of memory: Killed process 1 () total-vm: UID:")
	f.Fuzz(func(t *testing.T, first, second string) {
		log := killLog{instance: "logis"}
		for _, record := range []string{first, second} {
			k, ok := log.read(record)
			if !ok {
				continue
			}
			if len(k.Name) > maxKilledName || strings.ContainsFunc(k.Name, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
				t.Errorf("name %q", k.Name)
			}
			if k.PID <= 0 || strings.Contains(k.Site, "/") {
				t.Errorf("kill %+v", k)
			}
			if loggedAt(record) < 0 {
				t.Logf("time %v", loggedAt(record)) // before everything: it is old
			}
		}
	})
}
