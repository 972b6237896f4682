//go:build root

package guest

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

// dialInside connects to the socket of the site's own people as a user.
func (b *box) dialInside(uid int) *net.UnixConn {
	b.t.Helper()
	conn, err := func() (net.Conn, error) {
		runtime.LockOSThread() // the user is the thread's; it must not die: PID 1 would with it
		defer runtime.UnlockOSThread()
		const same = ^uintptr(0)
		become := func(uid int) error {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, same, uintptr(uid), same); errno != 0 {
				return errno
			}
			return nil
		}
		if err := become(uid); err != nil {
			return nil, err
		}
		conn, err := net.Dial("unix", b.path("run/services"))
		return conn, errors.Join(err, become(0))
	}()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(tooLong))
	return conn.(*net.UnixConn)
}

// services gives a command as a user, as the program of that name does.
func (b *box) services(uid int, line string) result {
	b.t.Helper()
	c := b.dialInside(uid)
	defer c.Close()
	if _, err := c.Write(words(strings.Fields(line)...)); err != nil {
		b.t.Fatal(err)
	}
	return collect(b.t, c, nil)
}

func (b *box) expect(r result, exit int, want string) {
	b.t.Helper()
	if r.Exit != exit || !strings.Contains(r.Stdout+r.Stderr, want) {
		b.t.Errorf("exit status %d, want %d\n%s%swant %q", r.Exit, exit, r.Stdout, r.Stderr, want)
	}
}

const (
	alice   = 1234
	visitor = 33
)

func TestOwnerStopsStartsAndAddsServices(t *testing.T) {
	b := newBox(t, map[string]string{"one": forever, "broken": "exec = ["})
	first := b.await("one", func(s control.Status) bool { return find(s, "one").Ready })
	b.expect(b.services(alice, ""), 0, "SERVICE")
	b.expect(b.services(alice, "restart one"), 0, "one is running (process ")
	s := b.await("another process", func(s control.Status) bool { return find(s, "one").Ready })
	if find(s, "one").PID == find(first, "one").PID || find(s, "one").Restarts != 0 {
		t.Errorf("restarted: %+v, was %+v", find(s, "one"), find(first, "one"))
	}
	b.expect(b.services(alice, "start one"), 0, "one is running")
	if got := b.await("one", func(control.Status) bool { return true }); find(got, "one").PID != find(s, "one").PID {
		t.Error("start began anew what ran")
	}

	// Its file is read anew; one that is wrong changes nothing.
	b.write("services/one.toml", `exec = ["`)
	b.expect(b.services(0, "restart one"), 1, "services/one.toml: line 1")
	b.write("services/one.toml", `exec = ["/bin/sh", "-c", "echo changed; exec sleep 1000000"]`)
	b.expect(b.services(0, "restart one"), 0, "one is running")
	b.sh("until grep -q changed " + b.path("log/one.log") + "; do sleep 0.01; done")
	b.expect(b.services(alice, "logs one -n 1"), 0, "changed")

	// What was stopped stays so, and nobody waits for it.
	b.expect(b.services(alice, "stop one"), 0, "one is stopped")
	b.expect(b.services(alice, "status one"), 3, "stopped")
	b.write("services/broken.toml", forever)
	b.expect(b.services(alice, "start broken"), 0, "broken is running")
	b.awaitReady()
	b.expect(b.services(alice, "start one"), 0, "one is running")

	// One more, while the site runs; and one that needs it.
	b.expect(b.services(alice, "start late"), 3, "there is no such service")
	b.write("services/late.toml", forever)
	b.write("services/later.toml", forever+`needs = ["late"]`)
	b.expect(b.services(alice, "start later late"), 1, "no service \"late\"")
	b.expect(b.services(alice, "start later"), 0, "later is running")
	b.write("services/dies.toml", `exec = ["/bin/false"]
ready = {command = ["/bin/true"], path = "/no/such/file"}`)
	b.expect(b.services(alice, "start dies"), 1, "exit status 1")
	b.await("another try", func(s control.Status) bool { return find(s, "dies").Restarts > 0 })
	b.expect(b.services(alice, "stop dies late later"), 0, "late is stopped")
	if got := find(b.awaitReady(), "dies"); got.State != stateStopped || got.Restarts != 0 {
		t.Errorf("stopped: %+v", got)
	}
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestOthersMayOnlyLook(t *testing.T) {
	b := newBox(t, map[string]string{"one": forever, "cron": forever})
	s := b.awaitReady()
	b.expect(b.services(visitor, "list"), 0, "one")
	for _, line := range []string{"restart one", "stop one", "start one", "logs one"} {
		b.expect(b.services(visitor, line), 1, "only root and alice may")
	}
	b.expect(b.services(visitor, "policy one restart"), 101, "")
	b.expect(b.services(visitor, "none"), 2, "no command")
	if got := b.awaitReady(); find(got, "one").PID != find(s, "one").PID {
		t.Error("another user had a service restarted")
	}
	b.expect(b.services(0, "policy one upgrade"), 101, "")
	b.await("another process", func(got control.Status) bool {
		return find(got, "one").Ready && find(got, "one").PID != find(s, "one").PID
	})
	b.expect(b.services(0, "policy other start"), 0, "")

	// The language of the host is not spoken here.
	c := b.dialInside(0)
	if err := control.Write(c, control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"touch", b.path("made")}}}); err != nil {
		t.Fatal(err)
	}
	b.expect(collect(t, c, nil), exitUsage, "there is no command")

	// What anybody's job prints is in the log of cron, with who it was by the kernel's word.
	c = b.dialInside(visitor)
	if _, err := c.Write(append(words("mail"), "From: root\nSubject: Cron job\n\nroot: I am \x1b[31mroot\n"...)); err != nil {
		t.Fatal(err)
	}
	_ = c.CloseWrite()
	b.expect(collect(t, c, nil), 0, "")
	b.expect(b.services(alice, "logs cron"), 0, "33: Cron job\n")
	b.expect(b.services(alice, "logs cron"), 0, "33: root: I am \ufffd[31mroot\n")
}

