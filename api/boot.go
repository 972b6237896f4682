package api

import "time"

// BootReport says what became of the sites that should run: at the last start of logisd, or `logis sites up`.
type BootReport struct {
	BeganAt time.Time  `json:"began_at"`
	EndedAt time.Time  `json:"ended_at,omitzero" doc:"missing while it goes on"`
	Sites   []BootSite `json:"sites" doc:"in the order of their starts"`
}

// BootSite is one site of a BootReport.
type BootSite struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome" enum:"waiting,adopted,up,failed,interrupted"`
	Error   string  `json:"error" doc:"why it failed; it is tried again"`
	Seconds float64 `json:"seconds" doc:"from its turn to its outcome"`
}

// DownReport answers POST /v1/host/down.
type DownReport struct {
	Stopped int `json:"stopped" doc:"how many sites were stopped"`
}
