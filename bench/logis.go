package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/bench/report"
	"github.com/logis-project/logis/internal/testhost"
)

// logis starts the site as a user of the command line does, and is asked through the doors that visitors have: the proxy, and the
// port of the host that leads to the site's ssh.
type logis struct{ *house }

func newLogis(h *house) *logis { return &logis{h} }

func (l *logis) name() string { return "logis" }

func (l *logis) version(ctx context.Context) (string, error) {
	v, err := l.client.Version(ctx)
	return "logis " + v.Version, err
}

func (l *logis) place(_ context.Context, n int) (*instance, error) {
	name := fmt.Sprintf("site%d", n)
	return &instance{
		name: name, number: n, owner: name, http: "127.0.0.1:80", host: name + ".localhost",
		findSSH: func(ctx context.Context) (string, error) {
			s, err := l.client.Site(ctx, name)
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.SSH.Port)), err
		},
	}, nil
}

func (l *logis) create(ctx context.Context, i *instance) error {
	_, err := l.logis(ctx, "create", i.name)
	return err
}

func (l *logis) stop(ctx context.Context, i *instance) error {
	_, err := l.logis(ctx, "stop", i.name)
	return err
}

func (l *logis) start(ctx context.Context, i *instance) error {
	_, err := l.logis(ctx, "start", i.name)
	return err
}

func (l *logis) destroy(ctx context.Context, i *instance) error {
	_, err := l.logis(ctx, "destroy", i.name, "--force")
	return err
}

func (l *logis) left(i *instance) string {
	var left []string
	for _, pattern := range []string{
		filepath.Join(l.path("state"), "sites", i.name+".json"), filepath.Join(l.pool(), "sites", i.name),
		filepath.Join(filepath.Dir(socket), "sites", i.name), "/sys/fs/cgroup/*/" + testhost.Instance() + "/" + i.name,
		"/sys/fs/cgroup/" + testhost.Instance() + "/" + i.name, "/sys/fs/cgroup/" + testhost.Instance() + ".slice/*-" + i.name + ".scope",
		"/sys/fs/cgroup/*/" + testhost.Instance() + ".slice/*-" + i.name + ".scope",
	} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return strings.Join(left, ", ")
}

// logisAPI is logis asked over its socket, by a program that has its connection already.
type logisAPI struct{ *logis }

func newLogisAPI(h *house) *logisAPI { return &logisAPI{newLogis(h)} }

func (l *logisAPI) name() string { return report.LogisAPI }

func (l *logisAPI) create(ctx context.Context, i *instance) error {
	_, err := l.client.Create(ctx, api.CreateRequest{Name: i.name})
	return err
}

func (l *logisAPI) stop(ctx context.Context, i *instance) error {
	_, err := l.client.Stop(ctx, i.name)
	return err
}

func (l *logisAPI) start(ctx context.Context, i *instance) error {
	_, err := l.client.Start(ctx, i.name, false)
	return err
}

func (l *logisAPI) destroy(ctx context.Context, i *instance) error {
	return l.client.Destroy(ctx, i.name)
}
