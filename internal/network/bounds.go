package network

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
)

// How many connections of a site are held open in the host's table, which has 65,536 entries on a small machine.
const (
	shareOpen = 2000 // that the site opened
	visitOpen = 500  // that redirects of the host's ports opened to it: ssh
	callOpen  = 1000 // that the host opened to it: nearly all are the proxy's, which keeps and reuses them
)

// closedStay is for how many seconds a closed connection stays in the table (nf_conntrack_tcp_timeout_time_wait). ct count no
// longer counts it, and early drop leaves it where it was answered, however full the table is: only the rate keeps them few.
const closedStay = 120

// bound limits connections: how many are held open, and how many are opened a second, after a burst.
type bound struct{ Open, Rate, Burst int }

// entries is how many of the table it allows: those open two minutes ago, and all that were opened since.
func (b bound) entries() int { return b.Open + b.Burst + b.Rate*closedStay }

// bounds are of the connections from a site, by redirects to it, and by the host to it. Visitor is of the redirects to a
// site from one address, which is to leave some for others; it has no Open.
type bounds struct{ Share, Visit, Visitor, Call bound }

// EntriesOfSite is how many entries one site can fill in the host's table, with its visitors and the proxy.
func EntriesOfSite() int {
	b := defaultBounds()
	return b.Share.entries() + b.Visit.entries() + b.Call.entries()
}

// OpenOfSite is how many connections one site can hold open, with its visitors and the proxy.
func OpenOfSite() int { return shareOpen + visitOpen + callOpen }

func defaultBounds() bounds {
	return bounds{
		Share:   bound{shareOpen, 50, 500}, // ten pages a second that each ask five others
		Visit:   bound{visitOpen, 20, 100},
		Visitor: bound{Rate: 5, Burst: 30},
		// Every one may be closed by the site as soon as it was answered. The proxy keeps 64 to a site for further requests.
		Call: bound{callOpen, 100, 1000},
	}
}

// meter is a set whose elements the kernel makes: an address of a site each, with what is counted of it.
type meter struct {
	Name    string
	Family  int
	Timeout string // after which an address that opens no connection is forgotten; "" is when it holds none open
}

func meters() []meter {
	return []meter{
		{"new4", 4, "1m"},
		{"new6", 6, "1m"},
		{"open4", 4, ""},
		{"open6", 6, ""},
		{"newvisit4", 4, "1m"},
		{"newvisit6", 6, "1m"},
		{"visit4", 4, ""},
		{"visit6", 6, ""},
		{"newcall4", 4, "1m"},
		{"newcall6", 6, "1m"},
		{"call4", 4, ""},
		{"call6", 6, ""},
	}
}

// forgetCounts takes what was counted of an address from the meters: nothing of it is for the next site that has it.
func (n *Network) forgetCounts(addrs ...netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, err := dialNFT()
	if err != nil {
		return err
	}
	for _, m := range meters() {
		set := &nftables.Set{Table: n.sets.inet, Name: m.Name}
		for _, addr := range addrs {
			if !addr.IsValid() || addr.Is4() != (m.Family == 4) {
				continue
			}
			key := []nftables.SetElement{{Key: addr.AsSlice()}}
			// Added first, which changes nothing where it is, so that one that is not there does not undo the rest.
			if err := errors.Join(c.SetAddElements(set, key), c.SetDeleteElements(set, key)); err != nil {
				return err
			}
		}
	}
	return goneIsFine(c.Flush())
}

// Share is what connections a site may have and open.
type Share struct {
	Open  int // held open at once
	Rate  int // opened a second, in the long run
	Burst int // opened at once
}

// ShareOfSite is what every site has.
func ShareOfSite() Share {
	return Share(defaultBounds().Share)
}
