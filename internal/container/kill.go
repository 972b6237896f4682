package container

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// Kill is one process that the kernel killed for want of memory, as the kernel's log tells.
type Kill struct {
	Site string // whose cgroup it was in; "" where the kernel left out to say: UID tells then
	UID  uint32 // on the host
	PID  int    // on the host
	Name string // its comm, which is the site's word: printable ASCII, at most 64 bytes
	Host bool   // the machine ran out of memory, not the site
	At   time.Time
}

// maxKilledName bounds a comm: 15 bytes, each of which the log may write as \xNN.
const maxKilledName = 64

// killLog puts together what the kernel's log says of a kill in two records: a summary with the cgroup, which the kernel
// leaves out when kills come fast, and the kill itself.
type killLog struct {
	instance string
	pid      int    // of the last summary
	cgroup   string // of that process
}

// read takes one record of /dev/kmsg. ok is true for a kill that is, or may be, of one of the instance's containers.
func (l *killLog) read(record string) (k Kill, ok bool) {
	text, ok := kernelText(record)
	if !ok {
		return Kill{}, false
	}
	if pid, cgroup, ok := parseSummary(text); ok {
		l.pid, l.cgroup = pid, cgroup
		return Kill{}, false
	}
	if k, ok = parseKill(text); !ok || k.PID != l.pid {
		return k, ok
	}
	k.Site, ok = containerOf(l.instance, l.cgroup)
	return k, ok
}

// kernelText cuts the text out of a record, "level,sequence,time,flags;text\n KEY=value" (Documentation/ABI/testing/dev-kmsg),
// unless a program wrote it: then its level says so in the bits above the lowest three.
func kernelText(record string) (string, bool) {
	head, text, ok := strings.Cut(record, ";")
	level, _, _ := strings.Cut(head, ",")
	if n, err := strconv.ParseUint(level, 10, 32); !ok || err != nil || n>>3 != 0 {
		return "", false
	}
	text, _, _ = strings.Cut(text, "\n")
	return text, true
}

// parseSummary reads "oom-kill:constraint=…,task_memcg=/logis/alice,task=NAME,pid=1,uid=2". What NAME may hold stands between
// what the kernel writes: pid is looked for from the end.
func parseSummary(text string) (pid int, cgroup string, ok bool) {
	text, ok = strings.CutPrefix(text, "oom-kill:")
	if !ok {
		return 0, "", false
	}
	_, rest, ok := strings.Cut(text, ",task_memcg=")
	if !ok {
		return 0, "", false
	}
	cgroup, rest, _ = strings.Cut(rest, ",task=")
	_, numbers, ok := cutLast(rest, ",pid=")
	digits, _, _ := strings.Cut(numbers, ",")
	pid, err := strconv.Atoi(digits)
	return pid, cgroup, ok && err == nil && pid > 0
}

// parseKill reads "Memory cgroup out of memory: Killed process 1 (NAME) total-vm:…, UID:2 pgtables:…". NAME may hold all but
// what the last such words in the line are.
func parseKill(text string) (k Kill, ok bool) {
	head, rest, ok := strings.Cut(text, ": Killed process ")
	switch {
	case !ok:
		return Kill{}, false
	case head == "Memory cgroup out of memory":
	case strings.HasPrefix(head, "Out of memory"):
		k.Host = true
	default:
		return Kill{}, false
	}
	digits, rest, _ := strings.Cut(rest, " (")
	name, numbers, ok := cutLast(rest, ") total-vm:")
	_, uid, _ := cutLast(numbers, " UID:")
	uid, _, _ = strings.Cut(uid, " ")
	id, err := strconv.ParseUint(uid, 10, 32)
	pid, pidErr := strconv.Atoi(digits)
	if !ok || err != nil || pidErr != nil || pid <= 0 {
		return Kill{}, false
	}
	k.PID, k.UID, k.Name = pid, uint32(id), printable(name)
	return k, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// printable is a comm without what a terminal would act on; the log has escaped that already.
func printable(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
	return name[:min(len(name), maxKilledName)]
}

// containerOf names the container of the instance whose cgroup has a path; ok is false for anybody else's.
func containerOf(instance, cgroup string) (name string, ok bool) {
	parent, name := path.Base(path.Dir(cgroup)), path.Base(cgroup)
	if parent == instance {
		return name, true
	}
	name, ours := strings.CutPrefix(name, instance+"-")
	name, scope := strings.CutSuffix(name, ".scope")
	return name, ours && scope && parent == instance+".slice"
}
