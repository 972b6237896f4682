// Package site owns what is wanted of a site (Spec), what was given to it (Record) and what is seen of it (Status); it
// validates names, domains and limits, allocates addresses, ports and id ranges, and keeps the records: one JSON file a
// site. It touches no container, network or disk of a site.
package site

import (
	"errors"
	"net/netip"
	"time"
)

// Sentinels of this package; the server turns them into the API's codes.
var (
	ErrNotFound = errors.New("no such site")
	ErrConflict = errors.New("conflict") // name, domain or port taken, or the wrong state
	ErrInvalid  = errors.New("invalid")  // the request itself is wrong
	ErrAbsent   = errors.New("absent")   // the site has no such domain or key
)

// State is the observed state of a site.
type State string

// The states of the contract.
const (
	Creating   State = "creating"
	Stopped    State = "stopped"
	Starting   State = "starting"
	Running    State = "running"
	Asleep     State = "asleep"
	Stopping   State = "stopping"
	Failed     State = "failed"
	Destroying State = "destroying"
)

// Spec is what the creator of a site asks for.
type Spec struct {
	Name     string   `json:"name"`
	Image    string   `json:"image"`
	Domains  []string `json:"domains"`  // beside NAME.<base_domain>
	SSHKeys  []string `json:"ssh_keys"` // authorized_keys lines; see Keys
	Limits   Limits   `json:"limits"`
	Priority int      `json:"priority,omitempty"` // at boot the highest starts first; -MaxPriority to MaxPriority

	RevokedKeys []string `json:"revoked_keys,omitempty"` // keys that were removed, type and key: they let nobody in, wherever they are written

	// Throwaway marks a site that belongs to a proof: it does not outlive the logisd that made it.
	Throwaway bool `json:"throwaway,omitempty"`
}

// Record is one site as the store keeps it: the spec and what was allocated for the life of the site.
type Record struct {
	Format      int        `json:"format"` // of this file: RecordFormat
	Spec        Spec       `json:"spec"`
	Phase       State      `json:"phase"`   // Creating, Stopped (made, whether it runs or not) or Destroying
	Desired     State      `json:"desired"` // Running or Stopped
	Index       int        `json:"index"`   // 0, 1, …: addresses, id range and veth name derive from it
	ImageDigest string     `json:"image_digest"`
	Address4    netip.Addr `json:"address4"`
	Address6    netip.Addr `json:"address6"`
	SSHPort     uint16     `json:"ssh_port"`
	IDBase      uint32     `json:"id_base"` // first of 65,536 host uids and gids
	CreatedAt   time.Time  `json:"created_at"`
}

// Name returns the site's name.
func (r Record) Name() string { return r.Spec.Name }

// Status is what is seen of a site.
type Status struct {
	Record    Record
	State     State
	Domains   []string // all of them, NAME.<base_domain> first
	URLs      []string
	SSHHost   string
	Usage     Usage
	Services  []Service
	PID       int
	StartedAt time.Time
	Error     string   // why State is Failed, one line
	Warnings  []string // limits that this host cannot enforce
	Failing   Failing  // the zero value where no service does
	Links     []Link   // sites that it may reach by their private addresses, by name
}

// Failing is a service of a site that ends at every start. All of it comes from inside the site.
type Failing struct {
	Service string
	Log     []string // the last lines of its log; only where one site was asked for
}

// Link is another site of a group that the admin has linked. Where no site has the name its addresses are the zero value.
type Link struct {
	Name     string
	Address4 netip.Addr
	Address6 netip.Addr
}

// Usage of a site: bytes, tasks, seconds of processor time.
type Usage struct {
	Memory     int64
	Cache      int64 // part of Memory that the kernel gives up first
	Swap       int64
	Disk       int64
	Files      int64 // part of Disk that is not the database's
	FilesLimit int64 // of it: what is left of the disk is kept for the database; 0 where that is not known
	PIDs       int64
	CPUSeconds float64
	OOMKills   int64 // processes that the kernel killed for want of memory, since the site started
	LastKill   Kill  // the zero value where none is known
}

// Kill is a process of a site that the kernel killed for want of memory. Its name comes from inside the site.
type Kill struct {
	Process string
	PID     int // on the host
	At      time.Time
}

// Service is a service of a site as its PID 1 reports it; Name and State come from inside the site.
type Service struct {
	Name     string
	State    string
	Ready    bool
	PID      int
	Restarts int
}
