package linux

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// BtrfsQgroupCount is what a group counts and may count, in referenced bytes as of the last commit.
type BtrfsQgroupCount struct {
	Used  int64
	Limit int64 // math.MaxInt64 is none
}

// BtrfsQgroupCounts reads all groups of the file system at once. ENOENT is a file system without quota.
func BtrfsQgroupCounts(f *os.File) (map[BtrfsQgroup]BtrfsQgroupCount, error) {
	counts := map[BtrfsQgroup]BtrfsQgroupCount{}
	for item, err := range btrfsSearch(f, btrfsQuotaTree,
		btrfsKey{kind: btrfsQgroupItem}, btrfsKey{kind: btrfsQgroupLimits, offset: math.MaxUint64}) {
		if err != nil {
			return nil, err
		}
		group := BtrfsQgroup(item.key.offset)
		count, known := counts[group]
		if !known {
			count.Limit = math.MaxInt64
		}
		if err := count.take(item); err != nil {
			return nil, err
		}
		counts[group] = count
	}
	return counts, nil
}

// take adds what one item says.
func (c *BtrfsQgroupCount) take(item btrfsItem) error {
	bytes, err := btrfsWord(item.data, 1) // the referenced bytes, or the limit in them
	if err != nil {
		return err
	}
	switch item.key.kind {
	case btrfsQgroupItem:
		c.Used = int64(min(bytes, math.MaxInt64))
	case btrfsQgroupLimits:
		flags, err := btrfsWord(item.data, 0)
		if err != nil {
			return err
		}
		if flags&btrfsLimitMaxRefer != 0 {
			c.Limit = int64(min(bytes, math.MaxInt64))
		}
	}
	return nil
}

// btrfsRootGeneration is the offset of the generation in a root item, behind its inode item.
const btrfsRootGeneration = 160

// BtrfsQgroupGeneration is the number of the last commit that changed what any group counts or may count: to ask for it costs
// nothing against reading the groups. ENOENT is a file system without quota.
func BtrfsQgroupGeneration(f *os.File) (uint64, error) {
	for item, err := range btrfsSearch(f, btrfsRootTree, btrfsKey{object: btrfsQuotaTree, kind: btrfsRootItem},
		btrfsKey{object: btrfsQuotaTree, kind: btrfsRootItem, offset: math.MaxUint64}) {
		if err != nil {
			return 0, err
		}
		return btrfsWord(item.data, btrfsRootGeneration/8)
	}
	return 0, unix.ENOENT
}
