package metrics

import (
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

const siteLabel = "site"

// The families of the host and of the proxy.
var (
	buildInfo  = newFamily("logis_build_info", gauge, "Always 1; the release of logisd and the Go that built it.", "version", "goversion")
	sites      = newFamily("logis_sites", gauge, "Sites in each state.", "state")
	poolSize   = newFamily("logis_pool_size_bytes", gauge, "Size of the pool that holds images and sites.")
	poolUsed   = newFamily("logis_pool_used_bytes", gauge, "What is stored in the pool.")
	poolFree   = newFamily("logis_pool_free_bytes", gauge, "What can still be written to the pool: no more than the file system below its file has.")
	proxyUp    = newFamily("logis_proxy_up", gauge, "1 while logis-proxy is connected to logisd and has every route. Without logisd it serves on.")
	proxySince = newFamily("logis_proxy_count_start_time_seconds", gauge,
		"When the counts of requests began, since the epoch: they go on when logis-proxy is reloaded, and begin anew when it is restarted.")
	noSite = newFamily("logis_proxy_unknown_host_requests_total", counter, "Requests whose host name leads to no site.")
	reads  = newFamily("logis_read_success", gauge,
		"1 where logisd could read: the pool's space, the disks of sites, their network traffic, their requests. What could not be read is left out.", "of")
	readSeconds = newFamily("logis_read_duration_seconds", gauge, "How long logisd took to read all that this answer tells of sites.")
)

// The families of each site's services and requests. Requests are those that logis-proxy answered for the site, with pages of its own
// too where the site is stopped or does not answer.
var (
	serviceReady = newFamily("logis_site_service_ready", gauge, "1 while a service of the site's image answers.", siteLabel, "service")
	serviceUp    = newFamily("logis_site_service_running", gauge, "1 while a service of the site's image runs.", siteLabel, "service")
	serviceAgain = newFamily("logis_site_service_restarts_total", counter,
		"How often the site's PID 1 started a service again that had ended, since the site started.", siteLabel, "service")
	requests = newFamily("logis_site_http_requests_total", counter,
		"Requests for the site by class of status: 1xx are WebSockets, 4xx also visitors who left before the answer.", siteLabel, "code")
	durations = newFamily("logis_site_http_request_duration_seconds", histogram,
		"From a request's headers to the end of its answer, WebSockets left out.", siteLabel)
)

// siteFamilies are those with one number a site.
var siteFamilies = []siteFamily{
	{
		newFamily("logis_site_desired_running", gauge, "1 if the site is wanted to run.", siteLabel),
		always(func(s engine.SiteStats) float64 { return truth(s.Record.Desired == site.Running) }),
	},
	{
		newFamily("logis_site_running", gauge, "1 while the site's PID 1 runs.", siteLabel),
		always(func(s engine.SiteStats) float64 { return truth(!s.StartedAt.IsZero()) }),
	},
	{
		newFamily("logis_site_ready", gauge, "1 while every service of the site answers.", siteLabel),
		always(func(s engine.SiteStats) float64 { return truth(s.Ready) }),
	},
	{
		newFamily("logis_site_failed", gauge, "1 while the site is failed: it could not be started or stopped, ended by itself, or has a service that ends at every start.", siteLabel),
		always(func(s engine.SiteStats) float64 { return truth(s.State == site.Failed) }),
	},
	{
		newFamily("logis_site_start_time_seconds", gauge, "When the site was started, since the epoch.", siteLabel),
		running(func(s engine.SiteStats) float64 { return float64(s.StartedAt.UnixMilli()) / 1000 }),
	},
	{
		newFamily("logis_site_restarts_total", counter, "How often logisd started the site again after it ended by itself, since logisd started.", siteLabel),
		always(func(s engine.SiteStats) int64 { return s.Restarts }),
	},
	{
		newFamily("logis_site_oom_kills_total", counter, "Processes of the site that the kernel killed for want of memory, since the site started.", siteLabel),
		running(func(s engine.SiteStats) int64 { return s.Usage.OOMKills }),
	},
	{
		newFamily("logis_site_cpu_seconds_total", counter, "Processor time of the site since it started.", siteLabel),
		running(func(s engine.SiteStats) float64 { return s.Usage.CPUSeconds }),
	},
	{
		newFamily("logis_site_cpu_limit_cores", gauge, "Processors that the site may use at once.", siteLabel),
		always(func(s engine.SiteStats) float64 { return s.Record.Spec.Limits.CPUs }),
	},
	{
		newFamily("logis_site_memory_bytes", gauge, "Memory of the site in use, without cache that the kernel can take back.", siteLabel),
		running(func(s engine.SiteStats) int64 { return s.Usage.Memory - s.Usage.Cache }),
	},
	{
		newFamily("logis_site_memory_cache_bytes", gauge, "Memory of the site that the kernel can take back at once.", siteLabel),
		running(func(s engine.SiteStats) int64 { return s.Usage.Cache }),
	},
	{
		newFamily("logis_site_memory_limit_bytes", gauge, "Memory that the site may use, cache among it.", siteLabel),
		always(func(s engine.SiteStats) int64 { return s.Record.Spec.Limits.Memory }),
	},
	{
		newFamily("logis_site_swap_bytes", gauge, "Swap of the site in use.", siteLabel),
		running(func(s engine.SiteStats) int64 { return s.Usage.Swap }),
	},
	{
		newFamily("logis_site_swap_limit_bytes", gauge, "Swap that the site may use.", siteLabel),
		always(func(s engine.SiteStats) int64 { return s.Record.Spec.Limits.Swap }),
	},
	{
		newFamily("logis_site_processes", gauge, "Processes and threads of the site.", siteLabel),
		running(func(s engine.SiteStats) int64 { return s.Usage.PIDs }),
	},
	{
		newFamily("logis_site_processes_limit", gauge, "Processes and threads that the site may have.", siteLabel),
		always(func(s engine.SiteStats) int64 { return s.Record.Spec.Limits.PIDs }),
	},
	{
		newFamily("logis_site_disk_bytes", gauge, "Disk of the site in use, as of the pool's last commit.", siteLabel),
		onDisk(func(s engine.SiteStats) int64 { return s.Disk.Used }),
	},
	{
		newFamily("logis_site_disk_limit_bytes", gauge, "Disk that the site may use.", siteLabel),
		always(func(s engine.SiteStats) int64 { return s.Record.Spec.Limits.Disk }),
	},
	{
		newFamily("logis_site_files_bytes", gauge, "Disk in use by the site's files, its database's left out.", siteLabel),
		onDisk(func(s engine.SiteStats) int64 { return s.Disk.FilesUsed }),
	},
	{
		newFamily("logis_site_files_limit_bytes", gauge, "Disk that the site's files may use: the rest is kept for its database.", siteLabel),
		onDisk(func(s engine.SiteStats) int64 { return s.Disk.FilesLimit }),
	},
	{
		newFamily("logis_site_network_receive_bytes_total", counter, "Bytes that the site has received since it started.", siteLabel),
		onCable(func(s engine.SiteStats) int64 { return s.Traffic.Received }),
	},
	{
		newFamily("logis_site_network_transmit_bytes_total", counter, "Bytes that the site has sent since it started.", siteLabel),
		onCable(func(s engine.SiteStats) int64 { return s.Traffic.Sent }),
	},
}

// onDisk is for numbers of a site whose disk could be read.
func onDisk(of func(engine.SiteStats) int64) func(engine.SiteStats) (float64, bool) {
	return func(s engine.SiteStats) (float64, bool) { return float64(of(s)), s.Disk.Limit > 0 }
}

// onCable is for numbers of a site that has a cable, which could be read.
func onCable(of func(engine.SiteStats) int64) func(engine.SiteStats) (float64, bool) {
	return func(s engine.SiteStats) (float64, bool) {
		return float64(of(s)), !s.StartedAt.IsZero() && s.Traffic != (network.Traffic{})
	}
}

// families are all that this package makes itself, those of the host first.
func families() []family {
	all := []family{buildInfo, sites, poolSize, poolUsed, poolFree, proxyUp, proxySince, noSite, reads, readSeconds}
	for _, f := range siteFamilies {
		all = append(all, f.family)
	}
	return append(all, serviceUp, serviceReady, serviceAgain, requests, durations)
}
