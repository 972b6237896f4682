//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/testhost"
)

// setup prepares one script: its environment, and that none of its sites outlives it.
func (h *house) setup(env *testscript.Env) error {
	t := env.T().(serial)
	if h.daemon.cmd == nil {
		h.daemon.start(t)
	}
	if h.proxy.cmd == nil {
		h.proxy.start(t)
	}
	for name, value := range map[string]string{
		"PATH":         strings.Join([]string{h.path("bin"), h.bin, os.Getenv("PATH")}, ":"),
		"HOME":         env.WorkDir,
		"LOGIS_SOCKET": "/run/logis/logis.sock",
		"LOGIS_IMAGE":  os.Getenv("LOGIS_IMAGE"),
		"INSTANCE":     testhost.Instance(),
		"STATE":        h.path("state"),
		"CONFIG":       h.path("logis.toml"),
		"HOST":         h.visitor.Host4,
		"HOST6":        h.visitor.Host6,
		"VISITOR":      h.visitor.Address4,
		"VISITOR6":     h.visitor.Address6,
	} {
		env.Setenv(name, value)
	}
	logged := map[*daemon]int64{h.daemon: h.daemon.size(), h.proxy: h.proxy.size()}
	env.Values["t"] = t
	env.Defer(func() {
		if t.Failed() {
			for d, since := range logged {
				t.Log(d.tail(since))
			}
		}
		_ = unix.Unmount("/etc/resolv.conf", unix.MNT_DETACH) // a script's own nameservers
		h.resetConfig(t)
		if h.daemon.cmd == nil {
			h.daemon.start(t)
		}
		h.destroyAll(t)
	})
	return nil
}

// resetConfig undoes what a script made of the configuration.
func (h *house) resetConfig(t serial) {
	if now, err := os.ReadFile(h.path("logis.toml")); err == nil && string(now) == h.config() {
		return
	}
	if err := os.WriteFile(h.path("logis.toml"), []byte(h.config()), 0o644); err != nil {
		t.Fatal(err)
	}
	if h.daemon.cmd != nil {
		h.daemon.stop(t)
	}
}

func (h *house) destroyAll(t testing.TB) {
	var sites []struct{ Name string }
	if err := json.Unmarshal([]byte(h.logis(t, "list", "--format", "json")), &sites); err != nil {
		t.Errorf("list sites: %v", err)
	}
	for _, s := range sites {
		h.logis(t, "destroy", s.Name, "--force")
	}
}

func (h *house) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"field":      h.field,
		"eventually": eventually,
		"machine":    h.machine,
		"uplink":     uplink,
		"snapshot":   h.snapshot,
		"compare":    h.compareWith,
		"daemon":     func(ts *testscript.TestScript, _ bool, args []string) { control(ts, h.daemon, args) },
		"proxy":      func(ts *testscript.TestScript, _ bool, args []string) { control(ts, h.proxy, args) },
		"status":     status,
		"holds":      h.holds,
		"recipe":     recipe,
	}
}

// field VAR SITE PATH puts a field of `logis show SITE --format json` into $VAR: field port alice ssh.port
func (h *house) field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field VAR SITE PATH")
	}
	out, err := h.command("show", args[1], "--format", "json").Output()
	ts.Check(err)
	var value any
	ts.Check(json.Unmarshal(out, &value))
	for key := range strings.SplitSeq(args[2], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: no element %q", args[2], key)
			}
			value = v[i]
		default:
			ts.Fatalf("%s: no field %q", args[2], key)
		}
	}
	if number, ok := value.(float64); ok {
		value = strconv.FormatFloat(number, 'f', -1, 64)
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

// eventually PROGRAM ARGS... runs a program until it succeeds, or with a ! until it fails, for half a minute.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: eventually PROGRAM ARGS...")
	}
	err := poll(func() error {
		err := ts.Exec(args[0], args[1:]...)
		if neg && err == nil {
			return errors.New("it still succeeds")
		}
		if neg {
			return nil
		}
		return err
	})
	if err != nil {
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

// status N PROGRAM ARGS... runs a program that must end with that exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// machine visitor PROGRAM ARGS... runs a program on the other machine.
func (h *house) machine(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || args[0] != h.visitor.Name {
		ts.Fatalf("usage: machine visitor PROGRAM ARGS...")
	}
	line := h.visitor.Wrap(args[1:]...)
	err := ts.Exec(line[0], line[1:]...)
	if neg && err == nil {
		ts.Fatalf("%s: unexpected success", strings.Join(args, " "))
	}
	if !neg && err != nil {
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}

// uplink gives the host, and so its sites, a way to the Internet until the script ends: where packages come from.
func uplink(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: uplink")
	}
	remove, err := testhost.Uplink(context.Background())
	ts.Check(err)
	ts.Defer(func() { ts.Check(remove()) })
}

// snapshot NAME remembers the state of the host; compare NAME fails unless it is the same again.
func (h *house) snapshot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snapshot NAME")
	}
	data, err := json.Marshal(h.settled(ts.Value("t").(serial)))
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(ts.Getenv("WORK"), args[0]+".snapshot"), data, 0o600))
}

func (h *house) compareWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: compare NAME")
	}
	data, err := os.ReadFile(filepath.Join(ts.Getenv("WORK"), args[0]+".snapshot"))
	ts.Check(err)
	var before testhost.Snapshot
	ts.Check(json.Unmarshal(data, &before))
	h.compare(ts.Value("t").(serial), before)
}

// control is `daemon start|stop|kill|restart|upgrade` for logisd and `proxy …` for logis-proxy.
func control(ts *testscript.TestScript, d *daemon, args []string) {
	t := ts.Value("t").(serial)
	switch strings.Join(args, " ") {
	case "start":
		d.start(t)
	case "stop":
		d.stop(t)
	case "kill":
		d.kill(t)
	case "restart":
		d.stop(t)
		d.start(t)
	case "upgrade":
		d.upgrade(t)
	default:
		ts.Fatalf("usage: daemon start|stop|kill|restart|upgrade, proxy start|stop|kill|restart")
	}
}
