package cli

import "encoding/binary"

// unpacked counts how many bytes an archive of logisd's will have when it is unpacked, as it passes by: of what is left to be
// packed nothing else tells. It reads the headers of a zstd frame and its blocks (RFC 8878, section 3.1.1) and nothing of what is in
// them: a compressed block has as many bytes as a block can have, as logisd packs all but the last and a few that change in
// their middle (of lemp that makes 0.02 % too much). What is no zstd is not counted.
type unpacked struct {
	bytes int64
	state int
	skip  int64  // bytes of the archive until the next header
	head  []byte // what there is of it
}

// The states of unpacked: which header comes next.
const (
	atFrame = iota
	atBlock
	atEnd // nothing more is counted
)

const (
	zstdMagic = 0xfd2fb528
	blockSize = 128 << 10 // bytes of a block at most
)

func (u *unpacked) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && u.state != atEnd {
		if u.skip > 0 {
			k := min(u.skip, int64(len(p)))
			u.skip -= k
			p = p[k:]
			continue
		}
		u.head = append(u.head, p[0])
		p = p[1:]
		if u.state == atFrame {
			u.frame()
		} else {
			u.block()
		}
	}
	return n, nil
}

// frame takes magic number and descriptor, which says how long the rest of the header is.
func (u *unpacked) frame() {
	if len(u.head) < 5 {
		return
	}
	descriptor := u.head[4]
	single := descriptor>>5&1 == 1
	u.skip = []int64{0, 1, 2, 4}[descriptor&3] + []int64{0, 2, 4, 8}[descriptor>>6]
	if single && descriptor>>6 == 0 || !single {
		u.skip++ // size in one byte, or the window
	}
	u.state = atBlock
	if binary.LittleEndian.Uint32(u.head) != zstdMagic {
		u.state = atEnd
	}
	u.head = u.head[:0]
}

// block takes the three bytes of a block's header.
func (u *unpacked) block() {
	if len(u.head) < 3 {
		return
	}
	header := int64(u.head[0]) | int64(u.head[1])<<8 | int64(u.head[2])<<16
	u.head = u.head[:0]
	size := header >> 3
	switch header >> 1 & 3 {
	case 0: // as it is
		u.skip, u.bytes = size, u.bytes+size
	case 1: // one byte, many times
		u.skip, u.bytes = 1, u.bytes+size
	case 2:
		u.skip, u.bytes = size, u.bytes+blockSize
	}
	if header&1 == 1 {
		u.state = atEnd
	}
}
