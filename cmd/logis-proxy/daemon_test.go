package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// nobodyUID is who the proxy runs as where these tests run as root.
const nobodyUID = 64111

// daemon is logis-proxy as a process without privileges, and all its successors.
type daemon struct {
	t       *testing.T
	dir     string
	program string
	uid     int
	log     syncBuffer
	cmd     *exec.Cmd
	ended   chan error // of cmd
}

// syncBuffer is a bytes.Buffer that processes write and a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// poll returns when done says yes, and fails the test where that is not soon. It is for what nothing announces.
func (d *daemon) poll(what string, done func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("still waiting until %s: %s", what, d.log.String())
		}
	}
}

// newDaemon builds logis-proxy and makes a place for it to run in.
func newDaemon(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), uid: os.Getuid(), ended: make(chan error, 1)}
	d.program = filepath.Join(d.dir, "logis-proxy")
	d.build()
	for _, sub := range []string{"state", "state/proxy", "run"} {
		if err := os.Mkdir(filepath.Join(d.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if d.uid == 0 {
		d.uid = nobodyUID
		if err := os.Chown(filepath.Join(d.dir, "state/proxy"), d.uid, d.uid); err != nil {
			t.Fatal(err)
		}
		for dir := d.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

// build puts a new logis-proxy in place of the one that lies on disk, as an upgrade does.
func (d *daemon) build() {
	d.t.Helper()
	build := exec.CommandContext(d.t.Context(), "go", "build", "-o", d.program+".new", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	if err := os.Rename(d.program+".new", d.program); err != nil {
		d.t.Fatal(err)
	}
}

// upgrade puts a copy of the program from in place of the one that lies on disk.
func (d *daemon) upgrade(from string) {
	d.t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(d.program+".new", data, 0o755)
	}
	if err == nil {
		err = os.Rename(d.program+".new", d.program)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) configure(config string) {
	d.t.Helper()
	text := fmt.Sprintf("state_dir = %q\nrun_dir = %q\n%s\n", d.dir+"/state", d.dir+"/run", config)
	if err := os.WriteFile(filepath.Join(d.dir, "logis.toml"), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// listen opens a socket of "127.0.0.1:0" or the like, as systemd would.
func (d *daemon) listen(address string) *net.TCPListener {
	d.t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// start starts the program with sockets passed as systemd does, under these names, and waits until it serves.
func (d *daemon) start(names string, sockets ...*net.TCPListener) {
	d.t.Helper()
	// systemd knows the process id that it puts into LISTEN_PID; here the shell does.
	d.cmd = exec.Command("sh", "-c", `export LISTEN_PID=$$; exec "$0" "$@"`, d.program, "--config", d.dir+"/logis.toml")
	d.cmd.Env = append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(sockets)), "LISTEN_FDNAMES="+names)
	for _, s := range sockets {
		f, err := s.File()
		if err != nil {
			d.t.Fatal(err)
		}
		defer f.Close()
		d.cmd.ExtraFiles = append(d.cmd.ExtraFiles, f)
	}
	r, w, err := os.Pipe() // of all successors too
	if err != nil {
		d.t.Fatal(err)
	}
	d.cmd.Stderr = w
	if os.Getuid() == 0 {
		d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(d.uid), Gid: uint32(d.uid)}}
	}
	err = d.cmd.Start()
	w.Close()
	if err != nil {
		d.t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(&d.log, r) }()
	go func() { d.ended <- d.cmd.Wait() }()
	d.t.Cleanup(func() { // the pipe ends with the last process that could write to it
		if pid := d.pid(); pid > 0 {
			syscall.Kill(pid, syscall.SIGTERM)
		}
		d.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-read:
		case <-time.After(15 * time.Second):
			d.t.Errorf("a process still runs: %s", d.log.String())
		}
	})
	d.poll("it serves", func() bool { return strings.Contains(d.log.String(), "msg=serving") })
}

// pid returns the process that serves, by its own word.
func (d *daemon) pid() int {
	data, err := os.ReadFile(filepath.Join(d.dir, "state/proxy/pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// replace asks the process that serves for a successor and returns when that serves.
func (d *daemon) replace() {
	d.t.Helper()
	old := d.pid()
	if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
		d.t.Fatal(err)
	}
	handed := `msg="handed over" successor=`
	before := strings.Count(d.log.String(), handed)
	d.poll("the successor serves", func() bool {
		return d.pid() != old && d.pid() != 0 && strings.Count(d.log.String(), handed) > before
	})
}

func (d *daemon) publish(handler http.HandlerFunc) *route.Publisher {
	d.t.Helper()
	p, err := route.NewPublisher(route.Options{
		Socket: d.dir + "/run/proxy.sock", UID: d.uid, GID: d.uid, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { p.Close() })
	site := httptest.NewServer(handler)
	d.t.Cleanup(site.Close)
	p.Replace([]route.Route{{
		Site: "alice", Domains: []string{"alice.localhost"}, State: route.Up,
		Upstream: netip.MustParseAddrPort(site.Listener.Addr().String()),
	}})
	return p
}

// visitor asks for pages as a strict client: nothing is tried twice. It counts them, and notes the first failure.
type visitor struct {
	addr  string
	keep  bool
	pages atomic.Int64
	err   error
}

func (v *visitor) visit(stop <-chan struct{}) {
	var c net.Conn
	var in *bufio.Reader
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for v.err == nil && v.pages.Load() < 5000 {
		select {
		case <-stop:
			if c != nil {
				c.Close()
			}
			return
		case <-pause.C:
		}
		if c == nil {
			if c, v.err = net.Dial("tcp", v.addr); v.err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(30 * time.Second))
			in = bufio.NewReader(c)
		}
		close := ""
		if !v.keep {
			close = "Connection: close\r\n"
		}
		if _, v.err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: alice.localhost\r\n"+close+"\r\n"); v.err != nil {
			return
		}
		var res *http.Response
		if res, v.err = http.ReadResponse(in, nil); v.err != nil {
			return
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != 200 || string(body) != "alice" {
			v.err = fmt.Errorf("status %d, %q, %w", res.StatusCode, body, err)
			return
		}
		v.pages.Add(1)
		if res.Close {
			c.Close()
			c = nil
		}
	}
}

// answers asks for a page of no site.
func (d *daemon) answers(addr string) {
	d.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		d.t.Errorf("%v: %s", err, d.log.String())
		return
	}
	res.Body.Close()
	if res.StatusCode != 404 {
		d.t.Errorf("status %d", res.StatusCode)
	}
}
