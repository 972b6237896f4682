package network

import (
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
)

// Sites of one group of Options.Links reach each other by their private addresses, routed by the host: their ports stay
// isolated, and what comes from each is judged like all else. A site has its address in the sets of its groups while it is
// attached, so that who gets the address after it is linked with nobody.

// groupSets hold the addresses of a group's members.
type groupSets struct{ addr4, addr6 *nftables.Set }

const groupPrefix = "linked"

func groupName(i int) string { return groupPrefix + strconv.Itoa(i) }

func isGroup(set string) bool { return strings.HasPrefix(set, groupPrefix) }

// groupsOf are the indexes of the groups that name a site.
func (n *Network) groupsOf(p Port) []int {
	if p.Name == "" {
		return nil
	}
	var groups []int
	for i, names := range n.links {
		if slices.Contains(names, p.Name) {
			groups = append(groups, i)
		}
	}
	return groups
}

// linkElements are a site's in the sets of its groups.
func (n *Network) linkElements(p Port) []element {
	var elements []element
	for _, i := range n.groupsOf(p) {
		if p.Addr4.IsValid() {
			elements = append(elements, element{set: n.sets.groups[i].addr4, key: p.Addr4.AsSlice()})
		}
		if p.Addr6.IsValid() {
			elements = append(elements, element{set: n.sets.groups[i].addr6, key: p.Addr6.AsSlice()})
		}
	}
	return elements
}
