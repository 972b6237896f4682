package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BtrfsQgroup is the id of a quota group: level and number. Level 0 is the group of the subvolume with that id.
type BtrfsQgroup uint64

// NewBtrfsQgroup returns the id of the group level/number; number has 48 bits.
func NewBtrfsQgroup(level uint16, number uint64) BtrfsQgroup {
	return BtrfsQgroup(uint64(level)<<48 | number&(1<<48-1))
}

// Level is the part before the slash.
func (q BtrfsQgroup) Level() uint16 { return uint16(q >> 48) }

// Number is the part after the slash.
func (q BtrfsQgroup) Number() uint64 { return uint64(q) & (1<<48 - 1) }

// String writes the id as btrfs(8) does.
func (q BtrfsQgroup) String() string { return fmt.Sprintf("%d/%d", q.Level(), q.Number()) }

// btrfsLimitArgs is struct btrfs_qgroup_limit.
type btrfsLimitArgs struct {
	flags, maxReferenced, maxExclusive, reservedReferenced, reservedExclusive uint64
}

// BtrfsQuota is the state of the quota of a file system.
type BtrfsQuota struct {
	Enabled      bool
	Simple       bool // counts by the creator of an extent (since 6.7); the groups do not count as plain ones do
	Inconsistent bool // numbers are wrong until a rescan
}

// The keys and flags of the quota tree.
const (
	btrfsQuotaTree      = 8
	btrfsQgroupStatus   = 240
	btrfsQgroupItem     = 242
	btrfsQgroupLimits   = 244
	btrfsQgroupRelation = 246
)

// BtrfsQuotaStatus reads whether the quota is on.
func BtrfsQuotaStatus(f *os.File) (BtrfsQuota, error) {
	data, err := btrfsLookup(f, btrfsQuotaTree, btrfsKey{kind: btrfsQgroupStatus})
	if errors.Is(err, unix.ENOENT) { // no quota tree
		return BtrfsQuota{}, nil
	}
	if err != nil {
		return BtrfsQuota{}, err
	}
	flags, err := btrfsWord(data, 2)
	return BtrfsQuota{Enabled: flags&1 != 0, Inconsistent: flags&4 != 0, Simple: flags&8 != 0}, err
}

// BtrfsEnableQuota turns plain quota groups on; the kernel then counts in the background.
func BtrfsEnableQuota(f *os.File) error {
	args := [2]uint64{1, 0} // BTRFS_QUOTA_CTL_ENABLE
	return btrfsIoctl(f, btrfsQuotaCtl, unsafe.Pointer(&args))
}

// BtrfsRescanQuota starts a recount in the background; EINPROGRESS is one that runs already.
func BtrfsRescanQuota(f *os.File) error {
	var args [8]uint64
	return btrfsIoctl(f, btrfsQuotaRescan, unsafe.Pointer(&args))
}

// BtrfsQuotaRescanning says whether a recount runs.
func BtrfsQuotaRescanning(f *os.File) (bool, error) {
	var args [8]uint64
	err := btrfsIoctl(f, btrfsRescanStatus, unsafe.Pointer(&args))
	return args[0] != 0, err
}

// BtrfsCreateQgroup makes a group. EEXIST is one that is there.
func BtrfsCreateQgroup(f *os.File, group BtrfsQgroup) error {
	args := [2]uint64{1, uint64(group)}
	return btrfsIoctl(f, btrfsQgroupCreate, unsafe.Pointer(&args))
}

// BtrfsRemoveQgroup removes a group. ENOENT is one that is not there, EBUSY one that has members or still counts bytes.
func BtrfsRemoveQgroup(f *os.File, group BtrfsQgroup) error {
	args := [2]uint64{0, uint64(group)}
	return btrfsIoctl(f, btrfsQgroupCreate, unsafe.Pointer(&args))
}

