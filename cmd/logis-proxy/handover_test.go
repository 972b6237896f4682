package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/route"
)

func TestReplacements(t *testing.T) {
	d := newDaemon(t)
	finish := make(chan struct{})
	logisd := d.publish(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/download" {
			io.WriteString(w, "half,")
			w.(http.Flusher).Flush()
			<-finish
			io.WriteString(w, "half")
			return
		}
		io.WriteString(w, "alice")
	})
	socket := d.listen("127.0.0.1:0")
	addr := socket.Addr().String()
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.start("", socket)
	socket.Close() // from here on the proxies alone have it

	stop := make(chan struct{})
	var visitors []*visitor
	var running sync.WaitGroup
	for i := range 8 {
		v := &visitor{addr: addr, keep: i%2 == 0}
		visitors = append(visitors, v)
		running.Go(func() { v.visit(stop) })
	}
	download, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/download", nil)
	if err != nil {
		t.Fatal(err)
	}
	download.Host = "alice.localhost"
	res, err := http.DefaultTransport.RoundTrip(download)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()

	copied := filepath.Join(d.dir, "release")
	data, err := os.ReadFile(d.program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data, 0o755); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{d.pid(): true}
	for range 5 {
		var before []int64
		for _, v := range visitors {
			before = append(before, v.pages.Load())
		}
		d.upgrade(copied)
		d.replace()
		for i, v := range visitors {
			d.poll("every visitor has had pages", func() bool { return v.pages.Load() >= before[i]+5 || v.pages.Load() == 5000 })
		}
		seen[d.pid()] = true
	}
	close(finish)
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "half,half" {
		t.Errorf("the download that ran all the time: %q, %v", body, err)
	}
	close(stop)
	running.Wait()
	pages := int64(0)
	for i, v := range visitors {
		if v.err != nil {
			t.Errorf("visitor %d, after %d pages: %v", i, v.pages.Load(), v.err)
		}
		pages += v.pages.Load()
	}
	// Each of the six counted some of them, the first the download too, which outlived it; and all go on with one count.
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() // that of the download, for which the first would wait
	var counts route.Counts
	d.poll("all are counted", func() bool {
		counts, err = logisd.Counts(t.Context())
		return err == nil && counts.Sites["alice"].Total() >= pages+1
	})
	if got := counts.Sites["alice"]; got.Total() != pages+1 || got.Classes[1] != pages+1 {
		t.Errorf("%d requests counted of %d: %v", got.Total(), pages+1, got.Classes)
	}
	if len(seen) != 6 {
		t.Errorf("processes %v", seen)
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", d.pid()))
	if os.Getuid() == 0 && (err != nil || exe != d.program) {
		t.Errorf("the last one runs %s, %v", exe, err)
	}
	t.Logf("%d pages over %d processes", pages, len(seen))
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if log := d.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Error(log)
	}
}

func TestBadSuccessor(t *testing.T) {
	d := newDaemon(t)
	socket := d.listen("127.0.0.1:0")
	addr := socket.Addr().String()
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.start("http", socket)
	socket.Close()
	good := d.program + ".good"
	if err := os.Rename(d.program, good); err != nil {
		t.Fatal(err)
	}
	first := d.pid()
	said := `level=ERROR msg="the successor did not take over: this process goes on serving" err=`
	attempts := 0
	for name, prepare := range map[string]func(){
		"program":       func() { d.probe("exit") },
		"no program":    func() { os.Remove(d.program) },
		"configuration": func() { d.upgrade(good); d.configure("colour = 1") },
	} {
		prepare()
		attempts++
		if err := syscall.Kill(first, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		d.poll(name+" is refused", func() bool { return strings.Count(d.log.String(), said) == attempts })
		d.answers(addr)
		if d.pid() != first {
			t.Errorf("%s: pid %d, want %d", name, d.pid(), first)
		}
	}
	if !strings.Contains(d.log.String(), said+`"it ended without serving (exit status 7)"`+"\n") {
		t.Error(d.log.String())
	}
	d.upgrade(good)
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.replace()
	d.answers(addr)
	if err := <-d.ended; err != nil {
		t.Errorf("the first ended with %v", err)
	}
}

// A stop that comes while a successor starts is a stop of both.
func TestStopDuringHandOver(t *testing.T) {
	d := newDaemon(t)
	socket := d.listen("127.0.0.1:0")
	addr := socket.Addr().String()
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.start("http", socket)
	socket.Close()
	d.probe("sleep")
	first := d.pid()
	syscall.Kill(first, syscall.SIGUSR2)
	d.poll("the successor starts", func() bool { return strings.Contains(d.log.String(), "starts\n") })
	d.answers(addr)
	syscall.Kill(first, syscall.SIGTERM)
	if err := <-d.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("somebody still listens")
	}
	if d.pid() != 0 {
		t.Errorf("pid %d is left", d.pid())
	}
}