// Other users cannot fill the socket and keep the owner out.
func TestInsideConnectionsAreBounded(t *testing.T) {
	b := newBox(t, map[string]string{"one": forever})
	b.awaitReady()
	for uid := range 4 {
		for range maxInside {
			b.dialInside(5000 + uid)
		}
	}
	b.expect(b.services(alice, "list"), 0, "one")
	c := b.dialInside(6000)
	if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("a connection too many: %v", err)
	}
}

func TestFollowsLogUntilTheReaderGoes(t *testing.T) {
	b := newBox(t, map[string]string{"one": `exec = ["/bin/sh", "-c", "while :; do read line <DIR/say; echo $line; done"]`})
	b.awaitReady()
	b.sh("mkfifo " + b.path("say"))
	b.expect(b.services(alice, "restart one"), 0, "running")
	c := b.dialInside(alice)
	if _, err := c.Write(words("logs", "-f")); err != nil {
		t.Fatal(err)
	}
	b.sh("printf 'hello\\033[2J\\n' >" + b.path("say"))
	for {
		_, text, err := frame.Read(c)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "hello") {
			if want := "one: hello\ufffd[2J\n"; !strings.HasSuffix(string(text), want) {
				t.Errorf("%q, want %q at the end", text, want)
			}
			return
		}
	}
}

