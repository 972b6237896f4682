package engine

import (
	"testing"

	"github.com/logis-project/logis/internal/require"
)

// What logisd's own parts are asked for can be missing too.
func TestOwnRequirements(t *testing.T) {
	for _, tc := range []struct {
		check require.Check
		want  require.Status
		line  string
	}{
		{nameResolution("192.0.2.1"), require.OK, "name resolution: 192.0.2.1: "},
		{nameResolution(""), require.Warning, "name resolution: the host has no nameserver: sites cannot resolve names: name one: echo nameserver ADDRESS >> /etc/resolv.conf"},
		{proxyOf(true), require.OK, "logis-proxy: connected: "},
		{proxyOf(false), require.Missing, "logis-proxy: not connected: no website answers: systemctl start logis-proxy, or as root: logis-proxy"},
	} {
		if tc.check.Status != tc.want || tc.check.String() != tc.line || tc.check.Group != require.Network {
			t.Errorf("%+v, want %s %s", tc.check, tc.want, tc.line)
		}
	}
}
