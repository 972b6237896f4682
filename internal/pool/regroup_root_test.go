//go:build root

package pool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Quota that was turned off: what asks for groups says so, and takes no disk for a missing one. After the next Open each
// site is given its group and its limits again, which hold for what was there before.
func TestQuotaTurnedOff(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	d := Disk{Limit: 64 * mib, Reserve: 16 * mib}
	dir := create(t, p, "alice", 3, d)
	create(t, p, "bob", 4, d)
	if err := os.WriteFile(filepath.Join(dir.Data, "before"), make([]byte, 24*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "btrfs", "quota", "disable", p.Dir())
	if lost, err := p.LostGroups(); err != nil || lost != nil {
		t.Errorf("lost groups while quota is off: %v, %v", lost, err)
	}
	if err := p.CheckDisk("alice", d); err != nil {
		t.Errorf("check of a disk while quota is off: %v", err)
	}
	for what, err := range map[string]error{
		"ensure": p.EnsureGroups(t.Context(), "alice", 3, d), "limits": p.SetDisk(t.Context(), "alice", d),
	} {
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "quota of the pool is off") {
			t.Errorf("%s while quota is off: %v", what, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, o)
	if err := p.CheckDisk("alice", d); err == nil || errors.Is(err, ErrNoDisk) {
		t.Errorf("check of a disk without its group: %v", err)
	}
	for _, name := range []string{"alice", "alice", "bob"} {
		if err := p.EnsureGroups(t.Context(), name, map[string]int{"alice": 3, "bob": 4}[name], d); err != nil {
			t.Fatal(err)
		}
		if err := p.CheckDisk(name, d); err != nil {
			t.Error(err)
		}
	}
	if index, known := p.SiteIndex("alice"); index != 3 || !known {
		t.Errorf("index of alice: %d, %v", index, known)
	}
	if lost, err := p.LostGroups(); err != nil || lost != nil {
		t.Errorf("lost groups: %v, %v", lost, err)
	}
	if err := p.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if use, err := p.Usage(t.Context(), "alice"); err != nil || use.Used < 24*mib {
		t.Errorf("usage of alice: %d, %v", use.Used, err)
	}
	if err := os.WriteFile(filepath.Join(dir.Data, "after"), make([]byte, 48*mib), 0o600); !errors.Is(err, unix.EDQUOT) {
		t.Errorf("a write past the limit: %v", err)
	}
	if err := p.EnsureGroups(t.Context(), "carol", 5, d); !errors.Is(err, ErrNoDisk) {
		t.Errorf("groups of a site that is not: %v", err)
	}
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if err := p.Sweep(deadline(t)); err != nil {
		t.Error(err)
	}
	if groups := run(t, "btrfs", "qgroup", "show", p.Dir()); strings.Contains(groups, "1/1000000004") {
		t.Errorf("after the sweep:\n%s", groups)
	}
}

// A start that dies between the two subvolumes is taken up again.
func TestEnsureGroupsHalfWay(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{Limit: 64 * mib, Reserve: 16 * mib}
	dir := create(t, p, "alice", 3, d)
	for _, path := range []string{dir.Data, dir.Root} {
		id, err := subvolumeID(path)
		if err != nil {
			t.Fatal(err)
		}
		group, err := p.groupOf(id)
		if err != nil {
			t.Fatal(err)
		}
		run(t, "btrfs", "qgroup", "remove", "--no-rescan", fmt.Sprintf("0/%d", id), group.String(), p.Dir())
		if err := p.CheckDisk("alice", d); err == nil || errors.Is(err, ErrNoDisk) {
			t.Errorf("check of a disk that is in no group: %v", err)
		}
		if err := p.EnsureGroups(t.Context(), "alice", 3, d); err != nil {
			t.Fatal(err)
		}
		if again, err := p.groupOf(id); err != nil || again != group {
			t.Errorf("%s is in %v, %v; want %v", path, again, err, group)
		}
		if err := p.CheckDisk("alice", d); err != nil {
			t.Error(err)
		}
	}
}
