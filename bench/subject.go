package main

import (
	"context"
	"net/netip"
	"os/exec"
)

// subject is one way to have sites run.
type subject interface {
	name() string
	// version of what runs them. An error says why it cannot run on this machine.
	version(context.Context) (string, error)
	// place says where site number n (0 and up) will answer, before there is one. It makes what is not part of the way: the floor's
	// network, for instance.
	place(ctx context.Context, n int) (*instance, error)
	// create makes the site from nothing and starts it. It returns when its command does: for logis that is when all is
	// ready, for others sooner.
	create(context.Context, *instance) error
	stop(context.Context, *instance) error
	start(context.Context, *instance) error
	// destroy takes away all that create made.
	destroy(context.Context, *instance) error
	// left names something of the site that is still there: a mount, a directory, a cgroup, a record. "" is nothing. Processes and links
	// are looked at for all alike (traces).
	left(*instance) string
}

// instance is one site of a subject.
type instance struct {
	name    string
	number  int
	address netip.Addr
	http    string // address and port
	host    string // of the request
	ssh     string // address and port; "" is not known before findSSH finds it
	findSSH func(context.Context) (string, error)
	owner   string    // the site's user, whose database is asked
	merged  string    // of a peer: the root that its engine is given
	leader  *exec.Cmd // of the floor and nspawn: the process that the site ends with
}
