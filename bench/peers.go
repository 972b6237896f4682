package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/testhost"
)

// peerInit is what peers run as the init of a site: the services of the image, started at once.
//
//go:embed init.sh
var peerInit []byte

const (
	bridge    = "peers0"
	initPath  = "/usr/local/sbin/site-init" // of a peer's site
	peerOwner = "peer"                      // its user
)

var (
	peerNet     = netip.MustParsePrefix("10.184.0.0/16")
	peerGateway = peerNet.Addr().Next()
)

// peers is what all peers need: a bridge, and the layer of a site that has all that a site of logis has, made once. To copy it is
// less work than to make it, so the peers do less than logis.
type peers struct {
	*house
	imageDir string
	template string // subvolume with the directories upper and work
	mounted  map[string]bool
}

func openPeers(ctx context.Context, h *house) (*peers, error) {
	p := &peers{house: h, mounted: map[string]bool{}}
	found, err := filepath.Glob(filepath.Join(h.pool(), "images", "lemp@*"))
	if err != nil || len(found) != 1 {
		return p, fmt.Errorf("there are %d images, not one (%w)", len(found), err)
	}
	p.imageDir = found[0]
	p.template = filepath.Join(h.pool(), "peers", "template")
	if err := os.Mkdir(filepath.Dir(p.template), 0o755); err != nil {
		return p, err
	}
	if err := p.makeTemplate(ctx); err != nil {
		return p, err
	}
	return p, p.openBridge(ctx)
}

// openBridge makes the peers' bridge.
func (p *peers) openBridge(ctx context.Context) error {
	for _, args := range [][]string{
		{"link", "add", bridge, "type", "bridge"},
		{"address", "add", netip.PrefixFrom(peerGateway, peerNet.Bits()).String(), "dev", bridge},
		{"link", "set", bridge, "up"},
	} {
		if _, err := command(ctx, "ip", args...); err != nil {
			return err
		}
	}
	return askOften(bridge)
}

// askOften has the kernel ask on a bridge for an address that nobody has yet again after 4 ms and not after a second, arp(7), so that
// what is measured is when a site comes, not when it is next looked for.
func askOften(bridge string) error {
	return os.WriteFile("/proc/sys/net/ipv4/neigh/"+bridge+"/retrans_time_ms", []byte("4"), 0)
}

func (p *peers) makeTemplate(ctx context.Context) error {
	if _, err := command(ctx, "btrfs", "subvolume", "create", p.template); err != nil {
		return err
	}
	upper, data := filepath.Join(p.template, "upper"), filepath.Join(p.template, "data")
	for _, dir := range []string{upper, data, filepath.Join(p.template, "work")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	address := peerGateway.Next()
	err := image.Personalise(ctx, image.PersonaliseOptions{ImageDir: p.imageDir, Upper: upper, Data: data, Values: image.Values{
		Name: peerOwner, Gateway4: peerGateway, Gateway6: netip.MustParseAddr("fd84::1"), Address4: address,
		Address6: netip.MustParseAddr("fd84::2"),
	}})
	if err != nil {
		return err
	}
	for _, dir := range []string{"var/lib", "usr/local/sbin"} {
		if err := os.MkdirAll(filepath.Join(upper, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Rename(data, filepath.Join(upper, "var/lib/mysql")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(upper, initPath), peerInit, 0o755)
}

// place is the same for all peers; each has addresses of its own.
func (p *peers) place(kind string, block, n int) *instance {
	a := peerNet.Addr().As4()
	a[2], a[3] = byte(block*8+n/200), byte(2+n%200)
	address := netip.AddrFrom4(a)
	return &instance{
		name: fmt.Sprintf("%s-%s%d", testhost.Instance(), kind, n), number: n, address: address, owner: peerOwner,
		http: netip.AddrPortFrom(address, 80).String(), host: "localhost", ssh: netip.AddrPortFrom(address, 22).String(),
	}
}

// layer gives a site its own layer over the image, held to its limit of disk, and mounts both.
func (p *peers) layer(ctx context.Context, i *instance) error {
	dir := filepath.Join(p.pool(), "peers", i.name)
	if _, err := command(ctx, "btrfs", "subvolume", "snapshot", p.template, dir); err != nil {
		return err
	}
	if _, err := command(ctx, "btrfs", "qgroup", "limit", limitDisk, dir); err != nil {
		return err
	}
	i.merged = filepath.Join(p.dir, "merged-"+i.name)
	if err := os.Mkdir(i.merged, 0o755); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", image.RootFS(p.imageDir), dir, dir)
	if err := unix.Mount("overlay", i.merged, "overlay", 0, options); err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	p.mounted[i.merged] = true
	return nil
}

// unlayer takes away what layer made.
func (p *peers) unlayer(ctx context.Context, i *instance) error {
	if err := unix.Unmount(i.merged, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", i.merged, err)
	}
	delete(p.mounted, i.merged)
	_, err := command(ctx, "btrfs", "subvolume", "delete", filepath.Join(p.pool(), "peers", i.name))
	return errors.Join(err, os.Remove(i.merged))
}

func (p *peers) close() error {
	var errs []error
	for m := range p.mounted {
		errs = append(errs, unix.Unmount(m, unix.MNT_DETACH))
	}
	return errors.Join(errs...)
}

// leftOf names what is still there of a site of a peer: its mount, its directory, a cgroup of its name.
func (p *peers) leftOf(i *instance) string {
	if p.mounted[i.merged] {
		return "its mount"
	}
	for _, pattern := range []string{
		i.merged, filepath.Join(p.pool(), "peers", i.name),
		"/sys/fs/cgroup/*/" + testhost.Instance() + "/" + i.name, "/sys/fs/cgroup/" + testhost.Instance() + "/" + i.name,
	} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
