// Package config reads logis.toml, the one configuration file of logisd and logis-proxy. It owns the keys, their
// defaults and their validation; it acts on nothing.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/logis-project/logis/internal/quantity"
)

// DefaultPath is where both daemons look without --config.
const DefaultPath = "/etc/logis/logis.toml"

// Config is the whole file. Every key has a default.
type Config struct {
	Instance   string   `toml:"instance"`    // prefix of bridge, nft tables, cgroup and veths; at most 8 characters
	StateDir   string   `toml:"state_dir"`   // absolute
	RunDir     string   `toml:"run_dir"`     // absolute
	BaseDomain string   `toml:"base_domain"` // site alice answers at alice.<base_domain>
	PublicHost string   `toml:"public_host"` // printed in ssh lines; "" is this machine's host name
	FirstID    uint32   `toml:"first_id"`    // of the host ids that sites are given, 65,536 each
	Pool       Pool     `toml:"pool"`
	Network    Network  `toml:"network"`
	SSH        SSH      `toml:"ssh"`
	Proxy      Proxy    `toml:"proxy"`
	TLS        TLS      `toml:"tls"`
	Metrics    Metrics  `toml:"metrics"`
	Defaults   Defaults `toml:"defaults"`

	Source Source `toml:"-"` // where it was read
}

// Pool says where images and sites are stored.
type Pool struct {
	Path string `toml:"path"` // a directory on an existing btrfs; "" is a loop file
	Size Bytes  `toml:"size"` // of the loop file, sparse
}

// Network holds the subnets that sites take their addresses from, and what they reach beyond what all do.
type Network struct {
	Subnet4 netip.Prefix `toml:"subnet4"`
	Subnet6 netip.Prefix `toml:"subnet6"`
	Links   [][]string   `toml:"links"` // groups of sites that reach each other by their private addresses; names may be of no site
	SMTP    bool         `toml:"smtp"`  // sites may open connections to TCP port 25 outside
}

// SSH holds the host ports that are redirected to sites.
type SSH struct {
	Ports PortRange `toml:"ports"`
}

// Proxy holds the listen addresses, "host:port" or ":port".
type Proxy struct {
	HTTP  []string `toml:"http"`
	HTTPS []string `toml:"https"`
}

// TLS is read by logis-proxy. Mode "off" is the only one this release serves.
type TLS struct {
	Mode      string `toml:"mode"`
	Email     string `toml:"email"`
	Directory string `toml:"directory"`
	CARoot    string `toml:"ca_root"`
}

// Defaults are the limits and the image of a site whose creator names none.
type Defaults struct {
	Image  string  `toml:"image"`
	Memory Bytes   `toml:"memory"`
	Swap   OrNone  `toml:"swap"`
	Disk   Bytes   `toml:"disk"`
	CPUs   float64 `toml:"cpus"`
	PIDs   int64   `toml:"pids"`

	CPUWeight   int64 `toml:"cpu_weight"`
	IOWeight    int64 `toml:"io_weight"`
	IOBandwidth Rate  `toml:"io_bandwidth"` // of reads, and of writes
	Bandwidth   Rate  `toml:"bandwidth"`    // of the network, each way
	OpenFiles   int64 `toml:"open_files"`   // of each process
	LogSize     Bytes `toml:"log_size"`     // of each service
}

// Bytes is a quantity such as "512MiB", "512M" or "2G"; suffixes are binary.
type Bytes int64

// UnmarshalText parses a quantity.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := quantity.Parse(string(text))
	*b = Bytes(n)
	return err
}

// MarshalText writes the quantity with a binary suffix.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(quantity.Format(int64(b))), nil }

// OrNone is a quantity as Bytes is; "off" is 0.
type OrNone int64

// UnmarshalText parses a quantity, or "off".
func (b *OrNone) UnmarshalText(text []byte) error {
	n, err := quantity.ParseOrNone(string(text))
	*b = OrNone(n)
	return err
}

// MarshalText writes the quantity with a binary suffix.
func (b OrNone) MarshalText() ([]byte, error) { return []byte(quantity.FormatOrNone(int64(b))), nil }

// Rate is bytes a second, written as Bytes are; "off" is 0, no limit.
type Rate int64

// UnmarshalText parses a rate.
func (r *Rate) UnmarshalText(text []byte) error {
	n, err := quantity.ParseRate(string(text))
	*r = Rate(n)
	return err
}

// MarshalText writes the rate with a binary suffix.
func (r Rate) MarshalText() ([]byte, error) { return []byte(quantity.FormatRate(int64(r))), nil }

// PortRange is written "22001-32000"; both ends belong to it.
type PortRange struct{ First, Last uint16 }

// UnmarshalText parses "FIRST-LAST".
func (r *PortRange) UnmarshalText(text []byte) error {
	first, last, ok := strings.Cut(string(text), "-")
	f, err1 := strconv.ParseUint(first, 10, 16)
	l, err2 := strconv.ParseUint(last, 10, 16)
	if !ok || err1 != nil || err2 != nil || f == 0 || l < f {
		return fmt.Errorf("%q is not a port range such as 22001-32000", text)
	}
	*r = PortRange{uint16(f), uint16(l)}
	return nil
}

// MarshalText writes "FIRST-LAST".
func (r PortRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String is "FIRST-LAST".
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		Instance: "logis", StateDir: "/var/lib/logis", RunDir: "/run/logis", BaseDomain: "localhost",
		FirstID: 1_000_000_000,
		Pool:    Pool{Size: 20 << 30},
		Network: Network{
			Subnet4: netip.MustParsePrefix("10.83.0.0/16"),
			Subnet6: netip.MustParsePrefix("fd83:6c6f:6769::/64"),
		},
		SSH:   SSH{Ports: PortRange{22001, 32000}},
		Proxy: Proxy{HTTP: []string{":80"}, HTTPS: []string{":443"}},
		TLS:   TLS{Mode: "off"},
		Defaults: Defaults{
			Image: "lemp", Memory: 512 << 20, Swap: 1 << 30, Disk: 2 << 30, CPUs: 1, PIDs: 512,
			CPUWeight: 100, IOWeight: 100, OpenFiles: 4096, LogSize: 2 << 20,
		},
	}
}

// ProxyPorts are the TCP ports that the proxy listens on.
func (c Config) ProxyPorts() []uint16 {
	var ports []uint16
	for _, address := range slices.Concat(c.Proxy.HTTP, c.Proxy.HTTPS) {
		if _, port, err := net.SplitHostPort(address); err == nil {
			if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
				ports = append(ports, uint16(n))
			}
		}
	}
	return ports
}

// ProxySocket is the path of the socket between logisd and logis-proxy.
func (c Config) ProxySocket() string { return filepath.Join(c.RunDir, "proxy.sock") }

// Socket is the path of the API socket.
func (c Config) Socket() string { return filepath.Join(c.RunDir, "logis.sock") }

// LoopFile is the path of the pool's file, or "" where the pool is a directory.
func (c Config) LoopFile() string {
	if c.Pool.Path != "" {
		return ""
	}
	return filepath.Join(c.StateDir, "pool.img")
}

// ProxyState is the directory of logis-proxy's own state.
func (c Config) ProxyState() string { return filepath.Join(c.StateDir, "proxy") }
