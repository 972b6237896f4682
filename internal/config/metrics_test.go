package config

import (
	"strings"
	"testing"
)

func TestMetricsListen(t *testing.T) {
	for listen, public := range map[string]bool{
		"": false, "127.0.0.1:9783": false, "127.8.9.1:1": false, "[::1]:9783": false, "[::ffff:127.0.0.1]:9783": false,
		":9783": true, "0.0.0.0:9783": true, "[::]:9783": true, "192.0.2.1:9783": true,
	} {
		c, err := Parse([]byte("[metrics]\nlisten = \"" + listen + "\""))
		if err != nil || c.Metrics.Public() != public {
			t.Errorf("%q: public %v, %v", listen, c.Metrics.Public(), err)
		}
	}
	for _, text := range []string{
		`listen = "9783"`, `listen = "host:9783"`, `listen = "127.0.0.1"`, `listen = "127.0.0.1:0"`, `listen = "127.0.0.1:http"`,
		`listen = "127.0.0.1:65536"`, `listen = "::1:9783"`, `listen = 9783`, `group = "Prometheus"`, `group = "a:b"`,
		`listen = "127.0.0.1:22001"`, `listen = "127.0.0.1:443"`,
	} {
		key, _, _ := strings.Cut(text, " ")
		_, err := Parse([]byte("[metrics]\n" + text))
		if err == nil || !strings.HasPrefix(err.Error(), "logis.toml:2: metrics."+key+": ") || !strings.Contains(err.Error(), "such as") && key == "listen" {
			t.Errorf("%s: %v", text, err)
		}
	}
}
