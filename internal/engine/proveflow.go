package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/site"
)

// What a throw-away site is held to while its log, its network and its disk are flooded.
const (
	proofFlood       = 16 << 20 // bytes written to a log
	proofBandwidth   = 4 << 20  // bytes a second
	proofIOBandwidth = 4 << 20
	// What may pass beyond them: a bucket that was full (128 KiB) and the queue behind it, or what the disk had under way.
	proofBurst = 1 << 20
)

// discardPort is where nobody listens: RFC 863.
const discardPort = 9

// syncFile is where the subject writes to the disk.
const syncFile = "home/siege-sync"

// stores are the pressures of what is written to the disk.
func stores() []*pressure {
	logSize, rate := proofLimits().LogSize, int64(proofIOBandwidth)
	log, held, flood := "at most "+quantity.Format(logSize), "at most "+quantity.FormatRate(rate), "flood="+strconv.Itoa(proofFlood)
	return []*pressure{
		{name: "log of a service", want: log, parts: func(*proof) []string { return []string{flood} }, count: largestLog, judge: func(s *toll) string {
			top, words := max(s.first, s.last), s.edges[flood]
			return within(words == "all written" && top <= logSize && top > logSize/4, log, "%s after %s, %s", quantity.Format(top),
				quantity.Format(proofFlood), words)
		}},
		{
			name: "disk bandwidth", want: held, change: site.Change{IOBandwidth: &rate}, lacks: unbound,
			parts: func(*proof) []string { return []string{"sync=/" + syncFile} }, count: synced,
			judge: func(s *toll) string { return s.flowed(rate, 0, held) }, // however slow the disk is
		},
	}
}

// flows are the pressures of a site's network. What the host drops is a new connection each time to the kernel: after them
// few are left to open for some seconds.
func flows() []*pressure {
	rate := int64(proofBandwidth)
	held, change := "at most "+quantity.FormatRate(rate), site.Change{Bandwidth: &rate}
	lacks := func(p *proof) string { return p.live(p.subject.Record.Name()).whyUnshaped() }
	traffic := func(ctx context.Context, p *proof) (network.Traffic, error) {
		all, err := p.network.Traffic(ctx)
		return all[p.subject.Record.Index], err
	}
	judge := func(s *toll) string { return s.flowed(rate, rate/8, held) }
	return []*pressure{
		{
			name: "network bandwidth, from the site", want: held, change: change, lacks: lacks, judge: judge,
			parts: func(p *proof) []string { return []string{fmt.Sprintf("send=%s:%d", p.network.Gateway4(), discardPort)} },
			count: func(ctx context.Context, p *proof) (int64, error) { t, err := traffic(ctx, p); return t.Sent, err },
		},
		{
			name: "network bandwidth, to the site", want: held, change: change, lacks: lacks, judge: judge,
			parts: func(*proof) []string { return nil }, beside: sendToSubject,
			count: func(ctx context.Context, p *proof) (int64, error) { t, err := traffic(ctx, p); return t.Received, err },
		},
	}
}

// unbound is why the host cannot bound the I/O of the subject.
func unbound(p *proof) string {
	if c := p.live(p.subject.Record.Name()).snapshot().container; c != nil && c.BoundsIO() {
		return ""
	}
	return "this kernel does not bound I/O by cgroup"
}

// flowed judges what has passed in the time that was watched: at most rate, and more than least, without which it was no trial.
// Both are bytes a second.
func (s *toll) flowed(rate, least int64, want string) string {
	passed, during := s.last-s.first, func(rate int64) int64 { return int64(float64(rate) * s.took.Seconds()) }
	ok := len(s.edges) == len(s.parts) && passed <= during(rate)+proofBurst && passed > during(least)
	return within(ok, want, "%s in %v", quantity.Format(passed), s.took.Round(time.Millisecond))
}

// largestLog is the size of the largest log of a service of the subject's, as the host sees it.
func largestLog(_ context.Context, p *proof) (int64, error) {
	root, err := p.upper()
	if err != nil {
		return 0, err
	}
	defer root.Close()
	const dir = "var/log/logis"
	files, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return 0, err
	}
	sizes := map[string]int64{}
	most := int64(0)
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // renamed meanwhile
		}
		if err != nil {
			return 0, err
		}
		name := strings.TrimSuffix(f.Name(), ".1") // NAME.log and NAME.log.1 are one log
		sizes[name] += info.Size()
		most = max(most, sizes[name])
	}
	return most, nil
}

// synced is how much the subject has written and waited for.
func synced(_ context.Context, p *proof) (int64, error) {
	root, err := p.upper()
	if err != nil {
		return 0, err
	}
	defer root.Close()
	info, err := root.Lstat(syncFile)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// upper opens what the subject has written, as it lies on the host. It is the site's: no link leads out.
func (p *proof) upper() (*os.Root, error) {
	imageDir, dir, err := p.layersOf(p.subject.Record)
	if err != nil {
		return nil, err
	}
	return os.OpenRoot(rootLayers(imageDir, dir).Upper)
}

// sendToSubject sends large datagrams until ctx ends. The kernel lets it wait while they are queued.
func sendToSubject(ctx context.Context, p *proof) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return // that nothing came is seen
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Unix(1, 0)) })()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.subject.Record.Address4, discardPort))
	for block := make([]byte, 1400); ctx.Err() == nil; {
		_, _ = conn.WriteTo(block, to)
	}
}