// A predecessor that has handed over and then is told to stop still finishes what runs.
func TestStopAfterHandOver(t *testing.T) {
	d := newDaemon(t)
	socket := d.listen("127.0.0.1:0")
	addr := socket.Addr().String()
	finish := make(chan struct{})
	d.publish(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-finish
		io.WriteString(w, "all")
	})
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.start("http", socket)
	socket.Close()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: alice.localhost\r\nConnection: close\r\n\r\n")
	in := bufio.NewReader(c)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.replace()
	d.cmd.Process.Signal(syscall.SIGTERM)
	d.answers(addr)
	close(finish)
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "all" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := <-d.ended; err != nil {
		t.Error(err)
	}
	d.answers(addr)
}

func TestSocketActivation(t *testing.T) {
	d := newDaemon(t)
	notified, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: d.dir + "/notify", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notified.Close()
	os.Chmod(d.dir+"/notify", 0o666)
	t.Setenv("NOTIFY_SOCKET", d.dir+"/notify")
	hear := func() string {
		t.Helper()
		buf := make([]byte, 4096)
		notified.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := notified.Read(buf)
		if err != nil {
			t.Fatalf("%v: %s", err, d.log.String())
		}
		return string(buf[:n])
	}

	named, configured, other := d.listen("127.0.0.1:0"), d.listen("127.0.0.1:0"), d.listen("127.0.0.1:0")
	unconfigured := other.Addr().String()
	free := d.listen("127.0.0.1:0")
	opened := free.Addr().String()
	free.Close()
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q, %q, \"127.0.0.1:7\"]", configured.Addr(), opened))
	d.start("http:web:https", named, configured, other)
	if got := hear(); got != "READY=1" {
		t.Errorf("systemd hears %q", got)
	}
	for _, l := range []*net.TCPListener{named, configured, other} {
		l.Close()
	}
	served := []string{named.Addr().String(), configured.Addr().String(), opened}
	check := func() {
		t.Helper()
		for _, addr := range served {
			d.answers(addr)
		}
		if c, err := net.Dial("tcp", unconfigured); err == nil {
			c.Close()
			t.Error("the socket that is not configured is still open")
		}
	}
	check()
	warning := `msg="closed a passed socket that the configuration does not name" name=https address=` + unconfigured
	if !strings.Contains(d.log.String(), warning) {
		t.Errorf("no %s in %s", warning, d.log.String())
	}
	if os.Getuid() == 0 && !strings.Contains(d.log.String(), "cannot listen on 127.0.0.1:7: permission denied") {
		t.Error(d.log.String())
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{fmt.Sprintf("Uid:\t%d\t", d.uid), "CapPrm:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), line) {
			t.Errorf("no %q in %s", line, status)
		}
	}

	// A successor has what its predecessor had, but a socket of its predecessor's own only while it is configured.
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", configured.Addr()))
	d.replace()
	if got := hear(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("systemd hears %q", got)
	}
	if got, want := hear(), fmt.Sprintf("MAINPID=%d\nREADY=1", d.pid()); got != want {
		t.Errorf("systemd hears %q, want %q", got, want)
	}
	if err := <-d.ended; err != nil {
		t.Error(err)
	}
	notified.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // what it said, it said before it ended
	if n, err := notified.Read(make([]byte, 100)); err == nil {
		t.Errorf("systemd hears %d bytes of a process that is no longer the main one", n)
	}
	unconfigured, served = opened, served[:2]
	check()
	syscall.Kill(d.pid(), syscall.SIGTERM)
	if got := hear(); got != "STOPPING=1" {
		t.Errorf("systemd hears %q", got)
	}
}
