package route

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalHost(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"alice.localhost":       "alice.localhost",
		"Alice.LOCALHOST":       "alice.localhost",
		"alice.localhost:8080":  "alice.localhost",
		"alice.localhost.":      "alice.localhost",
		"alice.localhost.:8080": "alice.localhost",
		"10.0.0.1:80":           "10.0.0.1",
		"[::1]:80":              "::1",
		"[FE80::1]":             "fe80::1",
		"::1":                   "::1",
		"[":                     "[",
		".":                     "",
		":80":                   "",
	} {
		if got := CanonicalHost(in); got != want {
			t.Errorf("CanonicalHost(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	good := testRoute("alice", "10.83.0.2:80")
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Route){
		"no site":         func(r *Route) { r.Site = "" },
		"site with path":  func(r *Route) { r.Site = "../alice" },
		"long site":       func(r *Route) { r.Site = strings.Repeat("a", 64) },
		"no upstream":     func(r *Route) { r.Upstream = netip.AddrPort{} },
		"no port":         func(r *Route) { r.Upstream = netip.MustParseAddrPort("10.83.0.2:0") },
		"unknown state":   func(r *Route) { r.State = "melted" },
		"no state":        func(r *Route) { r.State = "" },
		"empty domain":    func(r *Route) { r.Domains = []string{""} },
		"capital domain":  func(r *Route) { r.Domains = []string{"Alice.localhost"} },
		"domain and port": func(r *Route) { r.Domains = []string{"alice.localhost:80"} },
		"line in domain":  func(r *Route) { r.Domains = []string{"alice\n.localhost"} },
		"long domain":     func(r *Route) { r.Domains = []string{strings.Repeat("a", 254)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			change(&r)
			if err := r.Check(); !errors.Is(err, ErrInvalid) {
				t.Errorf("Check() = %v, want ErrInvalid", err)
			}
		})
	}
}

func TestMessageRoundTrip(t *testing.T) {
	r := testRoute("alice", "[fd83::2]:80")
	for _, m := range []Message{{Seq: 1, Op: Begin}, {Seq: 2, Op: Set, Route: &r}, {Seq: 3, Op: Delete, Site: "alice"}} {
		line, err := m.Encode([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseMessage(line[1 : len(line)-1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Error(diff)
		}
	}
}

var hostileLines = []string{
	"", " ", "null", "{}", "[]", `{"seq":0,"op":"end"}`, `{"seq":-1,"op":"end"}`, `{"seq":1}`, `{"seq":1,"op":"set"}`,
	`{"seq":1,"op":"set","route":{"upstream":"nonsense"}}`, `{"ack":0}`, `{"ack":-1}`, `{"ack":"1"}`, `{"ack":1e99}`,
	`{"ack":1,"tally":{"site":"a"}}`, `{"tally":{"site":"a","classes":[0,-1]}}`, `{"tally":{"site":"a","nanos":1e18,"took":[9000000000000000000]}}`,
	`{"ack":1,"since":-1}`, `{"ack":1,"since":9000000000000000}`,
	`{"ack":1`, "\x00\xff", `{"ack":18446744073709551616}`, strings.Repeat("[", 200), strings.Repeat("1", MaxReply),
}

func TestHostileLines(t *testing.T) {
	for _, line := range hostileLines {
		if _, err := ParseReply([]byte(line)); err == nil {
			t.Errorf("ParseReply(%.40q) took it", line)
		}
		if _, err := ParseMessage([]byte(line)); err == nil {
			t.Errorf("ParseMessage(%.40q) took it", line)
		}
	}
	if _, err := ParseMessage([]byte(`{"seq":1,"op":"end"` + strings.Repeat(" ", MaxMessage) + "}")); !errors.Is(err, errTooLong) {
		t.Errorf("a long message gave %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range hostileLines {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"seq":1,"op":"set","route":{"site":"a","domains":["a.b"],"upstream":"10.0.0.1:80","state":"up"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if r, err := ParseReply(line); err == nil {
			if (r.Ack == 0) == (r.Tally == nil) {
				t.Error("reply of nothing, or of two things")
			}
			if again, err := ParseReply(bytes.TrimSuffix(r.Encode(nil), []byte("\n"))); err != nil || !cmp.Equal(again, r) {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
		}
		m, err := ParseMessage(line)
		if err == nil && m.Route != nil && m.Route.Check() == nil {
			if _, err := m.Encode(nil); err != nil {
				t.Errorf("cannot encode what was parsed: %v", err)
			}
		}
		host := CanonicalHost(string(line))
		if len(host) > len(line)*3 {
			t.Errorf("host %q grew", host)
		}
	})
}

func testRoute(site, upstream string) Route {
	return Route{Site: site, Domains: []string{site + ".localhost"}, Upstream: netip.MustParseAddrPort(upstream), State: Up}
}
