//go:build root

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The user of these tests, in an /etc/passwd that only the process under test sees.
const testUID, testGID = 64101, 64102

// box builds logis-proxy and returns a command that runs it as root in network and mount namespaces of its own, where the
// user logis-proxy exists if withUser.
func box(t *testing.T, withUser bool, config string) (cmd *exec.Cmd, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	dir = t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) { // the proxy's user must get through
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "logis-proxy"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	passwd := "root:x:0:0:root:/root:/bin/sh\n"
	if withUser {
		passwd += fmt.Sprintf("logis-proxy:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", testUID, testGID)
	}
	write(t, filepath.Join(dir, "passwd"), passwd)
	write(t, filepath.Join(dir, "logis.toml"),
		fmt.Sprintf("state_dir = %q\nrun_dir = %q\n%s\n", dir+"/state", dir+"/run", config))
	script := `mount --bind "$1/passwd" /etc/passwd && ip link set lo up && exec "$1/logis-proxy" --config "$1/logis.toml"`
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends one that hangs
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, "sh", "-ec", script, "sh", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	return cmd, dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// status returns the fields of /proc/PID/status of one thread.
func status(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields
}

// A port that is taken is said to be, by whom, and what to do.
func TestTakenPort(t *testing.T) {
	cmd, dir := box(t, true, "")
	// perl is in every Debian. The program is started once the other listens, and ends with the box.
	holder := `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalPort => 80) or die; print "$$\n"; close STDOUT; sleep 60' >"$1/pid" & ` +
		`until [ -s "$1/pid" ]; do kill -0 $!; done; `
	cmd.Args[2] = strings.Replace(cmd.Args[2], `exec "$1/logis-proxy"`, `{ `+holder+`}; status=0; "$1/logis-proxy"`, 1) +
		` || status=$?; kill $!; exit $status`
	cmd.WaitDelay = time.Second // should it serve after all, it has stderr
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	pid, readErr := os.ReadFile(filepath.Join(dir, "pid"))
	if readErr != nil {
		t.Fatalf("%v: %s", readErr, stderr.String())
	}
	holds := regexp.MustCompile(`^logis-proxy: cannot listen on :80: perl[0-9.]* \(pid ` + strings.TrimSpace(string(pid)) +
		`\) has this port: (kill [0-9]+|systemctl disable --now \S+); or change proxy\.http in the configuration\n$`)
	if cmd.ProcessState.ExitCode() != 1 || !holds.MatchString(stderr.String()) {
		t.Errorf("%v: %q, want %s", err, stderr.String(), holds)
	}
}

func TestDropsPrivileges(t *testing.T) {
	cmd, dir := box(t, true, "")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logs := bufio.NewReader(stderr)
	for line, said := "", ""; !strings.Contains(line, "msg=serving"); said += line {
		if line, err = logs.ReadString('\n'); err != nil {
			t.Fatalf("does not serve: %v: %s%s", err, said, line)
		}
	}

	pid := cmd.Process.Pid
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("threads %q, %v", tasks, err)
	}
	for _, task := range tasks {
		got := status(t, task)
		for name, want := range map[string]string{
			"Uid":        fmt.Sprintf("%d %[1]d %[1]d %[1]d", testUID),
			"Gid":        fmt.Sprintf("%d %[1]d %[1]d %[1]d", testGID),
			"Groups":     "",
			"CapInh":     "0000000000000000",
			"CapPrm":     "0000000000000000",
			"CapEff":     "0000000000000000",
			"CapAmb":     "0000000000000000",
			"NoNewPrivs": "1",
		} {
			if got[name] != want {
				t.Errorf("%s: %s is %q, want %q", task, name, got[name], want)
			}
		}
	}
	var stat syscall.Stat_t
	if err := syscall.Stat(fmt.Sprintf("/proc/%d/mem", pid), &stat); err != nil || stat.Uid != 0 {
		t.Errorf("its memory belongs to %d, %v: it is dumpable", stat.Uid, err) // proc(5): root's unless dumpable
	}

	listening, err := exec.CommandContext(t.Context(), "nsenter", "-t", fmt.Sprint(pid), "-n", "ss", "-Hltn").Output()
	if err != nil || !strings.Contains(string(listening), "*:80 ") {
		t.Errorf("sockets %q, %v: want port 80 of both families", listening, err)
	}
	for _, url := range []string{"http://127.0.0.1/", "http://[::1]/"} {
		out, err := exec.CommandContext(t.Context(), "nsenter", "-t", fmt.Sprint(pid), "-n",
			"curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url).Output()
		if err != nil || string(out) != "404" {
			t.Errorf("%s: %q, %v", url, out, err)
		}
	}

	for path, want := range map[string]struct {
		mode os.FileMode
		uid  uint32
	}{"state": {0o711, 0}, "state/proxy": {0o700, testUID}} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if sys := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != want.mode || sys.Uid != want.uid {
			t.Errorf("%s: mode %v, user %d", path, info.Mode(), sys.Uid)
		}
	}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(logs)
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("on SIGTERM: %v: %s", err, said)
	}
	if !strings.Contains(string(said), `"GET / HTTP/1.1" 404 `) {
		t.Errorf("no access log: %s", said)
	}
}

