package server

import (
	"net/netip"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

// siteOf writes a status as the contract's JSON: lists are never null, times are UTC.
func siteOf(st site.Status) api.Site {
	r := st.Record
	out := api.Site{
		Name: r.Name(), State: string(st.State), Desired: string(r.Desired), Image: r.Spec.Image,
		SSH:  api.SSH{Host: st.SSHHost, Port: int(r.SSHPort), User: r.Name()},
		URLs: list(st.URLs), Domains: list(st.Domains),
		Limits: limitsOf(r.Spec.Limits), Priority: r.Spec.Priority,
		Usage:    usageOf(st.Usage),
		Services: make([]api.Service, 0, len(st.Services)),
		PID:      st.PID, IDBase: r.IDBase,
		CreatedAt: r.CreatedAt.UTC(), Error: st.Error, Warnings: st.Warnings,
	}
	out.Address4, out.Address6 = addressOf(r.Address4), addressOf(r.Address6)
	if f := st.Failing; f.Service != "" {
		out.Failing = &api.Failing{Service: f.Service, Log: list(f.Log)}
	}
	for _, l := range st.Links {
		out.Links = append(out.Links, api.Link{Name: l.Name, Address4: addressOf(l.Address4), Address6: addressOf(l.Address6)})
	}
	if !st.StartedAt.IsZero() {
		out.StartedAt = st.StartedAt.UTC().Truncate(time.Millisecond) // as created_at
	}
	for _, v := range st.Services {
		out.Services = append(out.Services, api.Service{
			Name: v.Name, State: v.State, Ready: v.Ready, PID: v.PID, Restarts: v.Restarts,
		})
	}
	return out
}

// addressOf writes an address; the zero one is empty.
func addressOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func limitsOf(l site.Limits) api.Limits {
	return api.Limits{
		MemoryBytes: l.Memory, SwapBytes: l.Swap, DiskBytes: l.Disk, CPUs: l.CPUs, PIDs: l.PIDs,
		CPUWeight: l.CPUWeight, IOWeight: l.IOWeight, IOBandwidthBytes: l.IOBandwidth, BandwidthBytes: l.Bandwidth,
		OpenFiles: l.OpenFiles, LogBytes: l.LogSize,
	}
}

// limitsAsked are the limits of a request; what it does not name is filled in by the engine.
func limitsAsked(r api.LimitsRequest) site.Limits {
	return site.Limits{
		Memory: r.MemoryBytes, Swap: orUnset(r.SwapBytes), Disk: r.DiskBytes, CPUs: r.CPUs, PIDs: r.PIDs,
		CPUWeight: r.CPUWeight, IOWeight: r.IOWeight, IOBandwidth: orUnset(r.IOBandwidthBytes), Bandwidth: orUnset(r.BandwidthBytes),
		OpenFiles: r.OpenFiles, LogSize: r.LogBytes,
	}
}

func orUnset(n *int64) int64 {
	if n == nil {
		return site.Unset
	}
	return *n
}

func imageOf(st engine.ImageStatus) api.Image {
	return api.Image{
		Name: st.Name, Digest: st.Digest, Suite: st.Suite, SizeBytes: st.SizeBytes, Packages: st.Packages,
		BuiltAt: st.BuiltAt, UsedBy: list(st.UsedBy),
	}
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
