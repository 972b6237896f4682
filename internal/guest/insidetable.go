package guest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
)

// harmless makes one line of text for a terminal: what could move its cursor or change its state becomes U+FFFD. Visitors
// write into logs.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// table lists services and init scripts.
func table(services []control.Service, scripts []initScript) string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tSTATE\tREADY\tRESTARTS\tPID\tMEMORY\t")
	memory := memoryBySession(services)
	for _, s := range services {
		pid, used, ready := "-", "-", "no"
		if s.PID != 0 {
			pid, used = strconv.Itoa(s.PID), size(memory[s.PID])
		}
		if s.Ready {
			ready = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.Name, s.State, ready, s.Restarts, pid, used, harmless(s.Error))
	}
	for _, s := range scripts {
		fmt.Fprintf(w, "%s\t%s\t-\t-\t-\t-\t%s\n", s.name, s.state, harmless("init script"+because(s.reason)))
	}
	_ = w.Flush()
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// memoryBySession adds up what the processes of each service hold that is theirs alone: what they would give back.
func memoryBySession(services []control.Service) map[int]int64 {
	sum := map[int]int64{}
	for _, s := range services {
		sum[s.PID] = 0
	}
	for _, p := range processes() {
		if _, ours := sum[p.session]; ours && p.session != 0 {
			sum[p.session] += ownMemory(p.pid)
		}
	}
	return sum
}

// ownMemory reads RssAnon and RssShmem of proc_pid_status(5), in bytes; 0 for a process that has ended.
func ownMemory(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	var sum int64
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); key == "RssAnon" || key == "RssShmem" {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 53)
			if err == nil {
				sum += n << 10
			}
		}
	}
	return sum
}

// log prints one line of a log.
func (a *answer) log(l control.LogLine, named bool) error {
	var b strings.Builder
	if at, err := time.Parse(time.RFC3339Nano, l.Time); err == nil {
		b.WriteString(at.UTC().Format("2006-01-02 15:04:05Z "))
	}
	if named {
		b.WriteString(l.Service + ": ")
	}
	b.WriteString(harmless(l.Text) + "\n")
	return a.frames.Write(frame.Stdout, []byte(b.String()))
}
