//go:build root

package pool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/linux"
)

func TestLeftovers(t *testing.T) {
	p := open(t, loopOptions(t))
	expect := func(want ...string) {
		t.Helper()
		got, err := p.Leftovers()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("left-overs (-want +got):\n%s", diff)
		}
	}
	draft, err := p.CreateDraft(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.CreateDraft(t.Context(), "work"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second draft of that name: %v", err)
	}
	expect() // it is being filled
	for _, path := range []string{"drafts/lost", "images/.lemp@1.lost"} {
		run(t, "btrfs", "subvolume", "create", filepath.Join(p.Dir(), path))
	}
	expect("drafts/lost", "images/.lemp@1.lost")
	for _, path := range []string{"drafts/lost", "images/.lemp@1.lost", "drafts/work", "sites", "drafts/lost"} {
		if err := p.DeleteLeftover(t.Context(), path); err != nil {
			t.Errorf("delete %s: %v", path, err)
		}
	}
	expect()
	if _, err := os.Stat(draft.Path()); err != nil {
		t.Errorf("the draft that is being filled: %v", err)
	}
	if _, err := draft.Commit(t.Context(), "lemp@1"); err != nil {
		t.Error(err)
	}
	expect()
	if _, open := p.drafts["work"]; open {
		t.Error("a committed draft is still in use")
	}
}

func TestLostGroups(t *testing.T) {
	p := open(t, loopOptions(t))
	create(t, p, "alice", 3, Disk{64 << 20, 16 << 20})
	names := func() (names []string) {
		t.Helper()
		lost, err := p.LostGroups()
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range lost {
			if g.Index != 3 {
				t.Errorf("index of %s: %d", g.Name, g.Index)
			}
			names = append(names, g.Name)
			p.SweepGroup(g)
		}
		return names
	}
	if got := names(); got != nil {
		t.Errorf("lost: %v", got)
	}
	group := linux.NewBtrfsQgroup(1, p.base+1+3+generation)
	if err := linux.BtrfsCreateQgroup(p.root, group); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{group.String()}, names()); diff != "" {
		t.Errorf("lost groups (-want +got):\n%s", diff)
	}
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != nil { // they wait for the sweeper
		t.Errorf("lost: %v", got)
	}
	if err := p.Sweep(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if groups := run(t, "btrfs", "qgroup", "show", p.Dir()); strings.Contains(groups, group.String()) {
		t.Errorf("after the sweep:\n%s", groups)
	}
}

func TestCheckDisk(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{64 << 20, 16 << 20}
	dir := create(t, p, "alice", 3, d)
	check := func(want string) {
		t.Helper()
		err := p.CheckDisk("alice", d)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("check of the disk: %v, want %q", err, want)
		}
	}
	check("")
	whole, root, err := p.siteGroups("alice")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []linux.BtrfsQgroup{whole, root} {
		run(t, "btrfs", "qgroup", "limit", "70M", group.String(), p.Dir())
		check("limit of quota group " + group.String() + " is 73400320 bytes")
		if err := p.SetDisk(t.Context(), "alice", d); err != nil {
			t.Error(err)
		}
		check("")
	}
	run(t, "btrfs", "subvolume", "delete", dir.Data)
	if err := p.CheckDisk("alice", d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its data volume: %v", err)
	}
}

func TestPoolFaults(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	check := func(want string) {
		t.Helper()
		got, err := p.Check()
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && got != nil || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("check of the pool: %q, want %q", got, want)
		}
	}
	check("")
	device := strings.TrimSpace(run(t, "losetup", "--find", "--show", o.LoopFile))
	check("a second loop device, " + device)
	run(t, "losetup", "--detach", device)
	check("")
	run(t, "btrfs", "quota", "disable", p.Dir())
	check("quota of the pool is off")
}
