//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNeighbour drives a site to its limits of cpu, memory, tasks, disk, log, open files and connections at once, by programs
// inside, and asks its neighbour for pages all the while: every request is answered; ssh and the database work.
func TestNeighbour(t *testing.T) {
	h := newHouse(t)
	n := h.newNeighbours(t)
	n.startAttacker(t)
	before, err := h.refusals(attacker)
	if err != nil {
		t.Fatal(err)
	}

	ctx, leave := context.WithCancel(t.Context())
	var visited [2]*visits
	var visitors sync.WaitGroup
	visitors.Go(func() { visited[0] = h.visit(ctx, 3, neighbour, "/page.php", "rows: 100") })
	visitors.Go(func() { visited[1] = h.visit(ctx, 3, neighbour, "/page.html", "a page") })
	defer visitors.Wait()
	defer leave()

	a := h.assail(t, attacker, h.parts(n.gateway))
	t.Log(a.reached())
	n.useNeighbour(t)
	// From here on all is at its edge at once: the visitors are to have asked some times more.
	since := time.Now()
	pause(ctx, time.Until(since.Add(5*time.Second)))
	after, err := h.refusals(attacker)
	if err != nil {
		t.Fatal(err)
	}
	n.useNeighbour(t)
	leave()
	visitors.Wait()

	for limit, count := range after {
		t.Logf("held back at %s: %d times", limit, count-before[limit])
		if count <= before[limit] {
			t.Errorf("the kernel has not held %s back at its limit of %s", attacker, limit)
		}
	}
	if len(after) != 3 {
		t.Errorf("the kernel counts refusals of %v, want cpu, memory and pids", after)
	}
	for _, v := range visited {
		t.Logf("%d answered, p50 %v, p99 %v", len(v.took), v.percentile(0.5), v.percentile(0.99))
		if len(v.failed) > 0 || len(v.took) == 0 {
			t.Errorf("%d requests to the neighbour were answered, %d were not: %.5q", len(v.took), len(v.failed), v.failed)
		}
	}
}

const attacker, neighbour = "attacker", "neighbour"

// neighbours are the two sites.
type neighbours struct {
	house   *house
	gateway string
	key     string
	port    string
}

// newNeighbours creates them, the neighbour with two pages: of a file, and of PHP that asks the database.
func (h *house) newNeighbours(t testing.TB) *neighbours {
	t.Helper()
	n := &neighbours{house: h, key: h.path("neighbour-key")}
	listenOn(t, h.visitor.Name, ":5000")
	if out, err := exec.Command("sh", "-c", "rm -f '"+n.key+"'; ssh-keygen -q -t ed25519 -N '' -f '"+n.key+"'").CombinedOutput(); err != nil {
		t.Fatalf("make key: %v: %s", err, out)
	}
	t.Cleanup(func() { h.destroyAll(t) })
	h.logis(t, "create", attacker, "--disk", "600MiB", "--no-start")
	h.logis(t, "create", neighbour, "--ssh-key", n.key+".pub")
	h.logis(t, "exec", neighbour, "--user", neighbour, "--", "sh", "-ec", `
		echo '<p>a page</p>' >~/www/page.html
		cat >~/www/page.php <<'PHP'
<?php
$db = new mysqli(null, 'neighbour', null, 'neighbour');
echo 'rows: ', count($db->query('select * from t order by v')->fetch_all());
PHP
		mariadb neighbour -e 'create table t (v int); insert into t select seq from seq_1_to_100'
	`)
	var shown struct {
		SSH struct{ Port json.Number }
	}
	if err := json.Unmarshal([]byte(h.logis(t, "show", neighbour, "--format", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	n.port = shown.SSH.Port.String()
	n.gateway = "10.183.0.1"
	return n
}

// startAttacker starts a site that has made what room it could.
func (n *neighbours) startAttacker(t testing.TB) {
	t.Helper()
	n.house.logis(t, "start", attacker)
	n.house.logis(t, "exec", attacker, "--", "sh", "-c", "rm -f /home/siege*")
}

// useNeighbour logs in to the neighbour from another machine, and writes to its database.
func (n *neighbours) useNeighbour(t testing.TB) {
	t.Helper()
	line := n.house.visitor.Wrap(n.house.path("bin/ssh"), "-i", n.key, "-p", n.port, "neighbour@"+n.house.visitor.Host4,
		"mariadb -BNe 'create or replace table u (v int); insert into u values (42); select v from u' neighbour")
	out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "42" {
		t.Errorf("the neighbour's owner logs in and asks the database: %v: %s", err, out)
	}
}
