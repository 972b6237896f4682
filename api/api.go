// Package api holds the wire types of logisd's HTTP API and its error codes. It owns the JSON that the
// contract promises and nothing else: standard library only, no behaviour, so that any program can import it.
package api

import "time"

// Version is the release this tree builds; `-ldflags -X` replaces it in packages.
var Version = "0.1.0-dev"

// What the two ends of logisd's socket name alike beside the types.
const (
	ArchiveType  = "application/zstd" // media type of an exported image
	ExecProtocol = "logis-exec"       // in the Upgrade header: frames of package frame, unread by logisd
)

// Site is one site as `show --format json` prints it. Lists hold the same elements.
type Site struct {
	Name      string    `json:"name" doc:"DNS label and Unix user name"`
	State     string    `json:"state" enum:"creating,stopped,starting,running,asleep,stopping,failed,destroying"`
	Desired   string    `json:"desired" enum:"running,stopped"`
	Image     string    `json:"image"`
	Address4  string    `json:"address4"`
	Address6  string    `json:"address6"`
	SSH       SSH       `json:"ssh"`
	URLs      []string  `json:"urls"`
	Domains   []string  `json:"domains"`
	Limits    Limits    `json:"limits"`
	Priority  int       `json:"priority" doc:"at boot the highest starts first, then by name"`
	Usage     Usage     `json:"usage"`
	Services  []Service `json:"services"`
	PID       int       `json:"pid" doc:"PID 1 of the site in the host's PID namespace, 0 when not running"`
	IDBase    uint32    `json:"id_base" doc:"first host uid and gid of the site's 65,536"`
	CreatedAt time.Time `json:"created_at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	Error     string    `json:"error"`
	Warnings  []string  `json:"warnings,omitempty" doc:"limits that this host's kernel cannot enforce"`
	Failing   *Failing  `json:"failing,omitempty" doc:"missing where no service does"`
	Links     []Link    `json:"links,omitempty" doc:"sites that it may reach by their private addresses: network.links of the configuration"`
}

// Failing is a service of a site that ends at every start. What it holds comes from inside the site, with whatever control
// characters that put there.
type Failing struct {
	Service string   `json:"service"`
	Log     []string `json:"log" doc:"the last lines of its log; empty in lists"`
}

// Link is another site that a site is linked with.
type Link struct {
	Name     string `json:"name"`
	Address4 string `json:"address4" doc:"empty where no site has the name"`
	Address6 string `json:"address6"`
}

// SSH says how to log in: ssh -p Port User@Host.
type SSH struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	User string `json:"user"`
}

// Limits of a site. Bytes are bytes, CPUs is a number of processors (0.5 is half of one). A weight is the site's share where
// several want more than there is, against 100 of any other.
type Limits struct {
	MemoryBytes int64   `json:"memory_bytes"`
	SwapBytes   int64   `json:"swap_bytes"`
	DiskBytes   int64   `json:"disk_bytes"`
	CPUs        float64 `json:"cpus"`
	PIDs        int64   `json:"pids"`

	CPUWeight        int64 `json:"cpu_weight" doc:"1 to 10000"`
	IOWeight         int64 `json:"io_weight" doc:"1 to 10000, of the disk's time"`
	IOBandwidthBytes int64 `json:"io_bandwidth_bytes" doc:"of the disk, bytes a second, each of reads and writes; 0 is no limit"`
	BandwidthBytes   int64 `json:"bandwidth_bytes" doc:"of the network, bytes a second each way; 0 is no limit"`
	OpenFiles        int64 `json:"open_files" doc:"of each process"`
	LogBytes         int64 `json:"log_bytes" doc:"of each service's log, on disk in total"`
}

// LimitsRequest holds the limits that a request names; zero, or left out, means the configured default. Swap and the
// bandwidths may be zero: only left out they mean the default.
type LimitsRequest struct {
	MemoryBytes int64   `json:"memory_bytes,omitempty" minimum:"0"`
	SwapBytes   *int64  `json:"swap_bytes,omitempty" minimum:"0"`
	DiskBytes   int64   `json:"disk_bytes,omitempty" minimum:"0"`
	CPUs        float64 `json:"cpus,omitempty" minimum:"0"`
	PIDs        int64   `json:"pids,omitempty" minimum:"0"`

	CPUWeight        int64  `json:"cpu_weight,omitempty" minimum:"0"`
	IOWeight         int64  `json:"io_weight,omitempty" minimum:"0"`
	IOBandwidthBytes *int64 `json:"io_bandwidth_bytes,omitempty" minimum:"0"`
	BandwidthBytes   *int64 `json:"bandwidth_bytes,omitempty" minimum:"0"`
	OpenFiles        int64  `json:"open_files,omitempty" minimum:"0"`
	LogBytes         int64  `json:"log_bytes,omitempty" minimum:"0"`
}

// Usage of a site as the kernel counts it now; all zero when it does not run, except DiskBytes.
type Usage struct {
	MemoryBytes int64    `json:"memory_bytes"`
	CacheBytes  int64    `json:"cache_bytes" doc:"part of memory_bytes that the kernel takes back first: it counts for nothing in shares and events"`
	SwapBytes   int64    `json:"swap_bytes"`
	DiskBytes   int64    `json:"disk_bytes"`
	FilesBytes  int64    `json:"files_bytes" doc:"part of disk_bytes that is not the database's"`
	FilesLimit  int64    `json:"files_limit_bytes" doc:"where files are full: what is left of the disk is kept for the database; 0 where it is not known"`
	PIDs        int64    `json:"pids"`
	CPUSeconds  float64  `json:"cpu_seconds"`
	OOMKills    int64    `json:"oom_kills" doc:"processes that the kernel killed for want of memory, since the site started"`
	LastOOMKill *OOMKill `json:"last_oom_kill,omitempty" doc:"missing where the kernel's log does not tell"`
}

// OOMKill is a process that the kernel killed for want of memory.
type OOMKill struct {
	Process string    `json:"process" doc:"its name, which comes from inside the site"`
	PID     int       `json:"pid" doc:"on the host"`
	At      time.Time `json:"at"`
}

// Service is one service of a site as its PID 1 reports it.
type Service struct {
	Name     string `json:"name"`
	State    string `json:"state" doc:"waiting, starting, running, stopping, stopped or failed"`
	Ready    bool   `json:"ready"`
	PID      int    `json:"pid" doc:"in the site's PID namespace"`
	Restarts int    `json:"restarts"`
}

// CreateRequest is the body of POST /v1/sites. Zero values mean the configured defaults.
type CreateRequest struct {
	Name     string        `json:"name"`
	Image    string        `json:"image,omitempty"`
	Domains  []string      `json:"domains,omitempty" doc:"further domains, beside NAME.BASE_DOMAIN"`
	SSHKeys  []string      `json:"ssh_keys,omitempty" doc:"authorized_keys lines"`
	Limits   LimitsRequest `json:"limits,omitzero"`
	NoStart  bool          `json:"no_start,omitempty"`
	NoWait   bool          `json:"no_wait,omitempty"`
	Priority int           `json:"priority,omitempty" doc:"-1000 to 1000; at boot the highest starts first"`
}

// ExecRequest is the body of POST /v1/sites/{name}/exec. The answer is 101 Switching Protocols, after which both sides
// speak the frames of package frame.
type ExecRequest struct {
	Command []string `json:"command,omitempty"`
	User    string   `json:"user,omitempty" doc:"login name or uid inside the site; empty is root"`
	TTY     bool     `json:"tty,omitempty"`
	Login   bool     `json:"login,omitempty" doc:"run the user's login shell in its home; without it a command is required"`
	Rows    uint16   `json:"rows,omitempty"`
	Cols    uint16   `json:"cols,omitempty"`
	Term    string   `json:"term,omitempty" doc:"TERM of the caller's terminal"`
}

// LogLine is one element of the newline-delimited JSON that GET /v1/sites/{name}/logs streams.
type LogLine struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Text    string    `json:"text"`
}

// Image is one built image.
type Image struct {
	Name      string    `json:"name"`
	Digest    string    `json:"digest" doc:"first 12 hex digits of the SHA-256 of manifest and package versions"`
	Suite     string    `json:"suite"`
	SizeBytes int64     `json:"size_bytes"`
	Packages  int       `json:"packages"`
	BuiltAt   time.Time `json:"built_at"`
	UsedBy    []string  `json:"used_by" doc:"names of the sites made from it"`
}

// VersionInfo answers GET /v1/version.
type VersionInfo struct {
	Version string `json:"version"`
}
