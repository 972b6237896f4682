//go:build vm

package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// processes are the main processes of the daemons, and PID 1 of every site with its start time: the same pid with the
// same time is the same process.
type processes struct {
	logisd, proxy string
	sites         map[string]string
}

func (h *house) processes(t *testing.T) processes {
	t.Helper()
	p := processes{
		logisd: h.property(t, "logis.service", "MainPID"), proxy: h.property(t, "logis-proxy.service", "MainPID"),
		sites: map[string]string{},
	}
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		pid := sites[name].PID
		p.sites[name] = fmt.Sprintf("pid %d since tick %s", pid, h.m.run(t, fmt.Sprintf("cut -d ' ' -f 22 /proc/%d/stat", pid)))
	}
	return p
}

// restarts are everything that ends logisd or logis-proxy and must not be felt: by no site, by no visitor, and by nobody who is logged
// into a site.
func restarts(t *testing.T, h *house) {
	for _, r := range []struct {
		name, script string
		logisd       bool // it is another process afterwards
		proxy        bool
	}{
		{"upgrade", "DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=120 --yes --no-install-recommends /root/next.deb && dpkg-query --show logis", true, true},
		{"restart logis", "systemctl restart logis.service", true, false},
		{"kill -9 logisd", "kill -9 $(systemctl show --value --property MainPID logis.service)", true, false},
		{"reload logis-proxy", "systemctl reload logis-proxy.service", false, true},
		{"restart logis-proxy", "systemctl restart logis-proxy.service", false, true}, // a process that systemd has not started
	} {
		t.Run(r.name, func(t *testing.T) {
			before := h.processes(t)
			session := h.openSession(t)
			visitors := h.visit(t)

			h.timed(t, r.script)
			var after processes
			err := poll(runPatience, func() error {
				if _, err := h.sites(); err != nil {
					return err // systemd waits a second before it starts logisd again
				}
				after = h.processes(t)
				if (r.logisd && after.logisd == before.logisd) || (r.proxy && after.proxy == before.proxy) {
					return errors.New("a daemon is still the old process")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			visitors.leave(t)
			session.use(t)
			if ends := h.m.run(t, "journalctl --boot --unit logis-proxy.service | grep 'Failed with result' || true"); ends != "" {
				t.Errorf("logis-proxy was not let end in peace:\n%s", ends)
			}
			if diff := cmp.Diff(before.sites, after.sites); diff != "" {
				t.Errorf("sites were restarted (-before +after):\n%s", diff)
			}
			if !r.logisd && after.logisd != before.logisd || !r.proxy && after.proxy != before.proxy {
				t.Errorf("a daemon was restarted that should not be: %v, then %v", before, after)
			}
			say(t, "logisd %s → %s, logis-proxy %s → %s, sites %v", before.logisd, after.logisd, before.proxy, after.proxy, after.sites)
		})
	}
	h.checkServed(t)
}

// upload puts the next version of the package into the machine.
func (h *house) upload(t *testing.T, deb string) {
	t.Helper()
	content, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.m.try(string(content), "cat >/root/next.deb"); err != nil {
		t.Fatal(err)
	}
}

// session is somebody who is logged into a site, and whose connection must stay.
type session struct {
	process *process
	in      io.Writer
	out     *bufio.Reader
}

func (h *house) openSession(t *testing.T) *session {
	t.Helper()
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.owner(context.Background(), sites["alice"], "cat")
	in, write := io.Pipe()
	read, out := io.Pipe()
	cmd.Stdin, cmd.Stdout = in, out
	s := &session{in: write, out: bufio.NewReader(read)}
	if s.process, err = start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		write.Close()
		read.Close()
		s.process.kill()
	})
	go func() { // a use of what has ended must not wait for ever
		<-s.process.done
		in.Close()
		out.Close()
	}()
	s.use(t)
	return s
}

// use says something in the session and waits to hear it.
func (s *session) use(t *testing.T) {
	t.Helper()
	if _, err := fmt.Fprintln(s.in, "still here"); err != nil {
		t.Fatalf("the ssh session into a site: %v", err)
	}
	if line, err := s.out.ReadString('\n'); err != nil || line != "still here\n" {
		t.Fatalf("the ssh session into a site: %q, %v", line, err)
	}
}

// visitors ask for the pages of all sites until they leave, each time over a connection of its own.
type visitors struct {
	gone   chan struct{}
	all    sync.WaitGroup
	served atomic.Int64

	mu       sync.Mutex
	failures []string
}

func (h *house) visit(t *testing.T) *visitors {
	t.Helper()
	v := &visitors{gone: make(chan struct{})}
	port, pages := h.m.ports[80], h.pages
	for _, name := range names {
		v.all.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			pace := time.NewTicker(300 * time.Millisecond) // or an emulated machine has time for nothing else
			defer pace.Stop()
			for {
				select {
				case <-v.gone:
					return
				case <-pace.C:
				}
				if got, err := get(client, port, name+".localhost"); err != nil || got != pages[name] {
					v.mu.Lock()
					v.failures = append(v.failures, fmt.Sprintf("%s: %q, %v", name, got, err))
					v.mu.Unlock()
				} else {
					v.served.Add(1)
				}
			}
		})
	}
	t.Cleanup(func() { v.leaveAll() })
	v.await(t)
	return v
}

// await waits until each could have been served since.
func (v *visitors) await(t *testing.T) {
	t.Helper()
	from := v.served.Load()
	if err := poll(5*time.Minute, func() error {
		if v.served.Load() < from+int64(2*len(names)) {
			return errors.New("visitors are not served")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func (v *visitors) leaveAll() {
	select {
	case <-v.gone:
	default:
		close(v.gone)
	}
	v.all.Wait()
}

// leave lets them go after a few more requests; none may have failed.
func (v *visitors) leave(t *testing.T) {
	t.Helper()
	v.await(t)
	v.leaveAll()
	if len(v.failures) > 0 {
		t.Errorf("%d requests failed, %d were served; the first: %s", len(v.failures), v.served.Load(), v.failures[0])
	}
	say(t, "%d requests were served meanwhile, %d failed", v.served.Load(), len(v.failures))
}
