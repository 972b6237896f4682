//go:build root

package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
	tries "github.com/logis-project/logis/internal/probe"
)

// seen is what the probe reports: see testdata/probe/report.go.
type seen struct {
	Status, Namespaces, Masked       map[string]string
	Mounts, Dev, FDs, Env, Processes []string
	Hostname, Init, InitName, Cgroup string
	OOMScore, Resolv, PingGroups     string
	Writable                         []string
}

func TestInside(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	s := probe[seen](t, c, "", "report")

	for key, want := range map[string]string{
		// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, sys_chroot, audit_write
		"CapBnd": "00000000200405fb", "CapEff": "00000000200405fb", "CapPrm": "00000000200405fb",
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000",
		"Seccomp": "2", "NoNewPrivs": "0", "Umask": "0022", "SigIgn": "0000000000000000", "SigBlk": "0000000000000000",
		"Groups": "0",
	} {
		if got := s.Status[key]; got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	// A kernel before 6.12 tells of no slice.
	if a, err := unix.SchedGetAttr(c.PID(), 0); err != nil || a.Runtime != 0 && a.Runtime != 100_000 {
		t.Errorf("PID 1 has a time slice of %d ns: %v", a.Runtime, err)
	}
	if got := probe[seen](t, c, "owner", "short").Status["CapEff"]; got != "0000000000000000" {
		t.Errorf("the owner has capabilities %s", got)
	}
	for kind, got := range s.Namespaces {
		if host, err := os.Readlink("/proc/self/ns/" + kind); err != nil || got == host || got == "" {
			t.Errorf("namespace %s is %q, the host's %q, %v", kind, got, host, err)
		}
	}
	diff := func(what string, want, got any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	diff("/dev", []string{
		"Lrwxrwxrwx /dev/fd", "Dcrw-rw-rw- /dev/full", "Dcrw-rw-rw- /dev/null", "Lrwxrwxrwx /dev/ptmx", "drwxr-xr-x /dev/pts",
		"Dcrw-rw-rw- /dev/pts/ptmx", "Dcrw-rw-rw- /dev/random", "dtrwxrwxrwx /dev/shm", "Lrwxrwxrwx /dev/stderr",
		"Lrwxrwxrwx /dev/stdin", "Lrwxrwxrwx /dev/stdout", "Dcrw-rw-rw- /dev/tty", "Dcrw-rw-rw- /dev/urandom", "Dcrw-rw-rw- /dev/zero",
	}, s.Dev)
	diff("descriptors", []string{"0 pipe", "1 pipe", "2 pipe"}, s.FDs)
	diff("host name", "alice", s.Hostname)
	diff("processes", 2, len(s.Processes)) // PID 1 and the probe
	diff("PID 1", "logis-init", s.Init)
	diff("resolv.conf", "-rw-r--r-- nameserver 10.0.0.1\n", s.Resolv)
	diff("ping_group_range", "0 65535", s.PingGroups)
	diff("files of /proc and /sys that can be written", []string(nil), s.Writable)
	diff("score of PID 1 for the OOM killer", "0", s.OOMScore)
	for line := range strings.Lines(s.Cgroup) {
		if !strings.HasSuffix(line, ":/\n") {
			t.Errorf("cgroup shows more than its own root: %s", line)
		}
	}
	for path, got := range s.Masked {
		if got == "something" {
			t.Errorf("%s shows something", path)
		}
	}
	blanks := map[string]bool{} // file systems that hide directories of the kernel's
	for _, line := range s.Mounts {
		before, after, _ := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !strings.HasPrefix(after, "tmpfs") || !strings.HasPrefix(f[4], "/proc/") && !strings.HasPrefix(f[4], "/sys/") {
			continue
		}
		blanks[f[2]] = true
		if !strings.HasPrefix(f[5], "ro,nosuid,nodev,noexec") {
			t.Errorf("mount %s", line)
		}
	}
	diff("file systems that hide directories", 1, len(blanks))
	for _, e := range s.Env {
		if strings.HasPrefix(e, "LOGIS_TEST_SECRET=") {
			t.Errorf("environment of logisd inside: %s", e)
		}
	}
	diff("mounts", mountsInside(), shortMounts(s.Mounts))
	users, err := os.ReadFile("/proc/key-users")
	if err == nil && !strings.Contains(string(users), fmt.Sprint(idBase)+":") {
		t.Errorf("no session keyring of the container's own in\n%s", users)
	}
}

func mountsInside() []string {
	want := []string{
		"/ overlay rw,nodev,noatime", "/dev tmpfs rw,nosuid,noexec,relatime",
		"/dev/full devtmpfs", "/dev/null devtmpfs", "/dev/random devtmpfs", "/dev/tty devtmpfs", "/dev/urandom devtmpfs", "/dev/zero devtmpfs",
		"/dev/pts devpts rw,nosuid,noexec,relatime", "/dev/shm tmpfs rw,nosuid,nodev,noexec,relatime",
		"/proc proc rw,nosuid,nodev,noexec,relatime", "/run tmpfs rw,nosuid,nodev,relatime", "/sys sysfs ro,nosuid,nodev,noexec,relatime",
	}
	slices.Sort(want)
	return want
}

// shortMounts gives "point type flags" of the mounts, without flags for nodes of /dev, which are the host's, and without
// the covers below /proc and /sys, which differ from kernel to kernel.
func shortMounts(mountinfo []string) []string {
	var short []string
	for _, line := range mountinfo {
		before, after, _ := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)[0]
		point, flags := f[4], " "+f[5]
		if strings.HasPrefix(point, "/proc/") || strings.HasPrefix(point, "/sys/") {
			continue
		}
		if kind == "devtmpfs" || strings.HasPrefix(point, "/dev/") && kind == "tmpfs" && point != "/dev/shm" {
			kind, flags = "devtmpfs", ""
		}
		short = append(short, point+" "+kind+flags)
	}
	slices.Sort(short)
	return short
}

// Every attempt of `logis doctor --prove` that is made from inside, as root and as the owner, who must get no further.
func TestRefusals(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	program, err := os.ReadFile(triesPath())
	must(t, err)
	for _, user := range []string{"root", "owner"} {
		t.Run(user, func(t *testing.T) {
			r, err := execute(t.Context(), c, control.Exec{Command: []string{"logis-probe", "try"}, User: user}, program)
			must(t, err)
			seen := map[string]tries.Result{}
			must(t, tries.Read(strings.NewReader(r.stdout), func(r tries.Result) error {
				seen[r.Group+": "+r.Name] = r
				return nil
			}))
			if r.status != 0 || r.stderr != "" {
				t.Errorf("status %d: %s", r.status, r.stderr)
			}
			for _, a := range tries.Attempts() {
				name := a.Group + ": " + a.Name
				got, ok := seen[name]
				if got.Lacks != "" && needsHost(a) || got.Fault != "" && user == "owner" {
					continue // tried by TestProof, in a site with a neighbour; or only root can prepare it
				}
				t.Run(name, func(t *testing.T) {
					switch {
					case !ok || got.Fault != "":
						t.Errorf("not tried: %s", got.Fault)
					case got.Lacks != "":
						t.Logf("nothing to try it on: %s", got.Lacks)
					case !tries.Right(a.Want, got.Seen) && (user == "root" || got.Seen == tries.Done):
						t.Errorf("%s, want one of %v", got.Seen, a.Want)
					}
				})
			}
		})
	}
}

// needsHost tells whether an attempt is at a neighbour, or at what the host offers: here there is neither.
func needsHost(a tries.Attempt) bool {
	return a.Group == "reaching" || a.Group == "other sites and daemons"
}

func TestHostSeesNoMount(t *testing.T) {
	b := newBox(t)
	before, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	spec := b.spec("alice", 0)
	spec.Data, spec.DataTarget = b.data(spec), "/var/lib/data"
	c := b.start(spec)
	during, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	if d := cmp.Diff(string(before), string(during)); d != "" {
		t.Errorf("mounts of the host (-before +during):\n%s", d)
	}
	// The thread that assembled the root goes; none that goroutines run on has another mount table.
	for deadline := time.Now().Add(10 * time.Second); len(mountTables(t)) > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("threads of this process are in mount namespaces %v", mountTables(t))
		}
		runtime.Gosched()
	}
	// PID 1 holds null, the file of its last words, its control socket and what the Go runtime needs: nothing else of the host's.
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.PID()))
	must(t, err)
	var held []string
	for _, e := range entries {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", c.PID(), e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		must(t, err)
		kind, _, _ := strings.Cut(target, ":")
		if kind != "anon_inode" && kind != "pipe" {
			held = append(held, kind)
		}
	}
	slices.Sort(held)
	if d := cmp.Diff([]string{"/dev/null", c.lastWordsPath(), "socket"}, slices.Compact(held)); d != "" {
		t.Errorf("descriptors of PID 1 (-want +got):\n%s", d)
	}
}

// mountTables counts the threads of this process by mount namespace.
func mountTables(t *testing.T) map[string]int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	count := map[string]int{}
	for _, task := range tasks {
		if ns, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/mnt"); err == nil { // else it has gone
			count[ns]++
		}
	}
	return count
}

func TestContainersAreApart(t *testing.T) {
	b := newBox(t)
	alice, bob := b.start(b.spec("alice", 0)), b.start(b.spec("bob", 1))
	if r := run(t, alice, "", "/probe", "write", "/tmp/secret"); r.status != 0 {
		t.Fatal(r)
	}
	a, z := probe[seen](t, alice, "", "short"), probe[seen](t, bob, "", "short")
	for kind := range a.Namespaces {
		if a.Namespaces[kind] == z.Namespaces[kind] {
			t.Errorf("both are in %s", a.Namespaces[kind])
		}
	}
	if a.Hostname != "alice" || z.Hostname != "bob" {
		t.Errorf("host names %q and %q", a.Hostname, z.Hostname)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "alice/upper/tmp/secret")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "bob/upper/tmp/secret")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("alice's file at bob's: %v", err)
	}
}
