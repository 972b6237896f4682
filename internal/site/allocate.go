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
	FirstID             uint32 // of the host ids
	FirstPort, LastPort uint16
	PortFree            func(uint16) bool // nothing of the host listens on it
	// FreeIDs looks at the host's accounts and returns what tells whether none of them has an id from first to last; nil is
	// for a host without accounts.
	FreeIDs func() (func(first, last uint32) bool, error)
}

const (
	lowestID  = 1 << 17 // below it are the host's own, systemd.users(5)
	idsEach   = 65_536
	lastIndex = (1<<32 - 1) / idsEach // exclusive, whatever the first id
)

// ErrExhausted is returned when a range has nothing left to give.
var ErrExhausted = errors.New("exhausted")

// cursor is where the search for something free begins: behind what was given last, so that the next site does not get
// the address and the port of the one that was destroyed a moment ago, which its clients, proxies and connections still know.
type cursor struct {
	index int
	port  int // counted from FirstPort
}

// after returns the cursor behind all records.
func (r Ranges) after(taken []Record) cursor {
	var c cursor
	for _, t := range taken {
		c.index, c.port = max(c.index, t.Index+1), max(c.port, int(t.SSHPort)-int(r.FirstPort)+1)
	}
	return c
}

// allocate fills in what a new record is given: the next index that is free and whose ids no
// account of the host has, addresses and ids that follow from it, and the next
// free port. What is in indexes and ports is not free. Both go round.
func (r Ranges) allocate(c *cursor, rec *Record, indexes map[int]bool, ports map[uint16]bool) error {
	noAccounts := func(uint32, uint32) bool { return true }
	if r.FreeIDs != nil {
		var err error
		if noAccounts, err = r.FreeIDs(); err != nil {
			return fmt.Errorf("look which ids the host's accounts have: %w", err)
		}
	}
	skipped := false
	index, ok := next(c.index, r.hosts(), func(i int) bool {
		if indexes[i] {
			return false
		}
		free := noAccounts(r.idBase(i), r.idBase(i)+idsEach-1)
		skipped = skipped || !free
		return free
	})
	if !ok && skipped {
		return fmt.Errorf("%w: the ids left for sites are those of the host's accounts: give these others, logis doctor names one", ErrExhausted)
	}
	if !ok {
		return fmt.Errorf("%w: no address is free, %d sites fill network.subnet4 %s: make it larger in logis.toml, with the same first "+
			"address, and restart logisd", ErrExhausted, r.hosts(), r.Subnet4)
	}
	port, ok := next(c.port, int(r.LastPort)-int(r.FirstPort)+1, func(i int) bool {
		p := r.FirstPort + uint16(i)
		return !ports[p] && r.PortFree(p)
	})
	if !ok {
		return fmt.Errorf("%w: no port from %d to %d is free for its ssh: make ssh.ports larger in logis.toml and restart logisd", ErrExhausted,
			r.FirstPort, r.LastPort)
	}
	*c = cursor{index + 1, port + 1}
	rec.Index, rec.SSHPort = index, r.FirstPort+uint16(port)
	rec.IDBase = r.idBase(index)
	rec.Address4, rec.Address6 = nth(r.Subnet4, index+2), nth(r.Subnet6, index+2)
	return nil
}

// hosts is how many sites the subnet holds: without network, gateway and broadcast.
func (r Ranges) hosts() int {
	return min(1<<min(30, 32-r.Subnet4.Bits())-3, int((1<<32-1-r.FirstID)/idsEach))
}

// IDs returns the first and the last host id that sites are or may be given.
func (r Ranges) IDs() (first, last uint32) {
	return r.FirstID, r.FirstID + uint32(r.hosts())*idsEach - 1
}

// idBase is the first id of the site with an index.
func (r Ranges) idBase(index int) uint32 { return r.FirstID + uint32(index)*idsEach }

// next returns the first free number from start on, below size, going round once.
func next(start, size int, free func(int) bool) (int, bool) {
	for n := range size {
		if i := (start + n) % size; free(i) {
			return i, true
		}
	}
	return 0, false
}

// nth returns the n-th address of a subnet; 1 is the gateway.
func nth(p netip.Prefix, n int) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	tail := raw[len(raw)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+uint32(n))
	a, _ := netip.AddrFromSlice(raw) // 4 or 16 bytes always are an address
	return a
}
