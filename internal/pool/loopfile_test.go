package pool

import "testing"

func FuzzParseSuperblock(f *testing.F) {
	super := make([]byte, superSize)
	copy(super[0x40:], superMagic)
	f.Add(super) // of no size
	super = append([]byte(nil), super...)
	super[superTotal+4] = 1
	f.Add(super)
	f.Add(super[:superSize-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, super []byte) {
		size, err := parseSuperblock(super)
		if err == nil && (len(super) < superSize || string(super[0x40:0x48]) != superMagic || size <= 0) {
			t.Errorf("%d bytes are taken for a file system of %d", len(super), size)
		}
	})
}
