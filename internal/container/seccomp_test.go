package container

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

func TestHole(t *testing.T) {
	program, err := compileFilter(keptNames())
	if err != nil {
		t.Fatal(err)
	}
	var raw []bpf.RawInstruction
	for i := 0; i < len(program); i += 8 {
		raw = append(raw, bpf.RawInstruction{Op: binary.LittleEndian.Uint16(program[i:]), Jt: program[i+2], Jf: program[i+3], K: binary.LittleEndian.Uint32(program[i+4:])})
	}
	ins, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("disassemble")
	}
	vm, err := bpf.NewVM(ins)
	if err != nil {
		t.Fatal(err)
	}
	run := func(nr uint32, args ...uint64) uint32 {
		b := make([]byte, 64)
		// VM reads big endian
		binary.BigEndian.PutUint32(b[0:], nr)
		binary.BigEndian.PutUint32(b[4:], 0xC000003E)
		for i, a := range args {
			binary.BigEndian.PutUint32(b[16+8*i:], uint32(a))
			binary.BigEndian.PutUint32(b[20+8*i:], uint32(a>>32))
		}
		r, err := vm.Run(b)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(r)
	}
	for af := uint64(0); af < 60; af++ {
		t.Logf("socket %d: %#x", af, run(unix.SYS_SOCKET, af))
	}
	t.Logf("len %d", len(ins))
	t.Logf("personality hi: %#x", run(unix.SYS_PERSONALITY, 56<<32|0x40000))
}
