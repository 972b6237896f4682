// Package probe is what root of a site tries that must not work: a table of attempts, each with the outcomes that are
// right. logis-probe runs it inside a site, and whoever judges has the same table: what comes out of a site is only ever
// compared. It must not decide whether a site is safe, and needs nothing of a site's file system.
package probe

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Attempt is one thing that is tried inside.
type Attempt struct {
	Group string
	Name  string   // says the act; unique in its group
	Want  []string // outcomes that are right: see Outcome
	Apart bool     // in a process of its own, since it may end the one that tries it
	Do    func(Scene) error
}

// Scene is what attempts are told of the world outside, as they could have found it out.
type Scene struct {
	Socket    string   `json:"socket,omitempty"`    // abstract socket that the neighbour listens on, without the zero byte
	Neighbour []string `json:"neighbour,omitempty"` // addresses of the neighbour
	Gateway   []string `json:"gateway,omitempty"`   // addresses of the host on the bridge

	Named bool `json:"named,omitempty"` // the site is somebody's: it is not told what belongs to the host

	NeighbourPID int      `json:"neighbour_pid,omitempty"` // its PID 1 in the host's numbers
	SharedMemory int      `json:"shared_memory,omitempty"` // key of the segment that the neighbour has: shmget(2)
	HostSocket   string   `json:"host_socket,omitempty"`   // abstract socket that logisd listens on meanwhile
	Daemons      []string `json:"daemons,omitempty"`       // paths of the sockets of logisd and the proxy

	Proxy    int      `json:"proxy,omitempty"`    // a port of the host's proxy
	Host     []string `json:"host,omitempty"`     // addresses of the host
	Ports    []int    `json:"ports,omitempty"`    // where something of the host listens that sites must not reach
	Redirect int      `json:"redirect,omitempty"` // the host's port for the neighbour's ssh
	Resolver bool     `json:"resolver,omitempty"` // the nameserver that sites are led to answers the host
	Mail     bool     `json:"mail,omitempty"`     // the admin lets sites deliver mail
}

// Attempts is the table, in the order in which it is run and shown.
func Attempts() []Attempt {
	return slices.Concat(
		identity(), capabilities(), powers(), calls(), sockets(), namespaces(), mounts(), devices(), initAttempts(), files(), tellings(),
		escapes(), disks(), others(), reaching(),
	)
}

// Find returns an attempt of the table.
func Find(group, name string) (Attempt, bool) {
	for _, a := range Attempts() {
		if a.Group == group && a.Name == name {
			return a, true
		}
	}
	return Attempt{}, false
}

// Right tells whether an outcome is one of those wanted. One attempt at many things has several, joined by commas; each
// must be right.
func Right(want []string, seen string) bool {
	for one := range strings.SplitSeq(seen, ", ") {
		if !slices.Contains(want, one) {
			return false
		}
	}
	return true
}

// Try makes one attempt. Whatever it does to its thread ends with the thread.
func (a Attempt) Try(scene Scene) Result {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- a.Do(scene)
	}()
	r := Result{Group: a.Group, Name: a.Name}
	r.fill(<-done)
	return r
}

// All makes every attempt, and tells of each in the order of the table. apart makes one in a process of its own.
func All(scene Scene, apart func(Attempt) Result, tell func(Result) error) error {
	for _, a := range Attempts() {
		try := a.Try
		if a.Apart {
			try = func(Scene) Result { return apart(a) }
		}
		r := try(scene)
		if err := tell(r); err != nil {
			return fmt.Errorf("tell of %s: %w", cmp.Or(a.Name, a.Group), err)
		}
	}
	return nil
}
