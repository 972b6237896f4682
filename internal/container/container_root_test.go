//go:build root

package container

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

func TestScratch(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o711)
	bin := filepath.Join(dir, "li")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/logis-init")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	r, err := New(Options{Instance: "lscr", RunDir: dir + "/run", StateDir: dir + "/state", Init: bin, Log: slog.Default()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Down(); err != nil {
			t.Error(err)
		}
	}()
	for _, d := range []string{"upper", "work"} {
		os.MkdirAll(filepath.Join(dir, d), 0o755)
		os.Chown(filepath.Join(dir, d), 1500000000, 1500000000)
	}
	t0 := time.Now()
	c, err := r.Create(t.Context(), Spec{
		Name: "alice", IDBase: 1500000000, Layers: Layers{Lower: os.Getenv("LOWER"), Upper: dir + "/upper", Work: dir + "/work"},
		Resolver: []string{"10.0.0.1"}, Limits: Limits{Memory: 256 << 20, CPUs: 0.5, PIDs: 100},
	})
	t.Log("create", time.Since(t0))
	if err != nil {
		t.Fatal(err)
	}
	t0 = time.Now()
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err, c.Kill(context.Background()), c.Release(context.Background()))
	}
	t.Log("start", time.Since(t0))
	defer func() {
		t0 := time.Now()
		if err := c.Kill(context.Background()); err != nil {
			t.Error(err)
		}
		if err := c.Release(context.Background()); err != nil {
			t.Error(err)
		}
		t.Log("kill+release", time.Since(t0))
	}()
	conn, err := c.Dial(t.Context(), control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{"/bin/sh", "-c", os.Getenv("CMD")}}})
	if err != nil {
		t.Fatal(err)
	}
	for {
		ty, p, err := frame.Read(conn)
		if err != nil {
			t.Log(err)
			break
		}
		t.Logf("%c %s", ty, p)
	}
}
