package network

import (
	"fmt"
	"slices"

	"github.com/google/nftables"
	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// remember keeps a site among those that a load of the ruleset has elements for. It comes before the site's first trace
// on the host, and forget before its last, so that a Reload in between takes nothing that is needed.
func (n *Network) remember(p Port) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports[p.Index] = p
}

// forget returns p with the name that it was remembered by, where p has none.
func (n *Network) forget(p Port) Port {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.Name == "" {
		p.Name = n.ports[p.Index].Name
	}
	delete(n.ports, p.Index)
	return p
}

// put is the function of that name, not while the ruleset is loaded.
func (n *Network) put(elements ...element) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return put(elements...)
}

func (n *Network) remove(elements ...element) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return remove(elements...)
}

// ruleNames lists the rules of both tables by their handles, which the kernel gives to no other rule (and a rule that is
// replaced gets a new one), and the policies of their chains. A table that is missing has none.
func (n *Network) ruleNames() ([]string, error) {
	c, err := dialNFT()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, table := range []*nftables.Table{n.sets.inet, n.sets.bridge} {
		chains, err := c.ListChainsOfTableFamily(table.Family)
		if err != nil {
			return nil, fmt.Errorf("list chains: %w", err)
		}
		for _, chain := range chains {
			if chain.Table.Name != table.Name {
				continue
			}
			policy := nftables.ChainPolicyAccept
			if chain.Policy != nil {
				policy = *chain.Policy
			}
			names = append(names, fmt.Sprintf("%d %s policy %d", table.Family, chain.Name, policy))
		}
		handles, err := ruleHandles(table)
		if err != nil {
			return nil, fmt.Errorf("list rules: %w", err)
		}
		names = append(names, handles...)
	}
	slices.Sort(names)
	return names, nil
}

// ruleHandles lists the rules of a table. Package nftables has no way that does not decode them, and some it cannot.
func ruleHandles(table *nftables.Table) ([]string, error) {
	c, err := mdnetlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	name, err := mdnetlink.MarshalAttributes([]mdnetlink.Attribute{{Type: unix.NFTA_RULE_TABLE, Data: []byte(table.Name + "\x00")}})
	if err != nil {
		return nil, err
	}
	header := []byte{byte(table.Family), unix.NFNETLINK_V0, 0, 0} // struct nfgenmsg
	rules, err := c.Execute(mdnetlink.Message{
		Header: mdnetlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE, Flags: mdnetlink.Request | mdnetlink.Dump},
		Data:   append(header, name...),
	})
	if err != nil {
		return nil, err
	}
	var handles []string
	for _, r := range rules {
		if len(r.Data) < len(header) {
			return nil, fmt.Errorf("a rule of %d bytes: %w", len(r.Data), unix.EINVAL)
		}
		d, err := mdnetlink.NewAttributeDecoder(r.Data[len(header):])
		if err != nil {
			return nil, err
		}
		var chain, of string
		var handle []byte
		for d.Next() {
			switch d.Type() {
			case unix.NFTA_RULE_TABLE:
				of = d.String()
			case unix.NFTA_RULE_CHAIN:
				chain = d.String()
			case unix.NFTA_RULE_HANDLE:
				handle = d.Bytes()
			}
		}
		if err := d.Err(); err != nil {
			return nil, err
		}
		if of == table.Name {
			handles = append(handles, fmt.Sprintf("%d %s %x", table.Family, chain, handle))
		}
	}
	return handles, nil
}

// HasTables reports whether both tables are there.
func (n *Network) HasTables() (bool, error) {
	c, err := dialNFT()
	if err != nil {
		return false, err
	}
	for _, table := range []*nftables.Table{n.sets.inet, n.sets.bridge} {
		tables, err := c.ListTablesOfFamily(table.Family)
		if err != nil {
			return false, fmt.Errorf("list tables: %w", err)
		}
		if !slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == table.Name }) {
			return false, nil
		}
	}
	return true, nil
}

// sharedSet is a set or map that is all sites' alike, and what it holds.
type sharedSet struct {
	*nftables.Set
	want []Element
}

// sharedSets are proxy_ports and resolver; n.mu is held.
func (n *Network) sharedSets() []sharedSet {
	proxy := sharedSet{Set: &nftables.Set{Table: n.sets.inet, Name: "proxy_ports"}}
	for _, port := range n.proxyPorts {
		proxy.want = append(proxy.want, Element{Key{proxy.Name, string(portNumber(port))}, ""})
	}
	resolver := sharedSet{Set: n.sets.resolver}
	if n.resolver.dnat.IsValid() {
		e := n.resolverElement(n.resolver.dnat)
		resolver.want = []Element{{Key{resolver.Name, string(e.key)}, string(e.val)}}
	}
	return []sharedSet{proxy, resolver}
}
