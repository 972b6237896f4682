package cli_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMain makes the test binary the command line where it is told so: terminals and signals need a process.
func TestMain(m *testing.M) {
	if os.Getenv("LOGIS_TEST_CLI") == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Socket: os.Getenv("LOGIS_SOCKET"), Term: os.Getenv("TERM"),
		NoColor: os.Getenv("NO_COLOR") != "",
	}))
}

// result of one command line.
type result struct {
	status   int
	out, err string
}

func run(t *testing.T, socket, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	status := cli.Run(t.Context(), args, cli.Terminal{In: strings.NewReader(stdin), Out: &out, Err: &errs, Socket: socket})
	return result{status, out.String(), errs.String()}
}

// golden compares got with testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// oneLine is what every error must be.
func oneLine(t *testing.T, r result, args ...string) {
	t.Helper()
	if !strings.HasPrefix(r.err, "logis: ") || strings.Count(r.err, "\n") != 1 || !strings.HasSuffix(r.err, "\n") {
		t.Errorf("logis %s: stderr %q is not one line", strings.Join(args, " "), r.err)
	}
}

func TestStatuses(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.PutImage("lemp", "alice")
	socket, _ := servertest.Serve(t, m)
	dir := t.TempDir()
	private := filepath.Join(dir, "id")
	public := filepath.Join(dir, "id.pub")
	empty := filepath.Join(dir, "empty")
	write(t, private, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3\n-----END OPENSSH PRIVATE KEY-----\n")
	write(t, public, "# mine\n"+keyOne+"\n\nrestrict "+keyTwo+"\n")
	write(t, empty, "\n")

	for _, tc := range []struct {
		args   string
		status int
		err    string // part of the line; "" is no error
	}{
		{"list", 0, ""},
		{"list alice", 2, "list takes nothing after it, got 1 operand:"},
		{"list --format xml", 2, `--format is table or json, not "xml"`},
		{"lst", 2, "did you mean list or set?"},
		{"image lst", 2, "unknown command"},
		{"--colour", 2, "unknown flag --colour: see"},
		{"show", 2, "show takes NAME, got none:"},
		{"show alice", 0, ""},
		{"show nobody", 3, `cannot show "nobody": no such site`},
		{"wait nobody", 3, "no such site"},
		{"wait alice --for sleep", 2, "--for is ready or stopped"},
		{"wait alice --for stopped --timeout 1ms", 1, "not stopped after 1ms"},
		{"wait alice --for stopped --timeout 0.001", 1, "not stopped after 1ms"},
		{"wait alice --timeout soon", 2, "must be a duration such as 30s"},
		{"wait alice --timeout -1s", 2, "must not be negative"},
		{"create alice", 4, `cannot create "alice": a site of that name exists`},
		{"create root", 2, `cannot create "root": the name is reserved`},
		{"create new --memory 12X", 2, "is not a quantity such as 512MiB"},
		{"create new --disk 0", 2, "must be above zero"},
		{"create new --cpus NaN", 2, "must be a number above zero"},
		{"create new --pids -1", 2, "must be a whole number above zero"},
		{"create new --ssh-key " + private, 2, "this is a private key, keep it to yourself: give the .pub file"},
		{"create new --ssh-key " + empty, 2, "no key in it"},
		{"create new --ssh-key " + dir + "/none", 1, "no such file or directory: make a key with `ssh-keygen"},
		{"create new --ssh-key " + public + " --memory 1GiB --swap 1G --disk 3G --cpus 1.5 --pids 99 --cpu-weight 7 --io-weight 8 --io-bandwidth 9MiB --open-files 1100 --log-size 1M --domain a.org --domain b.org", 0, ""},
		{"stop", 2, "give names or --all"},
		{"stop alice --all", 2, "not both"},
		{"stop alice alice", 2, "given twice"},
		{"start nobody", 3, "no such site"},
		{"start alice", 0, ""},
		{"destroy", 2, "which site?"},
		{"destroy alice", 2, "give --force"},
		{"destroy nobody", 3, "no such site"},
		{"exec alice", 2, "exec takes NAME -- CMD..."},
		{"exec alice x -- y", 2, "exec takes NAME -- CMD..."},
		{"exec nobody -- true", 3, `cannot run in "nobody": no such site`},
		{"logs nobody", 3, "no such site"},
		{"logs alice -n -1", 2, "--lines is from 0"},
		{"image remove lemp", 4, "used by"},
		{"image show none", 3, "logis: cannot show image \"none\": no such image\n"},
		{"image import " + dir + "/none", 1, "no such file"},
		{"image export none " + dir + "/none.tar.zst", 3, `cannot export image "none": no such image`},
		{"image export lemp " + dir + "/none/x", 1, `cannot export image "lemp": write ` + dir + "/none/x: no such file or directory"},
		{"image build broken", 1, "cannot build image"},
		{"sites", 0, ""},
		{"sites up", 0, ""},
		{"sites up alice", 2, "up takes nothing after it"},
		{"sites down", 0, ""},
		{"sites down --timeout 1s", 1, "cannot stop the sites: stop alice: PID 1 has not ended"},
		{"sites down --timeout 2h", 2, "--timeout must be from 1s to 1h"},
		{"version", 0, ""},
		{"destroy alice --force", 0, ""},
		{"destroy alice --force", 3, "no such site"},
	} {
		args := strings.Fields(tc.args)
		r := run(t, socket, "", args...)
		if r.status != tc.status || !strings.Contains(r.err, tc.err) {
			t.Errorf("logis %s: status %d, want %d; stderr %q, want %q in it", tc.args, r.status, tc.status, r.err, tc.err)
		}
		switch {
		case tc.err == "" && r.err != "":
			t.Errorf("logis %s: stderr %q", tc.args, r.err)
		case tc.err != "" && !strings.HasPrefix(tc.args, "image build"):
			oneLine(t, r, args...)
		}
	}
	want := site.Spec{
		Name: "new", Domains: []string{"a.org", "b.org"}, SSHKeys: []string{keyOne, "restrict " + keyTwo},
		Limits: site.Limits{
			Memory: 1 << 30, Swap: 1 << 30, Disk: 3 << 30, CPUs: 1.5, PIDs: 99,
			CPUWeight: 7, IOWeight: 8, IOBandwidth: 9 << 20, Bandwidth: site.Unset, OpenFiles: 1100, LogSize: 1 << 20,
		},
	}
	if d := cmp.Diff(want, m.Last()); d != "" {
		t.Errorf("what create asked for (-want +got):\n%s", d)
	}
	if _, err := os.Stat(dir + "/none.tar.zst"); !os.IsNotExist(err) {
		t.Errorf("a failed export left a file: %v", err)
	}
	if left, _ := filepath.Glob(dir + "/.none*"); len(left) > 0 {
		t.Errorf("a failed export left %v", left)
	}
}

func TestNoDaemon(t *testing.T) {
	r := run(t, t.TempDir()+"/none", "", "start", "alice", "--socket", "/nowhere/s")
	oneLine(t, r)
	if want := "logis: cannot reach logisd at /nowhere/s: there is no such socket: start "; r.status != 1 || !strings.HasPrefix(r.err, want) {
		t.Errorf("status %d, stderr %q", r.status, r.err)
	}
}

func TestSeveral(t *testing.T) {
	m := servertest.New()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		m.Put(servertest.StatusOf(name, site.Running))
	}
	m.Put(servertest.StatusOf("doomed", site.Destroying))
	socket, _ := servertest.Serve(t, m)
	if r := run(t, socket, "", "stop", "doomed", "nobody"); r.status != 4 {
		t.Errorf("the first failure is a conflict: %+v", r)
	}
	r := run(t, socket, "", "stop", "a", "nobody", "b", "doomed", "c", "d", "e")
	if r.status != 3 || strings.Count(r.out, " is stopped in ") != 5 {
		t.Errorf("status %d, stdout %q", r.status, r.out)
	}
	want := "logis: cannot stop \"nobody\": no such site\nlogis: cannot stop \"doomed\": it is being destroyed\n"
	if r.err != want {
		t.Errorf("stderr %q", r.err)
	}
	if r = run(t, socket, "", "stop", "a"); r.status != 0 || r.out != "a was stopped already\n" {
		t.Errorf("stop of the stopped: %+v", r)
	}
	if r = run(t, socket, "", "stop", "--all"); r.status != 0 || r.out != "There is no site to be stopped.\n" {
		t.Errorf("stop --all of the stopped: %+v", r)
	}
	if r = run(t, socket, "", "start", "--all", "--no-wait"); r.out != "a is starting\nb is starting\nc is starting\nd is starting\ne is starting\n" {
		t.Errorf("start --all: %+v", r)
	}
	m.Put(servertest.StatusOf("a", site.Running))
	if r = run(t, socket, "", "start", "a"); r.status != 0 || r.out != "a runs already\n" {
		t.Errorf("start of the running: %+v", r)
	}
}

