//go:build vm

package vm

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// firstBoot imports the image, creates the sites with data in their databases, and finds all of them served.
func firstBoot(t *testing.T, h *house) {
	h.m.powerOn(t)
	h.boot = h.m.waitLogin(t, "")
	say(t, "%s, systemd %s", h.m.run(t, "uname --kernel-release --kernel-version"), h.m.run(t, "systemctl --version | sed -n 's/^systemd \\([0-9]*\\).*/\\1/p'"))
	say(t, "cgroup file system: %s", h.m.run(t, "stat --file-system --format %T /sys/fs/cgroup"))
	if err := poll(bootPatience, func() error { _, err := h.sites(); return err }); err != nil {
		t.Fatal(err)
	}
	archive, err := os.Stat(h.m.image)
	if err != nil {
		t.Fatal(err)
	}
	// A disk has whole sectors only: what fills up the last one is not the archive's.
	h.timed(t, fmt.Sprintf("head --bytes=%d /dev/vdb | logis image import -", archive.Size()))
	h.known, h.pages = map[string]identity{}, map[string]string{}
	for _, name := range names {
		h.timed(t, "logis create "+name+" --ssh-key /root/.ssh/authorized_keys")
	}
	sites := h.waitReady(t)
	for _, name := range names {
		h.known[name] = identityOf(sites[name])
		if _, err := h.inside(sites[name], page, "cat >www/notes.php"); err != nil {
			t.Fatalf("write the page of %s: %v", name, err)
		}
		rows := fmt.Sprintf(`create table notes (id int primary key, note text);
			insert into notes select seq, concat('note ', seq, ' of %s ', repeat('.', 500)) from seq_1_to_%d;
			create table ledger (id int primary key, note text);`, name, notes)
		if _, err := h.inside(sites[name], rows, "mariadb "+name); err != nil {
			t.Fatalf("fill the database of %s: %v", name, err)
		}
		var err error
		if h.pages[name], err = h.get(name + ".localhost"); err != nil || !strings.Contains(h.pages[name], " of "+name) {
			t.Fatalf("the page of %s: %q, %v", name, h.pages[name], err)
		}
	}
	h.checkServed(t)
}

// timed runs a command in the machine and says how long it took, and its last line.
func (h *house) timed(t *testing.T, command string) {
	t.Helper()
	begin := time.Now()
	out := h.m.run(t, command)
	say(t, "%s: %v: %s", command, time.Since(begin).Round(time.Second), out[strings.LastIndexByte(out, '\n')+1:])
}

// reboot shuts the machine down as an admin does. The sites come back by themselves, and their databases were stopped in
// peace.
func reboot(t *testing.T, h *house) {
	begin := time.Now()
	h.m.run(t, "systemctl reboot")
	h.m.hangUp()
	h.boot = h.m.waitLogin(t, h.boot)
	h.waitReady(t)
	say(t, "the reboot took %v in all", time.Since(begin).Round(time.Second))
	h.checkServed(t)
	for _, name := range names {
		if lines := h.recoveries(t, name); len(lines) > 0 {
			t.Errorf("the database of %s was not stopped cleanly:\n%s", name, strings.Join(lines, "\n"))
		}
	}
	if !t.Failed() {
		say(t, "no log of a database speaks of crash recovery")
	}
}