// A proxy that was started as root is replaced without root: the sockets are handed on, and the program is found from the
// working directory, though the directories above are closed to the proxy's user.
func TestHandOverOfRoot(t *testing.T) {
	cmd, dir := box(t, true, "")
	bin := filepath.Join(dir, "closed", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "logis-proxy"), filepath.Join(bin, "logis-proxy")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(bin), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd.Args[2] = `mount --bind "$1/passwd" /etc/passwd && ip link set lo up && cd "$1/closed/bin" && exec ./logis-proxy --config "$1/logis.toml"`
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := func() int {
		data, _ := os.ReadFile(filepath.Join(dir, "state/proxy/pid"))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
		return pid
	}
	await := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) { //nolint:forbidigo // announced by nothing
			if time.Now().After(deadline) {
				said, _ := os.ReadFile(log.Name())
				t.Fatalf("still waiting until %s: %s", what, said)
			}
		}
	}
	await("it serves", func() bool { return serving() == cmd.Process.Pid })
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	await("the successor serves", func() bool { return serving() != cmd.Process.Pid })
	if err := cmd.Wait(); err != nil {
		t.Errorf("the first: %v", err)
	}
	pid := serving()
	successor, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		successor.Signal(syscall.SIGTERM)
		await("it has ended", func() bool { return serving() == 0 })
	}()
	got := status(t, fmt.Sprintf("/proc/%d/status", pid))
	if want := fmt.Sprintf("%d %[1]d %[1]d %[1]d", testUID); got["Uid"] != want || got["CapPrm"] != "0000000000000000" {
		t.Errorf("the successor is user %q with capabilities %q", got["Uid"], got["CapPrm"])
	}
	out, err := exec.CommandContext(t.Context(), "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", pid),
		"curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1/").Output()
	if err != nil || string(out) != "404" {
		t.Errorf("port 80 of the successor: %q, %v", out, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		withUser     bool
		config, want string
	}{
		"no user": {false, "", `logis-proxy: user "logis-proxy" does not exist: create it with: useradd --system ` +
			"--no-create-home --shell /usr/sbin/nologin --user-group logis-proxy\n"},
		"taken port": {true, "[proxy]\nhttp = [\"127.0.0.1:80\", \":80\"]", "logis-proxy: cannot listen on :80: another address " +
			"of the configuration has this port already: leave one of them out of proxy.http\n"},
		"unknown key": {true, "instanc = 1", "logis.toml:3: instanc: unknown key: did you mean instance?\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, _ := box(t, test.withUser, test.config)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			err := cmd.Run()
			if cmd.ProcessState.ExitCode() != 1 || !strings.HasSuffix(stderr.String(), test.want) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("%v: %q, want %q", err, stderr.String(), test.want)
			}
		})
	}
}
