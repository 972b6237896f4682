package guest

import (
	"context"
	"slices"
	"syscall"
	"time"
)

// stop ends everything in order: first what init scripts started, then what is no service's, then the services from the highest stop_order to the lowest.
func (g *guest) stop(ctx context.Context) {
	services := g.roster.close()
	g.stopInitScripts(ctx)
	g.stopSessions(ctx)
	orders := map[int][]*service{}
	for _, s := range services {
		order := s.current().StopOrder
		orders[order] = append(orders[order], s)
	}
	for _, order := range highestFirst(orders) {
		for _, s := range orders[order] {
			close(s.stop)
		}
		for _, s := range orders[order] {
			<-s.done
		}
	}
}

func highestFirst(orders map[int][]*service) []int {
	var list []int
	for order := range orders {
		list = append(list, order)
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// stopSessions ends the owner's own processes while the services still run, so that an editor can save and a query can
// end: every process whose session is not that of a service. SIGHUP goes along because an interactive shell ignores
// SIGTERM.
func (g *guest) stopSessions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sessionGrace)
	defer cancel()
	told := map[int]bool{}
	if poll(ctx, 10*time.Millisecond, func() bool {
		others := g.others()
		for _, pid := range others {
			if !told[pid] {
				told[pid] = true
				for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGCONT} {
					_ = syscall.Kill(pid, sig)
				}
			}
		}
		return len(others) == 0
	}) {
		return
	}
	for _, pid := range g.others() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// others lists the processes that are in no service's session.
func (g *guest) others() []int {
	own := map[int]bool{}
	status, _ := g.board.snapshot()
	for _, s := range status.Services {
		own[s.PID] = s.PID != 0
	}
	var pids []int
	for _, p := range processes() {
		if !own[p.session] {
			pids = append(pids, p.pid)
		}
	}
	return pids
}