func TestTables(t *testing.T) {
	t.Setenv("TZ", "UTC")
	m := servertest.New()
	socket, _ := servertest.Serve(t, m)
	golden(t, "list-empty", run(t, socket, "", "list").out)
	golden(t, "list-empty.json", run(t, socket, "", "list", "--format", "json").out)
	golden(t, "images-empty", run(t, socket, "", "image", "list").out)

	s := servertest.StatusOf("alice", site.Running)
	s.Usage = site.Usage{
		Memory: 60 << 20, Cache: 13 << 20, Disk: 12345678, PIDs: 14, CPUSeconds: 3.25, OOMKills: 3,
		LastKill: site.Kill{Process: "mariadbd\x1b[2J", PID: 4711, At: servertest.Birth()},
	}
	s.Warnings = []string{"swap is not limited: this kernel does not count it"}
	s.Services = append(s.Services, site.Service{Name: "php", State: "running", Restarts: 1}, site.Service{Name: "sshd", State: "running", Restarts: 2})
	s.StartedAt = s.StartedAt.Add(123456789)
	m.Put(s)
	golden(t, "show", utc(run(t, socket, "", "show", "alice").out))
	golden(t, "show.json", run(t, socket, "", "show", "alice", "--format", "json").out)

	bob := servertest.StatusOf("bob", site.Failed)
	bob.Usage = site.Usage{Disk: 1600 << 20, Files: 1536 << 20, FilesLimit: 1536 << 20}
	bob.Links = []site.Link{{Name: "alice", Address4: s.Record.Address4, Address6: s.Record.Address6}, {Name: "carol"}}
	bob.Error = "service mariadb ends at every start: exit status 1"
	bob.Failing = site.Failing{Service: "mariadb", Log: []string{"[ERROR] InnoDB: no space\x1b[2J left", "exit status 1: starting again in 4s"}}
	bob.Services = []site.Service{{Name: "mariadb", State: "failed", Restarts: 7}}
	m.Put(bob)
	golden(t, "show-failed", utc(run(t, socket, "", "show", "bob").out))
	golden(t, "show-failed.json", run(t, socket, "", "show", "bob", "--format", "json").out)
	golden(t, "show-80", utc(onTerminal(t, 80, cli.Terminal{Socket: socket}, "show", "alice")))

	m.PutImage("lemp", "alice")
	golden(t, "images", utc(run(t, socket, "", "image", "list").out))
	golden(t, "image", utc(run(t, socket, "", "image", "show", "lemp").out))
	golden(t, "create", times.ReplaceAllString(run(t, socket, "", "create", "carol").out, "T s"))
	golden(t, "create-key", times.ReplaceAllString(run(t, socket, keyOne, "create", "dan", "--ssh-key", "-", "--no-wait").out, "T s"))
	golden(t, "help", run(t, socket, "", "--help").out)
}

