//go:build root

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/guest/control"
)

const forever = `exec = ["/bin/sleep", "1000000"]` + "\n"

func TestEmptySiteIsReady(t *testing.T) {
	b := newBox(t, nil)
	if diff := cmp.Diff(control.Status{Ready: true, Services: []control.Service{}}, b.awaitReady()); diff != "" {
		t.Error(diff)
	}
	// What was in it is deleted in the background.
	b.sh("for i in $(seq 1000); do test -z \"$(ls -A " + b.path("tmp") + ")\" && exit 0; sleep 0.01; done")
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	left, err := os.ReadDir(b.path("tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("tmp holds %v, %v", left, err)
	}
	if fi, err := os.Stat(b.path("tmp")); err != nil || fi.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("mode of tmp: %v, %v", fi.Mode(), err)
	}
}

func TestReadiness(t *testing.T) {
	b := newBox(t, map[string]string{
		"web": `exec = ["/proc/1/exe", "127.0.0.1:80", "DIR/gate"]
needs = ["gate"]
environment = {LOGIS_GUEST_ROLE = "http"}
ready.http = "127.0.0.1:80"`,
		"gate": `exec = ["/bin/sh", "-c", "mkfifo DIR/gate; exec sleep 1000000"]
ready.command = ["/usr/bin/test", "-p", "DIR/gate"]
ready.path = "DIR/gate"`,
		"ssh": `exec = ["/proc/1/exe", "127.0.0.1:22"]
environment = {LOGIS_GUEST_ROLE = "banner"}
ready.banner = "127.0.0.1:22"`,
		"made": `exec = ["/bin/sh", "-c", "echo $$ > DIR/made.pid; exec sleep 1000000"]
ready.made = "DIR/made.pid"`,
		"mysql": `exec = ["/proc/1/exe", "DIR/mysql.sock", "DIR/login"]
environment = {LOGIS_GUEST_ROLE = "mysql"}
ready = {mysql = "DIR/mysql.sock", user = "${owner}"}`,
		"db": `exec = ["/bin/sh", "-c", "echo $USER > DIR/who; sleep 1000000"]
user = "root"
ready = {command = ["/bin/sh", "-c", "id -u > DIR/home/asked; test -e DIR/who"], user = "${owner}", path = "DIR/who"}`,
	})
	if err := os.Chown(b.path("home"), 1234, 1234); err != nil {
		t.Fatal(err)
	}
	s := b.await("all but web", func(s control.Status) bool {
		return find(s, "db").Ready && find(s, "ssh").Ready && find(s, "web").State == stateStarting
	})
	if s.Ready || find(s, "web").Ready {
		t.Errorf("web is ready before it answered: %+v", s)
	}
	gate, err := os.OpenFile(b.path("gate"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	s = b.awaitReady()
	for _, x := range s.Services {
		if x.State != stateRunning || x.PID <= 1 || x.Restarts != 0 || x.Error != "" {
			t.Errorf("service %+v", x)
		}
	}
	if got := b.read("home/asked"); got != "1234\n" {
		t.Errorf("readiness was asked as %q", got)
	}
	b.sh("until test -s " + b.path("login") + "; do sleep 0.01; done")
	if got := b.read("login"); got != "alice 1234 1234 <nil>\n" {
		t.Errorf("the database was asked by %q", got)
	}
}

// A file that an earlier start left says nothing of this one.
func TestReadinessByAFileOfThisStart(t *testing.T) {
	b := newBox(t, map[string]string{
		"again": `exec = ["/bin/sh", "-c", "if test -e DIR/again.pid; then until test -e DIR/go; do sleep 0.05; done; fi; echo $$ > DIR/again.pid; exec sleep 1000000"]
ready = {made = "DIR/again.pid", timeout = "100ms"}`,
	})
	b.awaitReady()
	b.sh("until test -s " + b.path("again.pid") + "; do sleep 0.01; done; kill -KILL $(cat " + b.path("again.pid") + ")")
	s := b.await("that the second start does not answer", func(s control.Status) bool {
		x := find(s, "again")
		return x.Restarts == 1 && (x.Ready || strings.Contains(x.Error, "is of an earlier start"))
	})
	if find(s, "again").Ready {
		t.Errorf("ready by the file of another start: %+v", s)
	}
	b.write("go", "")
	b.awaitReady()
}

// Where the file that it should make does not come, a service is asked.
func TestReadinessWithoutTheFile(t *testing.T) {
	b := newBox(t, map[string]string{
		"web": `exec = ["/proc/1/exe", "127.0.0.1:83", "DIR/gate"]
environment = {LOGIS_GUEST_ROLE = "http"}
ready = {http = "127.0.0.1:83", made = "DIR/elsewhere.pid"}`,
		"gate": `exec = ["/bin/sh", "-c", "mkfifo DIR/gate; exec sleep 1000000 <>DIR/gate >&0"]`,
	})
	b.awaitReady()
}

// A service is asked as soon as its path comes, and also where it never does.
func TestReadinessByPath(t *testing.T) {
	const web = `exec = ["/bin/sh", "-c", "%s exec /proc/1/exe 127.0.0.1:%d DIR/gate"]
environment = {LOGIS_GUEST_ROLE = "http"}
[ready]
http = "127.0.0.1:%[2]d"
path = "DIR/run/%[2]d.pid"
`
	b := newBox(t, map[string]string{
		"comes":  fmt.Sprintf(web, "echo > DIR/run/81.pid;", 81),
		"absent": fmt.Sprintf(web, "", 82),
		"gate":   `exec = ["/bin/sh", "-c", "mkfifo DIR/gate; exec sleep 1000000 <>DIR/gate >&0"]`,
	})
	for _, s := range b.awaitReady().Services {
		if s.State != stateRunning || s.Error != "" {
			t.Errorf("service %+v", s)
		}
	}
}

func TestStartOrder(t *testing.T) {
	b := newBox(t, map[string]string{
		"a": forever + "stop_order = 50", "b": forever + "stop_order = 40\nneeds = [\"c\"]", "c": forever + "stop_order = 10",
		"d": forever + "stop_order = 20", "e": `exec = ["/nonexistent"]` + "\nstop_order = 5", "f": forever + "stop_order = 30",
		"g": forever + "start_order = 49\nstop_order = 60",
	})
	s := b.await("all but e", func(s control.Status) bool {
		return !slices.ContainsFunc(s.Services, func(x control.Service) bool { return x.Name != "e" && !x.Ready })
	})
	for _, pair := range []string{"gc", "cd", "df", "fa"} { // PIDs count up
		if find(s, pair[:1]).PID >= find(s, pair[1:]).PID {
			t.Errorf("%s was not started before %s: %+v", pair[:1], pair[1:], s.Services)
		}
	}
}

func TestBrokenFilesFailAlone(t *testing.T) {
	b := newBox(t, map[string]string{
		"good":    forever,
		"unknown": forever + `colour = "red"`,
		"broken":  `exec = [`,
		"lost":    forever + `needs = ["nobody"]`,
		"loop":    forever + `needs = ["loop2"]`,
		"loop2":   forever + `needs = ["loop"]`,
		"waiting": forever + `needs = ["broken"]`,
		"big":     forever + strings.Repeat("#", maxServiceFile),
	})
	s := b.await("good", func(s control.Status) bool {
		return find(s, "good").Ready && find(s, "waiting").Error != ""
	})
	got := map[string]string{}
	for _, x := range s.Services {
		got[x.Name] = x.State + ": " + x.Error
	}
	want := map[string]string{
		"good":    "running: ",
		"unknown": `failed: line 2: unknown key "colour"`,
		"broken":  got["broken"],
		"lost":    `failed: needs: there is no service "nobody"`,
		"loop":    "failed: needs: loop waits for itself",
		"loop2":   "failed: needs: loop2 waits for itself",
		"waiting": "waiting: waits for broken",
		"big":     "failed: read service file: larger than 65536 bytes",
	}
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(got["broken"], "failed: line 1") {
		t.Error(diff, got["broken"])
	}
	if s.Ready {
		t.Error("ready with failed services")
	}
}

func TestRestartWithGrowingPauses(t *testing.T) {
	b := newBox(t, map[string]string{
		"flaky": `exec = ["/bin/sh", "-c", "date +%s%N >> DIR/starts; test $(wc -l < DIR/starts) -ge 4 || exit 3; touch DIR/up; exec sleep 1000000"]
ready = {command = ["/bin/true"], path = "DIR/up"}`,
		"missing": `exec = ["/no/such/program"]`,
		"steady":  forever,
	})
	b.await("a failure", func(s control.Status) bool { return find(s, "flaky").Error == "exit status 3" })
	s := b.await("four starts", func(s control.Status) bool {
		return find(s, "flaky").Restarts == 3 && find(s, "flaky").Ready && find(s, "missing").Restarts > 0
	})
	if got := find(s, "missing").Error; got != "run /no/such/program: no such file or directory" {
		t.Errorf("error of missing: %q", got)
	}
	// The pauses are a lower bound that the kernel keeps, so this is no measurement.
	var starts []int64
	for line := range strings.Lines(b.read("starts")) {
		var n int64
		fmt.Sscan(line, &n)
		starts = append(starts, n)
	}
	for i, pause := range []time.Duration{100, 200, 400} {
		if got := time.Duration(starts[i+1] - starts[i]); got < pause*time.Millisecond {
			t.Errorf("pause %d was %v, want at least %v", i, got, pause*time.Millisecond)
		}
	}
	pid := find(s, "steady").PID
	if r := b.sh(fmt.Sprintf("kill -SEGV %d", pid)); r.Exit != 0 {
		t.Fatalf("kill: %+v", r)
	}
	b.await("steady again", func(s control.Status) bool {
		x := find(s, "steady")
		return x.Ready && x.PID != pid && x.Restarts == 1
	})
	if log := b.read("log/steady.log"); !strings.Contains(log, "logis: killed by SIGSEGV: starting again in 100ms") {
		t.Errorf("log of steady: %q", log)
	}
}

// What failed has died once more than it was started again: between the pause and the next start it is one that starts.
func TestFailsAsOftenAsItDies(t *testing.T) {
	b := newBox(t, map[string]string{"short": `exec = ["/bin/sh", "-c", "sleep 1; exit 3"]`})
	b.await("the second run", func(s control.Status) bool {
		x := find(s, "short")
		if x.State == stateFailed && x.Restarts > 0 {
			t.Errorf("before its second run: %+v", x)
		}
		return x.Restarts == 1 && x.PID != 0
	})
}

func TestWorkersOfADeadMasterAreKilled(t *testing.T) {
	b := newBox(t, map[string]string{
		"master": `exec = ["/bin/bash", "-mc", "sleep 1000000 & echo $! >> DIR/workers; wait"]`,
	})
	s := b.awaitReady()
	pid := find(s, "master").PID
	b.sh(fmt.Sprintf("while ! test -s %s; do sleep 0.01; done; kill -KILL %d", b.path("workers"), pid))
	b.await("the next master", func(s control.Status) bool {
		return find(s, "master").Restarts == 1 && find(s, "master").Ready
	})
	if r := b.sh("kill -0 $(head -n 1 " + b.path("workers") + ")"); r.Exit == 0 {
		t.Error("the worker of the dead master lives")
	}
}

func TestOrphansAreReaped(t *testing.T) {
	b := newBox(t, nil)
	// The shells end before their children, which become PID 1's.
	if r := b.sh("for i in 1 2 3 4 5 6 7 8; do sh -c 'sh -c \"exit 0\" & exit 0'; done"); r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	r := b.sh("for i in $(seq 500); do grep -hs '^State:.Z' /proc/[0-9]*/status > /dev/null || exit 0; sleep 0.01; done; " +
		"grep -hsE '^(State|Name|PPid)' /proc/[0-9]*/status; exit 1")
	if r.Exit != 0 {
		t.Errorf("zombies are left: %+v", r)
	}
}

func TestServiceSurroundings(t *testing.T) {
	b := newBox(t, map[string]string{
		"look": `exec = ["/bin/sh", "-c", "env | sort > DIR/out/env; id > DIR/out/id; pwd > DIR/out/pwd; grep -E 'Sig(Blk|Ign)' /proc/self/status > DIR/out/signals; ls -l /proc/self/fd > DIR/out/fds; cat /proc/self/oom_score_adj > DIR/out/oom; touch DIR/out/done; exec sleep 1000000"]
user = "${owner}"
directories = [{path = "DIR/out", user = "${owner}", group = "team", mode = "2750"}]
environment = {SITE = "${owner}"}
ready = {command = ["/bin/true"], path = "DIR/out/done"}`,
	})
	b.awaitReady()
	got := map[string]string{}
	for _, name := range []string{"env", "id", "pwd", "signals", "oom"} {
		got[name] = b.read("out/" + name)
	}
	want := map[string]string{
		"env": "HOME=" + b.path("home") + "\nLANG=C.UTF-8\nLOGNAME=alice\nPATH=" + userPath + "\nPWD=/\nSITE=alice\nUSER=alice\n",
		"id":  "uid=1234 gid=1234 groups=1234,2000\n", "pwd": "/\n",
		"signals": "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", "oom": "100\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if fds := strings.Count(b.read("out/fds"), "->"); fds != 4 { // 0, 1, 2 and the one of ls
		t.Errorf("descriptors of the service: %s", b.read("out/fds"))
	}
	fi, err := os.Stat(b.path("out"))
	if err != nil {
		t.Fatal(err)
	}
	st := fi.Sys().(*syscall.Stat_t)
	if fi.Mode() != os.ModeDir|os.ModeSetgid|0o750 || st.Uid != 1234 || st.Gid != 2000 {
		t.Errorf("directory: %v %d:%d", fi.Mode(), st.Uid, st.Gid)
	}
}

func TestStrayKillsDoNotEndPID1(t *testing.T) {
	b := newBox(t, map[string]string{"s": forever})
	b.awaitReady()
	if r := b.sh("for s in HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM STKFLT XCPU XFSZ VTALRM PROF POLL PWR SYS 34 40 64; do kill -$s 1; done"); r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	if r := b.sh("echo alive"); r.Stdout != "alive\n" {
		t.Errorf("%+v", r)
	}
}

// What stands in the way of the service files or of /tmp costs those, and the owner can log in and mend it.
func TestGoesOnWithoutServicesAndTmp(t *testing.T) {
	for name, spoil := range map[string]string{"file": "touch DIR/services", "fifo": "mkfifo DIR/services"} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, nil)
			b.awaitReady()
			if code := b.term(); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			script := strings.ReplaceAll("rmdir DIR/services; rm -r DIR/tmp DIR/sock; "+spoil, "DIR", b.dir)
			if out, err := exec.Command("/bin/sh", "-c", script).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			b.done = make(chan struct{})
			b.start([]string{noTmp})
			s := b.await("a failed service", func(control.Status) bool { return true })
			if got := find(s, "services"); s.Ready || !got.Invalid || !strings.Contains(got.Error, "not a directory") {
				t.Errorf("status %+v", s)
			}
			if r := b.sh("echo here"); r.Stdout != "here\n" {
				t.Errorf("exec: %+v", r)
			}
		})
	}
}

func TestNotesThatTmpIsNotEmptied(t *testing.T) {
	b := newBox(t, map[string]string{"one": forever}, noTmp)
	b.awaitReady()
	if text := b.read("log/one.log"); !strings.Contains(text, "logis: /proc/tmp was not emptied: ") {
		t.Errorf("log of the first service:\n%s", text)
	}
}
