//go:build e2e && soak

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// commandTime is the longest that one command may take: a stop with all its grace, and then a start.
const commandTime = 4 * time.Minute

// work gives one command after another, each about a site that no other worker has.
func (k *soak) work(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		s := k.sites[random.IntN(len(k.sites))]
		switch n := random.IntN(20); {
		case n < 3:
			s.killInit(ctx)
		case k.daemonAway.now() || !s.op.TryLock():
		case n < 5:
			s.race(random)
			s.op.Unlock()
		default:
			s.command(random)
			s.op.Unlock()
		}
		pause(ctx, time.Duration(random.IntN(400))*time.Millisecond)
	}
}

// command gives one command that fits the site's state.
func (s *soakSite) command(random *rand.Rand) {
	exists, wanted, sure := s.known()
	if !sure {
		return
	}
	type choice struct {
		weight int
		args   []string
		wanted bool // afterwards, that it runs
	}
	var choices []choice
	name, limits := s.name, someLimits(random)
	switch {
	case !exists:
		create := append([]string{"create", name}, limits...)
		choices = []choice{{6, create, true}, {2, append(create, "--no-start"), false}, {1, append(create, "--no-wait"), true}}
	case wanted:
		choices = []choice{
			{8, append([]string{"set", name}, limits...), true},
			{4, []string{"stop", name}, false},
			{4, []string{"restart", name}, true},
			{3, []string{"destroy", name, "--force"}, false},
			{2, []string{"start", name}, true},
		}
	default:
		choices = []choice{
			{7, []string{"start", name}, true},
			{2, []string{"start", name, "--no-wait"}, true},
			{2, append([]string{"set", name}, limits...), false},
			{2, []string{"restart", name}, true},
			{2, []string{"destroy", name, "--force"}, false},
			{1, []string{"stop", name}, false},
		}
	}
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	n := random.IntN(total)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			if c.args[0] == "destroy" {
				s.checkRows(false) // it takes its evidence along
			}
			s.give(random, c.args, c.wanted)
			return
		}
	}
}

// race gives two or three commands about the site at once, as several admins might: what comes of them is seen afterwards. Each
// of them comes to an end.
func (s *soakSite) race(random *rand.Rand) {
	k := s.soak
	all := [][]string{
		{"create", s.name, "--memory", "384MiB"},
		{"create", s.name, "--no-wait"},
		{"start", s.name},
		{"stop", s.name},
		{"stop", s.name},
		{"restart", s.name},
		{"restart", s.name, "--no-wait"},
		{"destroy", s.name, "--force"},
		{"set", s.name, "--memory", "512MiB"},
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s.begin("commands at once", false)
	defer s.end()
	s.say(false, false, false, true)
	var racing sync.WaitGroup
	for _, args := range all[:2+random.IntN(2)] {
		racing.Go(func() {
			_, err := k.run(0, args...)
			k.tally.command("several at once", err)
		})
	}
	racing.Wait()
}

// someLimits are limits that an empty site can live with.
func someLimits(random *rand.Rand) []string {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	limits := []string{"--memory", pick("320MiB", "384MiB", "512MiB")}
	for _, l := range [][]string{
		{"--disk", pick("400MiB", "600MiB", "1GiB")},
		{"--cpus", pick("1", "1.5", "2")},
		{"--pids", pick("200", "300", "512")},
		{"--priority", pick("-5", "0", "5")},
	} {
		if random.IntN(2) == 0 {
			limits = append(limits, l...)
		}
	}
	return limits
}

// give runs a command about the site, now and then one whose caller goes away, and notes what it did.
func (s *soakSite) give(random *rand.Rand, args []string, wanted bool) {
	k, kind := s.soak, args[0]
	if _, runs, _ := s.known(); kind == "set" || kind == "start" && runs {
		s.hold()
	} else {
		s.begin(kind, false)
	}
	defer s.end()
	cut := time.Duration(0)
	if random.IntN(12) == 0 {
		cut = time.Duration(1+random.IntN(1500)) * time.Millisecond
	}
	began := time.Now()
	out, err := k.run(cut, args...)
	k.tally.command(kind, err)
	if err == nil {
		s.say(kind != "destroy", wanted, true, false)
		return
	}
	s.say(false, false, false, kind == "create" || kind == "destroy")
	refused := kind == "set" && strings.Contains(out, " in use") // below what the site has used meanwhile
	if cut == 0 && !refused && !s.excused(began) {
		k.violate(s.name, "logis %s failed after %v: %v: %s", strings.Join(args, " "), time.Since(began).Round(time.Millisecond), err, out)
	}
}

// run runs a command, with cut its caller goes away after that time.
func (k *soak) run(cut time.Duration, args ...string) (string, error) {
	cmd := k.house.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	if cut > 0 {
		signal := syscall.SIGINT
		if cut%2 == 0 {
			signal = syscall.SIGKILL
		}
		defer time.AfterFunc(cut, func() { _ = cmd.Process.Signal(signal) }).Stop()
	}
	hung := time.AfterFunc(commandTime, func() {
		k.violate("", "logis %s does not end", strings.Join(args, " "))
		_ = cmd.Process.Kill()
	})
	defer hung.Stop()
	err := cmd.Wait()
	return strings.TrimSpace(out.String()), err
}

// killInit kills the site's PID 1, whatever else is being done to the site: that which logisd names or, while logisd is away,
// the last one that was seen.
func (s *soakSite) killInit(ctx context.Context) {
	s.mu.Lock()
	victim := process{s.pid, s.started}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if seen, err := s.soak.logisd.Site(ctx, s.name); err == nil {
		victim = process{seen.PID, seen.StartedAt}
	}
	if victim.pid == 0 {
		return
	}
	fd, err := unix.PidfdOpen(victim.pid, 0)
	if err != nil || !isInit(victim.pid) {
		return // it is another one by now
	}
	defer unix.Close(fd)
	s.begin("PID 1 killed", true)
	defer s.end()
	if unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killed = victim
	s.soak.tally.killed("PID 1")
}

// isInit tells whether a process is PID 1 of a site.
func isInit(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			f := strings.Fields(ids)
			return len(f) > 1 && f[len(f)-1] == "1"
		}
	}
	return false
}

// ownLimits fails unless the kernel holds every site to what its record says.
func (k *soak) ownLimits() error {
	for _, s := range k.sites {
		if exists, _, _ := s.known(); !exists {
			continue
		}
		if err := k.house.limitsHold(s.name); err != nil {
			return fmt.Errorf("the limits of %s (-recorded +held): %w", s.name, err)
		}
	}
	return nil
}
