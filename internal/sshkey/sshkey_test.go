package sshkey

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// line returns a key of testdata, made by ssh-keygen of OpenSSH 9.2.
func line(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// The fingerprints are what `ssh-keygen -l` of OpenSSH says of the same files.
func TestParse(t *testing.T) {
	for name, want := range map[string]Key{
		"ed25519": {Type: "ssh-ed25519", Fingerprint: "SHA256:ITP7oHBT1t+W06drtnVcjswnB3walQf0XCZrN0x+Vhk", Comment: "me@home"},
		"rsa2048": {Type: "ssh-rsa", Bits: 2048, Fingerprint: "SHA256:pYyeO3Ob9x+eB4CzJOouRd1U2XSz1o86v5uBIQR6AsI", Comment: "long"},
		"ecdsa":   {Type: "ecdsa-sha2-nistp256", Fingerprint: "SHA256:ALRTY5XAzg06+ahsGAfcSCo0lsfEEQLfoBsqm38YPYI", Comment: "a b c"},
	} {
		text := line(t, name)
		f := strings.Fields(text)
		for options, list := range map[string][]string{
			"":                  nil,
			"restrict,no-PTY ":  {"restrict", "no-PTY"},
			"cert-authority\t ": {"cert-authority"},
			`from="192.0.2.0/24,!10.0.0.1,*.example",command="echo \"a, b\" c" `: {`from="192.0.2.0/24,!10.0.0.1,*.example"`, `command="echo \"a, b\" c"`},
			`expiry-time="20301231",permitopen="db:3306",environment="A=b" `:     {`expiry-time="20301231"`, `permitopen="db:3306"`, `environment="A=b"`},
		} {
			want.Line, want.Public, want.Options = options+text, f[0]+" "+f[1], list
			got, err := Parse("  " + options + text + " \r\n")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s%s: %v (-want +got):\n%s", options, name, err, diff)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	key := line(t, "ed25519")
	f := strings.Fields(key)
	for text, why := range map[string]string{
		"": "not a public ssh key", "hello": "not a public ssh key", "hello world": "not a public ssh key", f[0]: "not a whole public ssh key",
		f[0] + " " + f[1][:40]: "not a whole public ssh key", f[0] + " !!!!": "not a public ssh key", "ssh-rsa " + f[1]: "not a whole public ssh key",
		f[0] + " " + f[1] + "\nssh-rsa": "not a public ssh key", key + "\x00": "not a public ssh key", key + "\x1b[2J": "not a public ssh key",
		key + "\xff": "not a public ssh key", key + strings.Repeat("a", MaxLine): "not a public ssh key", `command="x ` + key: "not a public ssh key",
		line(t, "dsa"): "a DSA key", line(t, "cert"): "a certificate", line(t, "rsa1024"): "an RSA key of 1024 bits, which is too short",
		`colour="blue" ` + key: `"colour" is no option of sshd`, "form=\"1.2.3.4\" " + key: "is no option of sshd",
		"from=1.2.3.4 " + key: "takes a value in quotes", "command " + key: "takes a value in quotes", `command="` + `" ` + key: "",
		`restrict="yes" ` + key: "takes no value", "restrict,,pty " + key: "an option is empty", `from="" ` + key: "option from cannot be",
		`from="192.0.2.1/24" ` + key: "option from cannot be", `from="a,,b" ` + key: "option from cannot be",
		`expiry-time="tomorrow" ` + key: "option expiry-time cannot be", `expiry-time="20261399" ` + key: "option expiry-time cannot be",
		`permitopen="db" ` + key: "option permitopen cannot be", `environment="A" ` + key: "option environment cannot be", `tunnel="x" ` + key: "option tunnel cannot be",
	} {
		_, err := Parse(text)
		if why == "" {
			why = "option command cannot be"
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Parse(%.80q) = %v, want %q", text, err, why)
		}
	}
}

func TestParseFile(t *testing.T) {
	a, b := line(t, "ed25519"), `from="192.0.2.7" `+line(t, "ecdsa")
	got, err := ParseFile([]byte("\ufeff# ours\n\n " + a + "\r\n\t# old\n" + b))
	if err != nil || len(got) != 2 || got[0].Line != a || got[1].Line != b {
		t.Errorf("two keys: %v, %+v", err, got)
	}
	for text, why := range map[string]string{
		"": "no key in it", "# nothing\n\n": "no key in it", a + "\n\nrubbish\n": "line 3: not a public ssh key",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n": "this is a private key", "PuTTY-User-Key-File-3: ssh-ed25519\n": "this is a private key",
		"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n": "ssh-keygen -i -f", "\x7fELF\x00\x00": "this is no text",
		strings.Repeat("#\n", MaxFile): "larger than 256 KiB",
	} {
		if _, err := ParseFile([]byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("ParseFile(%.40q) = %v, want %q", text, err, why)
		}
	}
}

// A line that is taken is one line, and read again the same key.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"ed25519", "rsa2048", "ecdsa", "dsa", "cert"} {
		f.Add(line(f, name))
	}
	f.Add(`command="a \" b",restrict ` + line(f, "ed25519"))
	f.Add(`command="` + line(f, "ed25519"))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(key.Line)
		if diff := cmp.Diff(key, again); diff != "" || err != nil || strings.ContainsAny(key.Line, "\n\r\x00\x1b") {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
		if bare, err := Parse(key.Public); err != nil || bare.Fingerprint != key.Fingerprint {
			t.Errorf("%q: bare %+v, %v", text, bare, err)
		}
	})
}
