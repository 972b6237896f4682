package main

import (
	"fmt"
	"os"
	"strings"
)

// traces are what runs on the box and which links it has, before there is a site.
type traces struct {
	processes map[int]bool
	links     map[string]bool
}

func lookAround() traces {
	return traces{processes(), links()}
}

// left names a process or a link that was not there then; "" is none.
func (t traces) left() string {
	for pid := range processes() {
		if !t.processes[pid] {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			return fmt.Sprintf("process %d, %s", pid, strings.TrimSpace(string(comm)))
		}
	}
	for link := range links() {
		if !t.links[link] {
			return "link " + link
		}
	}
	return ""
}

func links() map[string]bool {
	found := map[string]bool{}
	dirs, _ := os.ReadDir("/sys/class/net")
	for _, d := range dirs {
		found[d.Name()] = true
	}
	return found
}
