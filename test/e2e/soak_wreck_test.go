//go:build e2e && soak

package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/testhost"
)

// wreck does to the whole host what does not stop at one site, one thing after another until ctx ends.
func (k *soak) wreck(t *testing.T, ctx context.Context) {
	random := k.random(0)
	acts := []struct {
		weight int
		name   string
		act    func()
	}{
		{6, "logisd killed", func() { k.killDaemon(t, ctx, time.Duration(max(0, random.IntN(6000)-3000))*time.Millisecond) }},
		{2, "logisd killed as it starts", func() { k.killDaemonTwice(t, ctx, time.Duration(random.IntN(800))*time.Millisecond) }},
		{3, "logisd restarted", func() { k.restartDaemon(t) }},
		{4, "logis-proxy killed", func() { k.killProxy(t) }},
		{4, "logis-proxy replaced", func() { k.replaceProxy(t) }},
		{2, "rules flushed", func() { k.flushRules(t) }},
		{1, "sites down and up", func() { k.downAndUp(t, ctx, random.IntN(3)) }},
	}
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	told := time.Now()
	for pause(ctx, time.Duration(1000+random.IntN(9000))*time.Millisecond) {
		n := random.IntN(total)
		for _, a := range acts {
			if n -= a.weight; n < 0 {
				k.tally.killed(a.name)
				a.act()
				break
			}
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			t.Log(k.tally.progress())
		}
	}
}

// killDaemon kills logisd; it is started again at once, as systemd does, or a little later.
func (k *soak) killDaemon(t *testing.T, ctx context.Context, later time.Duration) {
	k.daemonAway.begin()
	defer k.daemonAway.end()
	k.house.daemon.kill(t)
	pause(ctx, later)
	k.house.daemon.start(t)
}

// killDaemonTwice kills it again in the middle of its start.
func (k *soak) killDaemonTwice(t *testing.T, ctx context.Context, later time.Duration) {
	k.daemonAway.begin()
	defer k.daemonAway.end()
	k.house.daemon.kill(t)
	k.house.daemon.launch(t)
	pause(ctx, later)
	k.house.daemon.kill(t)
	k.house.daemon.start(t)
}

func (k *soak) restartDaemon(t *testing.T) {
	k.daemonAway.begin()
	defer k.daemonAway.end()
	k.house.daemon.stop(t)
	k.house.daemon.start(t)
}

// flushRules deletes all nftables rules, as another program might; logisd has them back in a moment.
func (k *soak) flushRules(t *testing.T) {
	k.rulesGone.begin()
	defer k.rulesGone.end()
	if out, err := exec.Command("nft", "flush", "ruleset").CombinedOutput(); err != nil {
		t.Fatalf("nft flush ruleset: %v: %s", err, out)
	}
	err := poll(func() error {
		out, err := exec.Command("nft", "list", "tables").Output()
		if err == nil && strings.Count(string(out), testhost.Instance()) < 2 {
			err = errors.New("the tables are not there")
		}
		return err
	})
	if err != nil {
		k.violate("", "the rules are not back: %v", err)
	}
}

// downAndUp takes all sites down and up again, as a reboot does. kill says when logisd is killed: 1 in the middle of the first,
// 2 between them.
func (k *soak) downAndUp(t *testing.T, ctx context.Context, kill int) {
	k.halted.begin()
	defer k.halted.end()
	for _, s := range k.sites {
		s.begin("sites down", true)
		defer s.end()
	}
	down := make(chan string, 1)
	go func() {
		out, err := k.run(0, "sites", "down")
		if err != nil && kill != 1 {
			k.violate("", "logis sites down: %v: %s", err, out)
		}
		down <- out
	}()
	if kill == 1 {
		pause(ctx, 300*time.Millisecond)
		k.killDaemon(t, ctx, 0)
	}
	<-down
	if kill == 2 {
		k.killDaemon(t, ctx, 0)
	}
	// A site on which another command has begun, or whose PID 1 is killed meanwhile, is not up when this returns.
	if out, err := k.run(0, "sites", "up"); err != nil && !strings.Contains(out, "another command took over") &&
		!strings.Contains(out, "PID 1 ended") {
		k.violate("", "logis sites up: %v: %s", err, out)
	}
}

// killProxy kills logis-proxy, which is started again at once.
func (k *soak) killProxy(t *testing.T) {
	began := time.Now()
	k.proxyAway.begin()
	defer func() {
		k.proxyAway.end()
		k.tally.proxyBack(time.Since(began))
	}()
	k.endProxy(t, unix.SIGKILL)
	k.house.proxy.start(t)
}

// ownProxy makes the proxy a child of this test again, which its successors are not.
func (k *soak) ownProxy(t *testing.T) {
	k.endProxy(t, unix.SIGTERM)
	k.house.proxy.start(t)
}

// endProxy ends the proxy that serves, whoever started it.
func (k *soak) endProxy(t *testing.T, signal syscall.Signal) {
	t.Helper()
	pid := k.proxyPID(t)
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("logis-proxy, process %d, has ended by itself: %v\n%s", pid, err, k.house.proxy.tail(0))
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil {
		t.Fatal(err)
	}
	k.awaitEnd(t, fd, pid)
}

// awaitEnd waits until a proxy has ended, and takes note if it was the one that the house started.
func (k *soak) awaitEnd(t *testing.T, fd, pid int) {
	t.Helper()
	if p := k.house.proxy; p.cmd != nil && p.cmd.Process.Pid == pid {
		p.died(t)
		return
	}
	err := poll(func() error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if n == 0 {
			err = errors.New("it lives on")
		}
		return err
	})
	if err != nil {
		t.Fatalf("logis-proxy, process %d: %v", pid, err)
	}
}

// replaceProxy tells the proxy to start its successor. No visitor may notice.
func (k *soak) replaceProxy(t *testing.T) {
	t.Helper()
	pid := k.proxyPID(t)
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("logis-proxy, process %d, has ended by itself: %v\n%s", pid, err, k.house.proxy.tail(0))
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGUSR2, nil, 0); err != nil {
		t.Fatal(err)
	}
	k.awaitEnd(t, fd, pid)
	if k.proxyPID(t) == pid {
		t.Fatal("logis-proxy has ended, and there is no successor")
	}
}

// proxyPID is the process that serves.
func (k *soak) proxyPID(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(k.house.path("state/proxy/pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
