package pool

import (
	"os"
	"path/filepath"
	"testing"
)

func FuzzSuperblockSize(f *testing.F) {
	super := make([]byte, superSize)
	copy(super[0x40:], superMagic)
	super[superTotal+4] = 1
	f.Add(super)
	f.Add(super[:superSize-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, super []byte) {
		file, err := os.Create(filepath.Join(t.TempDir(), "pool.img"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteAt(super, superOffset); err != nil {
			t.Fatal(err)
		}
		size, err := superblockSize(file)
		if err == nil && (len(super) < superSize || string(super[0x40:0x48]) != superMagic) {
			t.Errorf("%d bytes of something else are taken for a file system of %d", len(super), size)
		}
		if err == nil && size <= 0 {
			t.Errorf("file system of %d bytes", size)
		}
	})
}
