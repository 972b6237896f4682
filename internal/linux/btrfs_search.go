package linux

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// btrfsKey orders the items of a tree: by object, then kind, then offset.
type btrfsKey struct {
	object uint64
	kind   uint8
	offset uint64
}

type btrfsItem struct {
	key  btrfsKey
	data []byte
}

const (
	btrfsSearchArgs   = 112 // struct btrfs_ioctl_search_args_v2 without its buffer
	btrfsSearchHeader = 32  // struct btrfs_ioctl_search_header
	btrfsSearchFound  = 64  // offset of nr_items in the arguments
)

// next returns the smallest key above k, and false where there is none.
func (k btrfsKey) next() (btrfsKey, bool) {
	switch {
	case k.offset < math.MaxUint64:
		k.offset++
	case k.kind < math.MaxUint8:
		k.kind, k.offset = k.kind+1, 0
	case k.object < math.MaxUint64:
		k.object, k.kind, k.offset = k.object+1, 0, 0
	default:
		return k, false
	}
	return k, true
}

// btrfsSearch yields the items of a tree from first to last, both included, of every kind that lies between. ENOENT is
// a tree that is not there. Needs CAP_SYS_ADMIN.
func btrfsSearch(f *os.File, tree uint64, first, last btrfsKey) iter.Seq2[btrfsItem, error] {
	size := 64 << 10
	if first.object == last.object && first.kind == last.kind {
		size = 4 << 10 // a few items, mostly one
	}
	return func(yield func(btrfsItem, error) bool) {
		args := make([]byte, btrfsSearchArgs+size)
		for more := true; more; {
			btrfsSearchKey(args, tree, first, last)
			if err := btrfsIoctl(f, btrfsTreeSearch, unsafe.Pointer(&args[0])); err != nil {
				yield(btrfsItem{}, err)
				return
			}
			items, err := btrfsParseSearch(args[btrfsSearchArgs:], binary.NativeEndian.Uint32(args[btrfsSearchFound:]))
			if err != nil {
				yield(btrfsItem{}, err)
				return
			}
			if len(items) == 0 {
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			first, more = items[len(items)-1].key.next()
		}
	}
}

func btrfsSearchKey(args []byte, tree uint64, first, last btrfsKey) {
	words := []uint64{tree, first.object, last.object, first.offset, last.offset, 0, math.MaxUint64}
	for i, word := range words {
		binary.NativeEndian.PutUint64(args[i*8:], word)
	}
	binary.NativeEndian.PutUint32(args[56:], uint32(first.kind))
	binary.NativeEndian.PutUint32(args[60:], uint32(last.kind))
	binary.NativeEndian.PutUint32(args[btrfsSearchFound:], math.MaxUint32)
	binary.NativeEndian.PutUint64(args[104:], uint64(len(args)-btrfsSearchArgs))
}

// btrfsParseSearch cuts the buffer of a search into its items; each keeps its own copy of the data.
func btrfsParseSearch(buf []byte, count uint32) ([]btrfsItem, error) {
	var items []btrfsItem
	for range count {
		if len(buf) < btrfsSearchHeader {
			return nil, fmt.Errorf("btrfs search result is cut off: %w", unix.EINVAL)
		}
		kind, size := binary.NativeEndian.Uint32(buf[24:]), binary.NativeEndian.Uint32(buf[28:])
		if kind > math.MaxUint8 || uint64(size) > uint64(len(buf)-btrfsSearchHeader) {
			return nil, fmt.Errorf("btrfs search result is malformed: %w", unix.EINVAL)
		}
		items = append(items, btrfsItem{
			key: btrfsKey{
				object: binary.NativeEndian.Uint64(buf[8:]), kind: uint8(kind),
				offset: binary.NativeEndian.Uint64(buf[16:]),
			},
			data: append([]byte(nil), buf[btrfsSearchHeader:btrfsSearchHeader+size]...),
		})
		buf = buf[btrfsSearchHeader+size:]
	}
	return items, nil
}

// btrfsLookup returns the data of one item, or ENOENT.
func btrfsLookup(f *os.File, tree uint64, key btrfsKey) ([]byte, error) {
	for item, err := range btrfsSearch(f, tree, key, key) {
		return item.data, err
	}
	return nil, unix.ENOENT
}

// The keys of the root tree.
const (
	btrfsRootTree = 1
	btrfsRootItem = 132
	btrfsRootRef  = 156
	btrfsRootRefs = 216 // offset of the reference count in a root item
)

// BtrfsSubvolumeState says what the file system knows of a subvolume id.
type BtrfsSubvolumeState int

// The life of a subvolume after its creation.
const (
	BtrfsSubvolumeGone    BtrfsSubvolumeState = iota // no trace in the root tree
	BtrfsSubvolumeDeleted                            // no path leads to it, the kernel is freeing it
	BtrfsSubvolumeAlive
)

// BtrfsStateOfSubvolume looks the id up in the root tree.
func BtrfsStateOfSubvolume(f *os.File, id uint64) (BtrfsSubvolumeState, error) {
	for item, err := range btrfsSearch(f, btrfsRootTree, btrfsKey{object: id, kind: btrfsRootItem},
		btrfsKey{object: id, kind: btrfsRootItem, offset: math.MaxUint64}) {
		if err != nil {
			return BtrfsSubvolumeGone, err
		}
		if len(item.data) < btrfsRootRefs+4 {
			return BtrfsSubvolumeGone, fmt.Errorf("root item of %d bytes: %w", len(item.data), unix.EINVAL)
		}
		if binary.LittleEndian.Uint32(item.data[btrfsRootRefs:]) == 0 {
			return BtrfsSubvolumeDeleted, nil
		}
		return BtrfsSubvolumeAlive, nil
	}
	return BtrfsSubvolumeGone, nil
}

// BtrfsChildSubvolumes lists the ids of the subvolumes that lie directly in the subvolume id.
func BtrfsChildSubvolumes(f *os.File, id uint64) ([]uint64, error) {
	var children []uint64
	for item, err := range btrfsSearch(f, btrfsRootTree, btrfsKey{object: id, kind: btrfsRootRef},
		btrfsKey{object: id, kind: btrfsRootRef, offset: math.MaxUint64}) {
		if err != nil {
			return nil, err
		}
		children = append(children, item.key.offset)
	}
	return children, nil
}
