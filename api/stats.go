package api

import "time"

// Stats answers GET /v1/stats. All counters only grow while a site runs: what is used in a second is told by two answers.
type Stats struct {
	At    time.Time   `json:"at"`
	Sites []SiteStats `json:"sites" doc:"by name, or in the order they were asked for"`
}

// SiteStats is what one site uses, and may use.
type SiteStats struct {
	Name    string  `json:"name"`
	State   string  `json:"state" enum:"creating,stopped,starting,running,asleep,stopping,failed,destroying"`
	Limits  Limits  `json:"limits"`
	Usage   Usage   `json:"usage"`
	Network Traffic `json:"network"`
}

// Traffic is what has gone over a site's cable since it was started, as the site sees it.
type Traffic struct {
	ReceivedBytes int64 `json:"received_bytes"`
	SentBytes     int64 `json:"sent_bytes"`
}
