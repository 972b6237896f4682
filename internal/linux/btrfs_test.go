package linux

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBtrfsKeyNext(t *testing.T) {
	const most = math.MaxUint64
	for _, c := range []struct {
		key, want btrfsKey
		ok        bool
	}{
		{btrfsKey{1, 2, 3}, btrfsKey{1, 2, 4}, true},
		{btrfsKey{1, 2, most}, btrfsKey{1, 3, 0}, true},
		{btrfsKey{1, 255, most}, btrfsKey{2, 0, 0}, true},
		{btrfsKey{most, 255, most}, btrfsKey{most, 255, most}, false},
	} {
		got, ok := c.key.next()
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(btrfsKey{})); diff != "" || ok != c.ok {
			t.Errorf("next of %v is %v, %v; want %v, %v", c.key, got, ok, c.want, c.ok)
		}
	}
}

func TestBtrfsQgroupString(t *testing.T) {
	if got := NewBtrfsQgroup(1, 1000000001).String(); got != "1/1000000001" {
		t.Error(got)
	}
}

func FuzzBtrfsParseSearch(f *testing.F) {
	item := make([]byte, btrfsSearchHeader+8)
	binary.NativeEndian.PutUint64(item[8:], 5)
	binary.NativeEndian.PutUint32(item[24:], btrfsQgroupItem)
	binary.NativeEndian.PutUint32(item[28:], 8)
	f.Add(item, uint32(1))
	f.Add(append(item, item...), uint32(2))
	f.Add(item, uint32(math.MaxUint32))
	f.Fuzz(func(t *testing.T, buf []byte, count uint32) {
		items, err := btrfsParseSearch(buf, count)
		if err != nil {
			return
		}
		size := 0
		for _, it := range items {
			size += btrfsSearchHeader + len(it.data)
		}
		if uint64(len(items)) != uint64(count) || size > len(buf) {
			t.Errorf("%d items of %d bytes out of %d of %d", len(items), size, count, len(buf))
		}
	})
}
