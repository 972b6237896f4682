package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

// maxText bounds a text that tells the owner where things are, in bytes.
const maxText = 16 << 10

// facts is what the host last said of the site.
type facts struct {
	mu    sync.Mutex
	known bool
	now   control.Facts
}

// learn takes facts and writes them down for the site.
func (g *guest) learn(f control.Facts) control.Facts {
	g.facts.mu.Lock()
	defer g.facts.mu.Unlock()
	g.facts.known, g.facts.now = true, f
	if err := g.writeReadme(); err != nil {
		g.complain(fmt.Sprintf("the README of the owner is not up to date: %v", err))
	}
	return control.Facts{}
}

// writeReadme fills in the text README and puts it where the owner's ~/README points to. g.facts.mu is held.
func (g *guest) writeReadme() error {
	text, err := readRegular(filepath.Join(g.opts.Texts, "README"), maxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an image without
	}
	if err != nil {
		return err
	}
	path := filepath.Join(g.opts.Run, "README")
	fresh := path + ".new"
	_ = os.Remove(fresh)
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(fill(string(text), g.values()))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// text fills in one of the texts, as it is at this moment.
func (g *guest) text(name string) (string, error) {
	text, err := readRegular(filepath.Join(g.opts.Texts, name), maxText)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", filepath.Join(g.opts.Texts, name), err)
	}
	g.facts.mu.Lock()
	defer g.facts.mu.Unlock()
	return fill(string(text), g.values()), nil
}

// values are what the variables of a text stand for. What is not known has none. g.facts.mu is held.
func (g *guest) values() map[string][]string {
	v := map[string][]string{"owner": {g.opts.Site}}
	f := g.facts.now
	if !g.facts.known {
		return v
	}
	set := func(name, value string) { v[name] = []string{oneLine(value)} }
	for _, url := range f.URLs {
		v["url"] = append(v["url"], oneLine(url))
	}
	if f.SSHPort != 0 {
		set("ssh_host", f.SSHHost)
		set("ssh_port", strconv.Itoa(int(f.SSHPort)))
	}
	if f.Disk > 0 {
		set("disk", size(f.Disk))
		set("disk_in_use", share(f.DiskInUse, f.Disk))
	}
	if f.Memory > 0 {
		set("memory", size(f.Memory))
		if used, ok := memoryInUse("/proc/meminfo", f.Memory); ok {
			set("memory_in_use", share(used, f.Memory))
		}
	}
	return v
}

// share writes "312 MiB of 2 GiB used (15 %)".
func share(used, limit int64) string {
	return fmt.Sprintf("%s of %s used (%d %%)", size(used), size(limit), (used*100+limit/2)/limit)
}

// size writes bytes as people read them: "2 GiB", "1.5 MiB".
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	digits := 0
	if value < 10 && value != float64(int64(value)) {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + unit
}

// memoryInUse reads proc_meminfo(5): what is not available, in bytes. ok is false where the file tells of the host instead
// of the site, because there is no lxcfs.
func memoryInUse(path string, limit int64) (used int64, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	var total, available int64
	for line := range strings.Lines(string(text)) {
		var to *int64
		switch key, _, _ := strings.Cut(line, ":"); key {
		case "MemTotal":
			to = &total
		case "MemAvailable":
			to = &available
		default:
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			return 0, false
		}
		n, err := strconv.ParseInt(fields[1], 10, 53)
		if err != nil {
			return 0, false
		}
		*to = n << 10
	}
	return total - available, total > 0 && total <= limit && available <= total
}

// fill puts values in the place of ${name}. A line with several values of one is there once for each, a line with one
// that has none is left out.
func fill(text string, values map[string][]string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		_, rest, found := strings.Cut(line, "${")
		name, _, closed := strings.Cut(rest, "}")
		if !found || !closed {
			b.WriteString(line)
			continue
		}
		for i := range max(1, len(values[name])) {
			one, ok := fillLine(line, values, i)
			if ok {
				b.WriteString(one)
			}
		}
	}
	return b.String()
}

// fillLine fills in one line, with the i-th value of what has several; ok is false when one has none.
func fillLine(line string, values map[string][]string, i int) (filled string, ok bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(line, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			b.WriteString(line)
			return b.String(), true
		}
		list := values[name]
		if len(list) == 0 {
			return "", false
		}
		b.WriteString(before)
		b.WriteString(list[min(i, len(list)-1)])
		line = after
	}
}