// BtrfsAssignQgroup makes member count in group, which is of a higher level. EEXIST is one that does already. Where member
// shares bytes with other groups the quota is inconsistent afterwards, and wants a rescan.
func BtrfsAssignQgroup(f *os.File, member, group BtrfsQgroup) error {
	args := [3]uint64{1, uint64(member), uint64(group)}
	return btrfsIoctl(f, btrfsQgroupAssign, unsafe.Pointer(&args))
}

// BtrfsSetQgroupLimit limits the referenced bytes of a group.
func BtrfsSetQgroupLimit(f *os.File, group BtrfsQgroup, bytes int64) error {
	args := struct {
		group BtrfsQgroup
		limit btrfsLimitArgs
	}{group, btrfsLimitArgs{flags: btrfsLimitMaxRefer, maxReferenced: uint64(bytes)}}
	return btrfsIoctl(f, btrfsQgroupLimit, unsafe.Pointer(&args))
}

// BtrfsQgroupLimit reads the limit of a group in referenced bytes; math.MaxInt64 is none. ENOENT is an unknown group.
func BtrfsQgroupLimit(f *os.File, group BtrfsQgroup) (int64, error) {
	data, err := btrfsLookup(f, btrfsQuotaTree, btrfsKey{kind: btrfsQgroupLimits, offset: uint64(group)})
	if err != nil {
		return 0, err
	}
	flags, err := btrfsWord(data, 0)
	if err != nil || flags&btrfsLimitMaxRefer == 0 {
		return math.MaxInt64, err
	}
	bytes, err := btrfsWord(data, 1)
	return int64(min(bytes, math.MaxInt64)), err
}

// BtrfsQgroupUsage reads the referenced bytes of a group as of the last commit. ENOENT is an unknown group.
func BtrfsQgroupUsage(f *os.File, group BtrfsQgroup) (int64, error) {
	data, err := btrfsLookup(f, btrfsQuotaTree, btrfsKey{kind: btrfsQgroupItem, offset: uint64(group)})
	if err != nil {
		return 0, err
	}
	bytes, err := btrfsWord(data, 1)
	return int64(min(bytes, math.MaxInt64)), err
}

// BtrfsQgroups lists the groups from first to last, both included.
func BtrfsQgroups(f *os.File, first, last BtrfsQgroup) ([]BtrfsQgroup, error) {
	var groups []BtrfsQgroup
	for item, err := range btrfsSearch(f, btrfsQuotaTree,
		btrfsKey{kind: btrfsQgroupItem, offset: uint64(first)}, btrfsKey{kind: btrfsQgroupItem, offset: uint64(last)}) {
		if err != nil {
			return nil, err
		}
		groups = append(groups, BtrfsQgroup(item.key.offset))
	}
	return groups, nil
}

// BtrfsQgroupRelations lists what each group from first to last is tied to: its members and the groups it belongs to.
func BtrfsQgroupRelations(f *os.File, first, last BtrfsQgroup) (map[BtrfsQgroup][]BtrfsQgroup, error) {
	relations := map[BtrfsQgroup][]BtrfsQgroup{}
	for item, err := range btrfsSearch(f, btrfsQuotaTree,
		btrfsKey{object: uint64(first), kind: btrfsQgroupRelation},
		btrfsKey{object: uint64(last), kind: btrfsQgroupRelation, offset: math.MaxUint64}) {
		if err != nil {
			return nil, err
		}
		if item.key.kind == btrfsQgroupRelation {
			group := BtrfsQgroup(item.key.object)
			relations[group] = append(relations[group], BtrfsQgroup(item.key.offset))
		}
	}
	return relations, nil
}

// btrfsWord reads the n-th little-endian 64-bit word of an item.
func btrfsWord(data []byte, n int) (uint64, error) {
	if len(data) < n*8+8 {
		return 0, fmt.Errorf("btrfs item of %d bytes: %w", len(data), unix.EINVAL)
	}
	return binary.LittleEndian.Uint64(data[n*8:]), nil
}
