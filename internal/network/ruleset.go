package network

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/google/nftables"
)

//go:embed ruleset.nft.tmpl
var rulesetText string

// ruleset is what the template shows; elements are in nft's notation.
type ruleset struct {
	Instance              string
	Gateway4              netip.Addr
	Subnet4, Subnet6      netip.Prefix
	SSH4, SSH6            []string
	Resolver              string
	ProxyPorts            []string
	MAC                   []string
	Addr4, Addr6, Target6 []string
	Option6               []string
	Groups                []groupRules
	Meters                []meter
	SMTP                  bool

	bounds
}

// groupRules are the sets of a group of linked sites, "<Name>_4" and "<Name>_6".
type groupRules struct {
	Name         string
	Addr4, Addr6 []string
}

// render writes the rules with the elements of ports, redirects and resolver.
func (n *Network) render(ports, redirects []Port, nameserver netip.Addr) ([]byte, error) {
	r := ruleset{
		Instance: n.instance, Gateway4: n.Gateway4(), Subnet4: n.subnet4, Subnet6: n.subnet6,
		Meters: meters(), bounds: n.bounds, SMTP: n.smtp,
	}
	for i := range n.links {
		r.Groups = append(r.Groups, groupRules{Name: groupName(i)})
	}
	for _, p := range ports {
		link := strconv.Quote(n.vethName(p.Index)) + " . "
		r.MAC = append(r.MAC, link+n.mac(p.Index).String())
		r.Addr4 = append(r.Addr4, link+p.Addr4.String())
		r.Addr6 = append(r.Addr6, link+p.Addr6.String())
		r.Target6 = append(r.Target6, fmt.Sprintf("%s0x%x", link, p.Addr6.As16()))
		r.Option6 = append(r.Option6, fmt.Sprintf("%s0x%x", link, []byte(n.mac(p.Index))))
		for _, i := range n.groupsOf(p) {
			r.Groups[i].Addr4 = append(r.Groups[i].Addr4, p.Addr4.String())
			r.Groups[i].Addr6 = append(r.Groups[i].Addr6, p.Addr6.String())
		}
	}
	for _, p := range redirects {
		r.SSH4 = append(r.SSH4, fmt.Sprintf("%d : %s . %d", p.SSHPort, p.Addr4, sshPort))
		r.SSH6 = append(r.SSH6, fmt.Sprintf("%d : %s . %d", p.SSHPort, p.Addr6, sshPort))
	}
	for _, port := range n.proxyPorts {
		r.ProxyPorts = append(r.ProxyPorts, strconv.Itoa(int(port)))
	}
	if nameserver.IsValid() {
		r.Resolver = fmt.Sprintf("%s : %s", n.Gateway4(), nameserver)
	}
	t, err := template.New("ruleset").Funcs(template.FuncMap{"join": strings.Join}).Parse(rulesetText)
	if err != nil {
		return nil, fmt.Errorf("parse ruleset template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r); err != nil {
		return nil, fmt.Errorf("render ruleset: %w", err)
	}
	return b.Bytes(), nil
}

// loadTimeout is what nft has for the rules of a thousand sites, which take it less than a second: whoever waits has n.mu.
const loadTimeout = 30 * time.Second

// load gives rules to nft(8), which applies all of them or none, and is ended after timeout.
func load(ctx context.Context, timeout time.Duration, rules []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, nftPath(), "-f", "-")
	cmd.WaitDelay = time.Second // for a child of its own that has its output open
	cmd.Stdin = bytes.NewReader(rules)
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("load nftables rules: nft -f -: %w", context.Cause(ctx))
	}
	if err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("load nftables rules: nft -f -: %w: %s", err, first)
	}
	return nil
}

// nftPath finds nft also where PATH lacks the directories of root's programs.
func nftPath() string {
	if path, err := exec.LookPath("nft"); err == nil {
		return path
	}
	if _, err := os.Stat("/usr/sbin/nft"); errors.Is(err, fs.ErrNotExist) {
		return "nft" // the error of running it names what is missing
	}
	return "/usr/sbin/nft"
}

// unload removes both tables, also where one or both are gone.
func (n *Network) unload() error {
	c, err := dialNFT()
	if err != nil {
		return err
	}
	for _, table := range []*nftables.Table{n.sets.inet, n.sets.bridge} {
		c.AddTable(table) // changes nothing where it exists, and lets the delete succeed where it does not
		c.DelTable(table)
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("remove nftables tables of %s: %w", n.instance, err)
	}
	return nil
}
