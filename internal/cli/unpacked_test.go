package cli

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestUnpacked packs as logisd does: the count is what was packed, but for the last block and those that it packs in parts,
// however the bytes arrive.
func TestUnpacked(t *testing.T) {
	random := rand.NewChaCha8([32]byte{})
	for _, size := range []int64{0, 1, 100_000, 5 << 20, 5<<20 + 17} {
		var archive bytes.Buffer
		z, err := zstd.NewWriter(&archive)
		if err != nil {
			t.Fatal(err)
		}
		parts := []io.Reader{io.LimitReader(random, size/3), io.LimitReader(zeros{}, size/3), io.LimitReader(letters{random}, size-size/3*2)}
		if n, err := io.Copy(z, io.MultiReader(parts...)); err != nil || n != size {
			t.Fatal(n, err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for _, piece := range []int{1, 4093, archive.Len() + 1} {
			var u unpacked
			for rest := archive.Bytes(); len(rest) > 0; {
				n := min(piece, len(rest))
				_, _ = u.Write(rest[:n])
				rest = rest[n:]
			}
			if u.bytes < size || u.bytes > size+3*blockSize {
				t.Errorf("%d bytes in pieces of %d are counted as %d", size, piece, u.bytes)
			}
		}
	}
	var u unpacked
	if _, _ = u.Write(bytes.Repeat([]byte("no archive"), 1000)); u.bytes != 0 {
		t.Errorf("what is no archive is counted as %d", u.bytes)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// letters can be compressed, a little.
type letters struct{ io.Reader }

func (l letters) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	for i := range p[:n] {
		p[i] = 'a' + p[i]%16
	}
	return n, err
}
