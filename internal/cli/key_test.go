package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

const (
	keyOne   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEZaqszrq1rTalmd4efCu8h4QMGrAAd0KI9WLTARBbcx ann@laptop"
	keyTwo   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYLsqKG/A6VXDug8/PVqys9NT40tOq+DoP7iNEE43Xk ann@desk"
	printOne = "SHA256:ITP7oHBT1t+W06drtnVcjswnB3walQf0XCZrN0x+Vhk"
	printTwo = "SHA256:0DkB3UWL+OQ/vmqyAgBkd9AYvkJj13JMqIydUWrzdCo"
)

func TestKey(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	socket, _ := servertest.Serve(t, m)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"one.pub": keyOne + "\n", "both": "# ours\n" + keyOne + "\n\nfrom=\"192.0.2.7\" " + keyTwo + "\n", "ann@desk": keyTwo,
		"private": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n", "empty": "\n", "rubbish": keyOne + "\nhello\n",
		"large": strings.Repeat("#\n", 256<<10), "twice": keyOne + "\nrestrict " + keyOne + "\n",
		"twin": strings.Replace(keyTwo, "ann@desk", "ann@laptop", 1),
	} {
		write(t, name, text)
	}
	for _, tc := range []struct {
		args   string
		in     string
		status int
		said   string // the lines, or what the line of the error has in it
	}{
		{"key list alice", "", 0, "alice has no key of the host. Give one with: logis key add alice FILE\n"},
		{"key add alice one.pub", "", 0, "alice: " + printOne + " (ann@laptop) added\n"},
		{"key add alice -", keyOne, 0, "alice: " + printOne + " (ann@laptop) was there already\n"},
		{"key add alice both one.pub", "", 0, "alice: " + printTwo + " (ann@desk) added\nalice: " + printOne + " (ann@laptop) was there already\n"},
		{"key add alice -", keyTwo, 0, "alice: " + printTwo + " (ann@desk) has other options or another comment now\n"},
		{"key add alice both", "", 0, "alice: " + printTwo + " (ann@desk) has other options or another comment now\nalice: " + printOne +
			" (ann@laptop) was there already\n"},

		{"key add alice private", "", 2, "private: this is a private key, keep it to yourself: give the .pub file beside it: see `logis key add"},
		{"key add alice empty", "", 2, "empty: no key in it"},
		{"key add alice rubbish", "", 2, "rubbish: line 2: not a public ssh key: give the line of a .pub file"},
		{"key add alice large", "", 2, "large: larger than 256 KiB: this is no file of public keys"},
		{"key add alice one.pub none", "", 1, "cannot read key file none: no such file or directory: make a key with `ssh-keygen"},
		{"key add alice .", "", 1, "cannot read key file .: is a directory"},
		{"key add alice twice", "", 2, `cannot add keys to "alice": key ` + printOne + " is given twice, with other options or another comment"},
		{"key add alice", "", 2, "logis: key add takes NAME FILE..., got 1 operand:"},
		{"key add nobody one.pub", "", 3, `cannot add keys to "nobody": no such site`},
		{"key list nobody", "", 3, `cannot list the keys of "nobody": no such site`},
		{"key remove nobody ann@laptop", "", 3, `cannot remove keys from "nobody": no such site`},
		{"key remove alice", "", 2, "logis: key remove takes NAME KEY..., got 1 operand:"},
		{"key remove alice ben@desk", "", 3, `cannot remove keys from "alice": the site has no key with the fingerprint or comment "ben@desk": see logis key list alice`},
		{"key remove alice none.pub", "", 1, "cannot read key file none.pub: no such file or directory"},
		{"key remove alice ann@desk", "", 2, `"ann@desk" is the comment of a key and a file: give the fingerprint, or ./ann@desk for the file`},
		{"key remove alice ann@laptop SHA256:none", "", 3, `has no key with the fingerprint or comment "SHA256:none"`},

		{"key remove alice ./ann@desk", "", 0, "alice: " + printTwo + " (ann@desk) removed\n"},
		{"key add alice twin", "", 0, "alice: " + printTwo + " (ann@laptop) added\n"},
		{"key remove alice ann@laptop", "", 2, `2 keys have the comment "ann@laptop": name one by its fingerprint: ` + printOne + ", " + printTwo},
		{"key remove alice " + printTwo, "", 0, "alice: " + printTwo + " (ann@laptop) removed\n"},
		{"key remove alice ann@laptop", "", 0, "alice: " + printOne + " (ann@laptop) removed\nalice has no key of the host any more: log in with logis shell alice\n"},
	} {
		args := strings.Fields(tc.args)
		r := run(t, socket, tc.in, args...)
		if tc.status == 0 {
			if d := cmp.Diff(result{0, tc.said, ""}, r, cmp.AllowUnexported(result{})); d != "" {
				t.Errorf("logis %s (-want +got):\n%s", tc.args, d)
			}
			continue
		}
		if r.status != tc.status || !strings.Contains(r.err, tc.said) || r.out != "" {
			t.Errorf("logis %s: status %d, want %d; stdout %q, stderr %q, want %q in it", tc.args, r.status, tc.status, r.out, r.err, tc.said)
		}
		oneLine(t, r, args...)
	}
}

func TestKeyList(t *testing.T) {
	rsa, err := os.ReadFile(filepath.Join("..", "sshkey", "testdata", "rsa2048.pub"))
	if err != nil {
		t.Fatal(err)
	}
	m := servertest.New()
	s := servertest.StatusOf("alice", site.Running)
	s.Record.Spec.SSHKeys = []string{keyOne, `from="192.0.2.7",command="echo \"hi\"" ` + keyTwo, strings.TrimSpace(string(rsa)), "ssh-odd AAAA"}
	m.Put(s)
	socket, _ := servertest.Serve(t, m)
	golden(t, "keys", run(t, socket, "", "key", "list", "alice").out)
	golden(t, "keys.json", run(t, socket, "", "key", "list", "alice", "--format", "json").out)
	if r := run(t, socket, "", "__complete", "key", "remove", "alice", "SHA"); !strings.HasPrefix(r.out, printOne+"\tann@laptop\n") {
		t.Errorf("completion: %+v", r)
	}
	// One that is none is named by its line, which is no path of a file.
	s.Record.Spec.SSHKeys = []string{keyOne, "ssh-odd AA/A"}
	m.Put(s)
	if r := run(t, socket, "", "key", "remove", "alice", "ssh-odd AA/A"); r.status != 0 || r.out != "alice: \"ssh-odd AA/A\" removed\n" {
		t.Errorf("%+v", r)
	}
}
