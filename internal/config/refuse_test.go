package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What cannot be taken is one line: file, line, key, what is wrong, what is allowed.
func TestParseRefuses(t *testing.T) {
	const (
		instance = ": 1 to 8 of a-z and 0-9, a letter first"
		path     = `: a directory by its whole path, such as "/var/lib/logis"`
		subnet4  = `: a private IPv4 subnet from /8 to /29, such as "10.83.0.0/16"`
		subnet6  = `: a private IPv6 subnet from /16 to /112, such as "fd83:6c6f:6769::/64"`
		links    = `: groups of two sites or more by their names, such as [["alice", "bob"]]`
		listen   = `: a list of ports to listen on, or of addresses with a port: [":80"], ["192.0.2.1:8080", "[2001:db8::1]:80"]`
		ports    = `: ports FIRST-LAST that nothing else of this host has, such as "22001-32000"`
		ids      = ": a whole number from 131072 to 4293853183, above the ids of the host's own accounts"
		memory   = `: a size in quotes, such as "2GiB", 64MiB or more`
	)
	for text, want := range map[string]string{
		"instance = ":                 "1: expected value, not end of input",
		"[pool\n":                     "1: expected ']' to close table name",
		"smtp = 1\nsmtp = 2":          "2: smtp: is there twice",
		`colour = "red"`:              "1: colour: unknown key: at the top of the file there are instance, state_dir, run_dir, base_domain, public_host, first_id, " + sectionList(),
		"[pool]\nsizes = \"1G\"":      "2: pool.sizes: unknown key: did you mean size?",
		"[pool]\n\nsubnet4 = \"\"":    "3: pool.subnet4: unknown key: it belongs below [network]",
		"memory = \"1G\"":             "1: memory: unknown key: it belongs below [defaults]",
		"[tls]\ninstance = \"a\"":     "2: tls.instance: unknown key: it belongs at the top of the file",
		"[tls]\nport = \"1-2\"":       "2: tls.port: unknown key: did you mean ports below [ssh]?",
		"[tls]\nx = 1":                "2: tls.x: unknown key: below [tls] there are mode, email, directory, ca_root",
		"[netwrok]\nsmtp = true":      "1: netwrok: unknown section: did you mean [network]?",
		"[people]\nann = 1":           "1: people: unknown section: the sections are " + sectionList(),
		"pool = 3":                    "1: pool: 3 is a whole number, not a section: a section, [pool], with path, size",
		`instance = "Two"`:            `1: instance: "Two" is not allowed` + instance,
		`instance = "waytoolong"`:     `1: instance: "waytoolong" is not allowed` + instance,
		`instance = 2`:                "1: instance: 2 is a whole number, not text in quotes" + instance,
		`state_dir = "relative"`:      `1: state_dir: "relative" is not allowed` + path,
		`state_dir = "/"`:             `1: state_dir: "/" is not allowed` + path,
		`first_id = "ten"`:            `1: first_id: "ten" is text in quotes, not a whole number` + ids,
		`first_id = 1000`:             `1: first_id: 1000 is not allowed` + ids,
		`first_id = 99999999999`:      `1: first_id: 99999999999 is not allowed` + ids,
		`first_id = -1`:               `1: first_id: -1 is not allowed` + ids,
		`base_domain = "Example.org"`: `1: base_domain: "Example.org" is not allowed: a domain in lower case of at most 221 characters, such as "example.org"`,
		`base_domain = ""`:            `1: base_domain: "" is not allowed: a domain in lower case of at most 221 characters, such as "example.org"`,
		`public_host = "my server"`:   `1: public_host: "my server" is not allowed: a host name or an address; "" is this machine's own name`,
		"[pool]\npath = \"pool\"":     `2: pool.path: "pool" is not allowed: a directory on a btrfs by its whole path; "" is a loop file in state_dir`,
		"[pool]\nsize = \"5 apples\"": `2: pool.size: "5 apples" is not allowed: a size in quotes, such as "2GiB", 1GiB or more`,
		"[pool]\nsize = \"1MiB\"":     `2: pool.size: "1MiB" is not allowed: a size in quotes, such as "2GiB", 1GiB or more`,
		"[tls]\nmode = \"acme\"":      `2: tls.mode: "acme" is not served by this release: "off", the only mode of this release`,
		"run_dir = \"/x\"\nstate_dir = \"/x/\"": `1: run_dir: run_dir and state_dir both are /x: a directory by its whole path of at most 56 bytes, ` +
			`another than state_dir, such as "/run/logis"`,

		"[network]\nsubnet4 = \"fd00::/64\"":     `2: network.subnet4: "fd00::/64" is not allowed` + subnet4,
		"[network]\nsubnet4 = \"10.0.0.0/33\"":   `2: network.subnet4: "10.0.0.0/33" is not allowed` + subnet4,
		"[network]\nsubnet4 = \"127.0.0.0/8\"":   `2: network.subnet4: "127.0.0.0/8" is not allowed` + subnet4,
		"[network]\nsubnet4 = 10":                `2: network.subnet4: 10 is a whole number, not text in quotes` + subnet4,
		"network.subnet4 = \"\"":                 `1: network.subnet4: "" is not allowed` + subnet4,
		"[network]\nsubnet6 = \"10.0.0.0/8\"":    `2: network.subnet6: "10.0.0.0/8" is not allowed` + subnet6,
		"[network]\nsubnet6 = \"fe80::/64\"":     `2: network.subnet6: "fe80::/64" is not allowed` + subnet6,
		"[network]\nsmtp = \"yes\"":              `2: network.smtp: "yes" is text in quotes, not true or false: true or false, without quotes`,
		"[network]\nlinks = [[\"a\", \"Bob\"]]":  `2: network.links: "Bob" is not a site's name` + links,
		"[network]\nlinks = [[\"a\", \"b; c\"]]": `2: network.links: "b; c" is not a site's name` + links,
		"[network]\nlinks = [[\"a\"]]":           `2: network.links: ["a"] is not a group of two sites or more` + links,
		"[network]\nlinks = [[]]":                `2: network.links: [] is not a group of two sites or more` + links,
		"[network]\nlinks = [[\"a\", \"a\"]]":    "2: network.links: a is twice in one group" + links,
		"[network]\nlinks = [\"a\"]":             `2: network.links: ["a"] is a list of texts in quotes, not a list of lists of texts in quotes` + links,

		"[ssh]\nports = \"9-1\"":                    `2: ssh.ports: "9-1" is not allowed` + ports,
		"[ssh]\nports = 22001":                      `2: ssh.ports: 22001 is a whole number, not text in quotes` + ports,
		"[ssh]\nports = \"70-90\"":                  `2: ssh.ports: 70-90 of sites has port 80 of the proxy` + ports,
		"[proxy]\nhttp = [\":80\", \"[::]:22005\"]": `2: proxy.http: 22001-32000 of sites has port 22005 of the proxy` + listen,
		"[proxy]\nhttp = \":80\"":                   `2: proxy.http: ":80" is text in quotes, not a list of texts in quotes` + listen,
		"[proxy]\nhttp = [\"80\"]":                  `2: proxy.http: "80" is not allowed` + listen,
		"[proxy]\nhttp = [\":http\"]":               `2: proxy.http: ":http" is not allowed` + listen,
		"[proxy]\nhttps = [\":80\"]":                `2: proxy.https: ":80" is in http and in https` + listen,

		"[defaults]\nimage = \"LEMP\"":      `2: defaults.image: "LEMP" is not allowed: the name of an image, such as "lemp"`,
		"[defaults]\nmemory = \"lots\"":     `2: defaults.memory: "lots" is not allowed` + memory,
		"[defaults]\nmemory = \"1MiB\"":     `2: defaults.memory: "1MiB" is not allowed` + memory,
		"[defaults]\nmemory = 512":          `2: defaults.memory: "512B" is not allowed` + memory,
		"[defaults]\nswap = true":           `2: defaults.swap: true is a boolean, not text in quotes: a size in quotes, such as "1GiB", or "off"`,
		"[defaults]\ndisk = \"1MiB\"":       `2: defaults.disk: "1MiB" is not allowed: a size in quotes, such as "2GiB", 256MiB or more`,
		"[defaults]\ncpus = 0.0":            "2: defaults.cpus: 0 is not allowed: processors from 0.01 to 1024, such as 0.5",
		"[defaults]\ncpus = \"two\"":        `2: defaults.cpus: "two" is text in quotes, not a number: processors from 0.01 to 1024, such as 0.5`,
		"[defaults]\npids = 1":              "2: defaults.pids: 1 is not allowed: a whole number from 32 to 4194304",
		"[defaults]\npids = \"many\"":       `2: defaults.pids: "many" is text in quotes, not a whole number: a whole number from 32 to 4194304`,
		"[defaults]\ncpu_weight = 0":        "2: defaults.cpu_weight: 0 is not allowed: a whole number from 1 to 10000",
		"[defaults]\nio_weight = 10001":     "2: defaults.io_weight: 10001 is not allowed: a whole number from 1 to 10000",
		"[defaults]\nio_bandwidth = \"1k\"": `2: defaults.io_bandwidth: "1KiB" is not allowed: bytes a second in quotes, from 1MiB to 128GiB, such as "20MiB", or "off"`,
		"[defaults]\nbandwidth = \"63KiB\"": `2: defaults.bandwidth: "63KiB" is not allowed: bytes a second in quotes, from 64KiB to 128GiB, such as "20MiB", or "off"`,
		"[defaults]\nio_bandwidth = \"on\"": `2: defaults.io_bandwidth: "on" is not allowed: bytes a second in quotes, from 1MiB to 128GiB, such as "20MiB", or "off"`,
		"[defaults]\nopen_files = 1":        "2: defaults.open_files: 1 is not allowed: a whole number from 256 to 1048576",
		"[defaults]\nlog_size = \"2GiB\"":   `2: defaults.log_size: "2GiB" is not allowed: a size in quotes, such as "2MiB", from 64KiB to 1GiB`,
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != "logis.toml:"+want {
			t.Errorf("%q:\n got %v\nwant logis.toml:%s", text, err, want)
		}
	}
}

