package api

import "time"

// Stats answers GET /v1/stats. All counters only grow while a site runs: what is used in a second is told by two answers.
type Stats struct {
	At    time.Time   `json:"at"`
	Sites []SiteStats `json:"sites" doc:"by name, or in the order they were asked for"`

	RequestsSince *time.Time `json:"requests_since,omitempty" doc:"nothing before is in the counts of requests; absent where no proxy tells them"`
}

// SiteStats is what one site uses, and may use.
type SiteStats struct {
	Name    string  `json:"name"`
	State   string  `json:"state" enum:"creating,stopped,starting,running,asleep,stopping,failed,destroying"`
	Limits  Limits  `json:"limits"`
	Usage   Usage   `json:"usage"`
	Network Traffic `json:"network"`

	Requests *Requests `json:"requests,omitempty" doc:"that the proxy has answered for the site; absent where no proxy tells"`
}

// Requests are those of a site that are over, since Stats.RequestsSince: the site's own restarts do not end their count.
type Requests struct {
	Total   int64         `json:"total"`
	Status  StatusClasses `json:"status"`
	Seconds float64       `json:"seconds" doc:"that all of them took together, WebSockets left out"`
}

// StatusClasses are numbers of answers by their status. 1xx are WebSockets; a visitor that left before the answer is in 4xx.
type StatusClasses struct {
	C1xx int64 `json:"1xx"`
	C2xx int64 `json:"2xx"`
	C3xx int64 `json:"3xx"`
	C4xx int64 `json:"4xx"`
	C5xx int64 `json:"5xx"`
}

// Traffic is what has gone over a site's cable since it was started, as the site sees it.
type Traffic struct {
	ReceivedBytes int64 `json:"received_bytes"`
	SentBytes     int64 `json:"sent_bytes"`
}
