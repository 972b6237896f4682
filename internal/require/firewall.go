package require

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

var families = map[nftables.TableFamily]string{
	nftables.TableFamilyINet: "inet", nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6",
}

// firewalls looks for tables of other programs that drop what is forwarded unless a rule of theirs accepts it, as Docker's
// and ufw's do: an accept in our table does not outvote that. Whether they have such a rule for us is not read: rules can
// jump anywhere.
func firewalls(instance, bridge string) Check {
	const what = "other firewalls"
	c, err := nftables.New()
	if err != nil {
		return failed(what, err)
	}
	chains, err := c.ListChains()
	if err != nil {
		return failed(what, err)
	}
	for _, chain := range chains {
		if family, strict := drops(chain); strict && chain.Table.Name != instance {
			name := fmt.Sprintf("%s %s %s", family, chain.Table.Name, chain.Name)
			if allowed(c, chain, bridge) {
				continue
			}
			return warning(what, "chain "+name+" drops what it does not know: sites may not reach the outside, nor be reached",
				mendChain(name, chain.Table.Name, bridge))
		}
	}
	return ok(what, "none drops what is forwarded")
}

// drops tells whether a chain decides on forwarded packets and drops by default, and the name of its family.
func drops(c *nftables.Chain) (family string, strict bool) {
	family, known := families[c.Table.Family]
	return family, known && c.Hooknum != nil && *c.Hooknum == *nftables.ChainHookForward &&
		c.Type == nftables.ChainTypeFilter && c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop
}

func mendChain(name, table, bridge string) string {
	if table == "filter" { // of iptables-nft
		return fmt.Sprintf("iptables -I FORWARD -i %[1]s -j ACCEPT; iptables -I FORWARD -o %[1]s -j ACCEPT (the same with ip6tables)", bridge)
	}
	return fmt.Sprintf("nft insert rule %[1]s iifname %[2]s accept; nft insert rule %[1]s oifname %[2]s accept", name, bridge)
}

// allowed reports whether a rule of the chain names the bridge.
func allowed(c *nftables.Conn, chain *nftables.Chain, bridge string) bool {
	rules, err := c.GetRules(chain.Table, chain)
	if err != nil {
		return false // one that the library cannot read
	}
	for _, r := range rules {
		for _, e := range r.Exprs {
			if c, ok := e.(*expr.Cmp); ok && unix.ByteSliceToString(c.Data) == bridge {
				return true
			}
		}
	}
	return false
}
