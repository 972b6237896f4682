//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/siege"
)

// assault is a site that is driven to its limits from inside.
type assault struct {
	house *house
	site  string
	cmd   *exec.Cmd
	end   io.Closer // its standard input: the program ends with it

	mu    sync.Mutex
	edges map[string]string // what each part said when it had come to its edge
}

// parts are all that is done at once. What the sites may have in all is more than they are given.
func (h *house) parts(gateway string) []string {
	return []string{
		"disk=/home", "read=/home/siege", "memory=" + strconv.Itoa(4<<30), "log=" + strconv.Itoa(64<<20),
		"hold=" + gateway + ":80:1000", "hold=" + h.visitor.Address4 + ":5000:3000", "hold=[" + h.visitor.Address6 + "]:5000:3000",
		"open=" + h.visitor.Address4 + ":5000:200", "udp=" + h.visitor.Address4 + ":100", "files=1000000",
		"cpu=8", "pids=100000",
	}
}

// assail starts the program in a site and waits until every part is at its edge.
func (h *house) assail(t testing.TB, site string, parts []string) *assault {
	t.Helper()
	a := &assault{house: h, site: site, edges: map[string]string{}}
	a.cmd = h.command(append([]string{"exec", site, "--"}, siege.Command(parts...)...)...)
	in, err := a.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	a.end = in
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.stop() })
	go func() { // ends with the program's output
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if part, words, ok := siege.Edge(lines.Text()); ok {
				a.mu.Lock()
				a.edges[part] = words
				a.mu.Unlock()
			}
		}
	}()
	// All parts share the processor time that the site may have: on a slow machine some are long in coming to their limit.
	err = pollWithin(4*patience, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, p := range parts {
			if a.edges[p] == "" {
				return fmt.Errorf("%s is not at its edge; at theirs are %q", p, a.edges)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reached is what each part said, in one line.
func (a *assault) reached() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, part := range slices.Sorted(maps.Keys(a.edges)) {
		all = append(all, part+": "+a.edges[part])
	}
	return strings.Join(all, "; ")
}

// stop ends the program, by the end of its site if need be.
func (a *assault) stop() {
	if a.cmd.ProcessState != nil {
		return
	}
	_ = a.end.Close()
	_ = a.house.try("stop", a.site)
	_ = a.cmd.Wait()
}

// refusals counts how often the kernel has held a site's processes back at a limit: cpu, memory, pids.
func (h *house) refusals(site string) (map[string]int, error) {
	dirs, err := h.groups(site)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, dir := range dirs {
		for _, c := range []struct{ limit, file, key string }{
			{"cpu", "cpu.stat", "nr_throttled"},
			{"pids", "pids.events", "max"},
			{"memory", "memory.failcnt", ""},
			{"memory", "memory.events", "max"},
		} {
			data, err := os.ReadFile(filepath.Join(dir, c.file))
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(data)) {
				f := strings.Fields(line)
				if len(f) == 0 || c.key != "" && f[0] != c.key {
					continue
				}
				if n, err := strconv.Atoi(f[len(f)-1]); err == nil {
					counts[c.limit] = n
				}
			}
		}
	}
	return counts, nil
}

// listenOn answers nothing on a port of another machine, and holds what comes, until the test ends.
func listenOn(t testing.TB, machine, addr string) {
	t.Helper()
	var l net.Listener
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine, and its network namespace with it
		ns, err := os.Open("/run/netns/" + machine)
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			l, err = net.Listen("tcp", addr)
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(io.Discard, c) // until the site's end, or that of the box
				c.Close()
			}()
		}
	}()
}
