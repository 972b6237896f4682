package site

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Ranges are what sites are given from.
type Ranges struct {
	Subnet4, Subnet6    netip.Prefix
	FirstPort, LastPort uint16
	PortFree            func(uint16) bool // nothing of the host listens on it
}

const (
	firstID   = 1_000_000_000 // host ids below it are left to the host and to subuid(5)
	idsEach   = 65_536
	lastIndex = (1<<32 - 1 - firstID) / idsEach // exclusive
)

// ErrExhausted is returned when a range has nothing left to give.
var ErrExhausted = errors.New("exhausted")

// allocate fills in what a new record is given: the lowest free index, addresses and ids that follow from it, and the
// lowest free port.
func (r Ranges) allocate(rec *Record, taken []Record) error {
	indexes, ports := map[int]bool{}, map[uint16]bool{}
	for _, t := range taken {
		indexes[t.Index], ports[t.SSHPort] = true, true
	}
	for indexes[rec.Index] {
		rec.Index++
	}
	hosts := uint64(1)<<min(62, 32-r.Subnet4.Bits()) - 3 // without network, gateway and broadcast
	if rec.Index >= lastIndex || uint64(rec.Index) >= hosts {
		return fmt.Errorf("%w: %d sites fill network.subnet4: widen it", ErrExhausted, len(taken))
	}
	rec.IDBase = firstID + uint32(rec.Index)*idsEach
	rec.Address4, rec.Address6 = nth(r.Subnet4, rec.Index+2), nth(r.Subnet6, rec.Index+2)
	for port := int(r.FirstPort); port <= int(r.LastPort); port++ {
		if !ports[uint16(port)] && r.PortFree(uint16(port)) {
			rec.SSHPort = uint16(port)
			return nil
		}
	}
	return fmt.Errorf("%w: no port of ssh.ports is free: widen the range", ErrExhausted)
}

// nth returns the n-th address of a subnet; 1 is the gateway.
func nth(p netip.Prefix, n int) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	tail := raw[len(raw)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+uint32(n))
	a, _ := netip.AddrFromSlice(raw) // 4 or 16 bytes always are an address
	return a
}
