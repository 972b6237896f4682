package api

import "time"

// Event is one element of the newline-delimited JSON that GET /v1/events streams.
type Event struct {
	Time    time.Time `json:"time"`
	Site    string    `json:"site" doc:"empty where it concerns none, or all"`
	Type    string    `json:"type" doc:"site.created, site.died, image.built, boot.finished and the like: logis-events(1) has all"`
	Message string    `json:"message" doc:"one printable line; can hold words from inside the site"`
	Seconds float64   `json:"seconds" doc:"how long it took; zero where that says nothing"`
}
