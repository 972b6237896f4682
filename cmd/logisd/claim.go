package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/require"
)

// claimed is what of the host an instance gives to its sites, and two instances must not share.
type claimed struct {
	FirstID uint32           `json:"first_id"`
	LastID  uint32           `json:"last_id"`
	Subnet4 netip.Prefix     `json:"subnet4"`
	Subnet6 netip.Prefix     `json:"subnet6"`
	SSH     config.PortRange `json:"ssh_ports"`
	Proxy   []uint16         `json:"proxy_ports"` // two proxies may share one on addresses of their own
}

func claimOf(c config.Config) claimed {
	first, last := rangesOf(c).IDs()
	return claimed{first, last, c.Network.Subnet4.Masked(), c.Network.Subnet6.Masked(), c.SSH.Ports, c.ProxyPorts()}
}

const claimSuffix = ".claim"

func claimPath(dir, instance string) string { return filepath.Join(dir, "logis-"+instance+claimSuffix) }

// claim says in dir, /run, what this instance has of the host, and refuses what another instance of this boot has claimed: its
// sites may run without their logisd. The function it returns takes the claim back, unless containers still need it. A
// claim is written before others are looked at, so of two that start at the same instant at most one goes on.
func claim(c config.Config, dir string) (release func(), err error) {
	own := claimPath(dir, c.Instance)
	text, err := json.Marshal(claimOf(c))
	if err != nil {
		return nil, fmt.Errorf("claim ids, subnets and ports: %w", err)
	}
	// Replaced at once: another instance that starts meanwhile reads a whole one.
	if err := renameio.WriteFile(own, append(text, '\n'), 0o644, renameio.WithTempDir(dir)); err != nil {
		return nil, fmt.Errorf("claim ids, subnets and ports: %w", err)
	}
	if err := conflicts(c, dir); err != nil {
		os.Remove(own)
		return nil, err
	}
	return func() {
		if alone, err := noContainers(c); err == nil && alone {
			os.Remove(own)
		}
	}, nil
}

// conflicts is a require.Unmet of what other instances have claimed of what this one is to have; nil where that is nothing.
func conflicts(c config.Config, dir string) error {
	others, err := filepath.Glob(claimPath(dir, "*"))
	if err != nil {
		return fmt.Errorf("look for other instances: %w", err)
	}
	var unmet []require.Check
	for _, path := range others {
		if path == claimPath(dir, c.Instance) {
			continue
		}
		theirs, err := readClaim(path)
		if err != nil {
			return fmt.Errorf("read what another instance has: %w: restart that instance, which writes it anew; if there is none any more, remove %s", err, path)
		}
		other := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "logis-"), claimSuffix)
		for _, o := range overlaps(claimOf(c), theirs) {
			unmet = append(unmet, require.Check{
				What: "instance " + other, Status: require.Missing, Key: o.key, Found: o.found,
				Mend: o.mend + "; if there is no instance " + other + " any more, rm " + path,
			})
		}
	}
	return require.Error(unmet)
}

type overlap struct{ key, found, mend string }

// overlaps are what two instances both claim.
func overlaps(ours, theirs claimed) []overlap {
	var all []overlap
	if ours.FirstID <= theirs.LastID && theirs.FirstID <= ours.LastID {
		all = append(all, overlap{
			"first_id", fmt.Sprintf("host ids %d to %d of this instance's sites overlap its %d to %d", ours.FirstID, ours.LastID, theirs.FirstID, theirs.LastID),
			"set another first_id, or make network.subnet4 of one smaller",
		})
	}
	if ours.Subnet4.Overlaps(theirs.Subnet4) {
		all = append(all, overlap{"network.subnet4", fmt.Sprintf("%s overlaps its %s", ours.Subnet4, theirs.Subnet4), "set another network.subnet4"})
	}
	if ours.Subnet6.Overlaps(theirs.Subnet6) {
		all = append(all, overlap{"network.subnet6", fmt.Sprintf("%s overlaps its %s", ours.Subnet6, theirs.Subnet6), "set another network.subnet6"})
	}
	if ours.SSH.First <= theirs.SSH.Last && theirs.SSH.First <= ours.SSH.Last {
		all = append(all, overlap{"ssh.ports", fmt.Sprintf("ports %s overlap its %s", ours.SSH, theirs.SSH), "set other ssh.ports"})
	}
	within := func(r config.PortRange) func(uint16) bool {
		return func(p uint16) bool { return p >= r.First && p <= r.Last }
	}
	if i := slices.IndexFunc(theirs.Proxy, within(ours.SSH)); i >= 0 {
		all = append(all, overlap{"ssh.ports", fmt.Sprintf("ports %s have port %d of its proxy", ours.SSH, theirs.Proxy[i]), "set other ssh.ports"})
	}
	if i := slices.IndexFunc(ours.Proxy, within(theirs.SSH)); i >= 0 {
		all = append(all, overlap{"proxy.http", fmt.Sprintf("port %d of the proxy is among its ports %s of sites", ours.Proxy[i], theirs.SSH), "set another port"})
	}
	return all
}

func readClaim(path string) (claimed, error) {
	var c claimed
	text, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