// The scripts run in order when the services are ready, hold nothing up, and are stopped in order before the sessions are.
func TestInitScripts(t *testing.T) {
	b := newBox(t, map[string]string{"one": `exec = ["/bin/sh", "-c", "sleep 0.3; touch DIR/up; exec sleep 1000000"]
ready = {command = ["/bin/true"], path = "DIR/up"}`})
	for name, script := range map[string]string{
		"first":  "echo first $1 $RUNLEVEL >>DIR/ran; test -e DIR/up || echo too early >>DIR/ran; test $1 = stop || setsid sleep 1000000 &",
		"second": "echo second $1 >>DIR/ran; echo said by second; exit 7",
		"nginx":  "echo nginx $1 >>DIR/ran",
		"kept":   "echo kept $1 >>DIR/ran",
	} {
		b.write("init.d/"+name, "#!/bin/sh\n"+strings.ReplaceAll(script, "DIR", b.dir)+"\n")
	}
	r := b.sh("cd " + b.dir + " && chmod 755 init.d/* && for l in rc2.d/S01second rc2.d/S02first rc2.d/S01nginx rc0.d/K01first rc0.d/K02second rc0.d/K01kept; do" +
		" ln -s ../init.d/${l#*d/???} $l; done")
	if r.Exit != 0 {
		t.Fatalf("%+v", r)
	}
	if code := b.term(); code != 0 { // the scripts came too late for the first start; it is stopped before one is ready
		t.Fatalf("exit code %d", code)
	}
	_, _ = os.Remove(b.path("ran")), os.Remove(b.path("up"))
	b.done = make(chan struct{})
	if err := syscall.Unlink(b.path("sock")); err != nil {
		t.Fatal(err)
	}
	b.start(nil)
	began := time.Now()
	b.awaitReady()
	poll(t.Context(), 10*time.Millisecond, func() bool {
		r = b.services(alice, "list")
		return strings.Contains(r.Stdout, "first    started") || time.Since(began) > tooLong
	})
	b.expect(r, 0, "first    started")
	b.expect(r, 0, "init script: second start: exit status 7")
	b.expect(b.services(alice, "logs init-scripts"), 0, "said by second")
	b.expect(b.services(alice, "restart second"), 3, "sudo service second restart")
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got, want := b.read("ran"), "second start\nfirst start 2\nfirst stop 0\nsecond stop\n"; got != want {
		t.Errorf("ran:\n%swant\n%s", got, want)
	}
}

// A script that ends neither its start nor its stop is killed, and keeps the site neither from being ready nor from stopping.
func TestInitScriptThatHangs(t *testing.T) {
	b := newBox(t, nil)
	b.awaitReady()
	if code := b.term(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	b.write("init.d/hangs", "#!/bin/sh\ntrap '' TERM HUP\ntest $1 = stop || touch "+b.path("began")+"\nwhile :; do sleep 0.05; done\n")
	b.done = make(chan struct{})
	if err := errors.Join(
		os.Chmod(b.path("init.d/hangs"), 0o755), os.Remove(b.path("sock")),
		os.Symlink("../init.d/hangs", b.path("rc2.d/S01hangs")), os.Symlink("../init.d/hangs", b.path("rc0.d/K01hangs")),
	); err != nil {
		t.Fatal(err)
	}
	b.start(nil)
	b.awaitReady()
	b.sh2("until test -e " + b.path("began") + "; do sleep 0.01; done")
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func (b *box) sh2(script string) {
	b.t.Helper()
	if r := b.sh(script); r.Exit != 0 {
		b.t.Fatalf("%s: %+v", script, r)
	}
}

// The texts say what the host told last.
func TestTextsTellTheOwner(t *testing.T) {
	b := newBox(t, nil)
	b.awaitReady()
	b.write("texts/README", "${owner}\npage ${url}\nssh ${ssh_host} ${ssh_port}\n")
	b.write("texts/motd", "page ${url}\ndisk ${disk_in_use}\n")
	b.expect(b.services(visitor, "info"), 0, "")
	for _, urls := range [][]string{{"http://a/"}, {"http://a/", "http://b/\x1b[2J"}} {
		c := b.request(control.Request{Op: control.OpFacts, Facts: &control.Facts{
			URLs: urls, SSHHost: "h", SSHPort: 22001, Disk: 2 << 30, DiskInUse: 1 << 30,
		}})
		var taken struct{}
		if err := control.Read(c, &taken); err != nil {
			t.Fatal(err)
		}
	}
	want := "page http://a/\npage http://b/ [2J\n"
	if got := b.read("run/README"); got != "alice\n"+want+"ssh h 22001\n" {
		t.Errorf("README: %q", got)
	}
	b.expect(b.services(visitor, "info"), 0, want+"disk 1 GiB of 2 GiB used (50 %)\n")
}