func sectionList() string { return strings.Join(titles(), ", ") }

// Every key of the file says in words what it takes, and none that is not there.
func TestEveryKeySaysWhatIsAllowed(t *testing.T) {
	var keys []string
	for f := range reflect.TypeFor[Config]().Fields() {
		name := f.Tag.Get("toml")
		if f.Type.Kind() != reflect.Struct || name == "-" {
			keys = append(keys, name)
			continue
		}
		for k := range f.Type.Fields() {
			keys = append(keys, name+"."+k.Tag.Get("toml"))
		}
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "-" })
	for _, k := range keys {
		if allowed(k) == "" {
			t.Errorf("no rule of package config has words for %s", k)
		}
	}
	for _, r := range rules() {
		if !slices.Contains(keys, r.key) {
			t.Errorf("a rule is about %s, which is no key", r.key)
		}
	}
}

func TestSourceAt(t *testing.T) {
	c, err := parse("/etc/logis/logis.toml", []byte("\n[network]\nsubnet4 = \"10.9.0.0/16\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"network.subnet4": "/etc/logis/logis.toml:3", "network": "/etc/logis/logis.toml:2", "network.subnet6": "/etc/logis/logis.toml",
	} {
		if got := c.Source.At(key); got != want {
			t.Errorf("%s is at %s, want %s", key, got, want)
		}
	}
	if got := fmt.Sprint(Default().Source.At("instance")); got != "logis.toml" {
		t.Errorf("nowhere is %s", got)
	}
}