var (
	times = regexp.MustCompile(`[0-9.]+ s\b`)
	dates = regexp.MustCompile(`2026-01-0[0-9] [0-9:]+`)
)

// utc takes out times, which are printed in the zone of the machine.
func utc(s string) string { return dates.ReplaceAllString(s, "DATE") }

func TestArchives(t *testing.T) {
	m := servertest.New()
	m.PutImage("lemp")
	m.PutImage("half")
	socket, _ := servertest.Serve(t, m)
	file := filepath.Join(t.TempDir(), "x.tar.zst")
	if r := run(t, socket, "", "image", "export", "lemp", "-"); r.status != 0 || r.out != "archive of lemp" {
		t.Errorf("export to standard output: %+v", r)
	}
	if r := run(t, socket, "", "image", "export", "lemp", file); r.status != 0 || read(t, file) != "archive of lemp" {
		t.Errorf("export: %+v", r)
	}
	if r := run(t, socket, "", "image", "export", "half", file); r.status != 1 || read(t, file) != "archive of lemp" {
		t.Errorf("half an export: %+v, file %q", r, read(t, file))
	}
	if r := run(t, socket, "", "image", "export", "lemp", "/dev/null"); r.status != 0 {
		t.Errorf("export to a device: %+v", r)
	}
	if st, err := os.Stat("/dev/null"); err != nil || st.Mode().IsRegular() {
		t.Fatalf("/dev/null was replaced: %v, %v", st.Mode(), err)
	}
	if r := run(t, socket, "", "image", "import", file); r.status != 0 || !strings.HasPrefix(r.out, "image imported is imported in ") {
		t.Errorf("import: %+v", r)
	}
	if r := run(t, socket, "archive", "image", "import", "-"); r.status != 0 {
		t.Errorf("import of standard input: %+v", r)
	}
	r := run(t, socket, "", "image", "build", "broken")
	want := "[1/2] debootstrap\n  | E: no mirror\n  | E: really\nlogis: cannot build image \"broken\": debootstrap: exit status 1\n"
	if d := cmp.Diff(want, r.err); d != "" || r.status != 1 {
		t.Errorf("a broken build: status %d (-want +got):\n%s", r.status, d)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSitesUpNamesWhatFailed(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Put(servertest.StatusOf("bob", site.Failed))
	socket, _ := servertest.Serve(t, m)
	r := run(t, socket, "", "sites", "up")
	oneLine(t, r, "sites", "up")
	if r.status != 1 || !strings.Contains(r.err, `cannot start "bob": no such image`) || !strings.HasPrefix(r.out, "1 of 2 sites up in ") {
		t.Errorf("got %+v", r)
	}
}
