package api

// StreamType is the media type of an answer that is made of elements, a JSON object a line. Routes that can answer at once or
// by such a stream do the latter for a client that names it in Accept.
const StreamType = "application/x-ndjson"

// Progress is one element of the stream of an image build or import. The last one has Done or Error set.
type Progress struct {
	Step       string `json:"step,omitempty"`
	Index      int    `json:"index,omitempty" doc:"of the step, counts from 1"`
	Total      int    `json:"total,omitempty" doc:"number of steps"`
	Detail     string `json:"detail,omitempty" doc:"last line that a program of the build said"`
	Bytes      int64  `json:"bytes,omitempty" doc:"of an imported archive, read so far"`
	TotalBytes int64  `json:"total_bytes,omitempty" doc:"of the archive, where the client has said it (Content-Length)"`
	Done       *Image `json:"done,omitempty"`
	Error      *Error `json:"error,omitempty"`
}

// SiteProgress is one element of the stream of a create, and of a start, stop or restart of several sites. For each site the
// last one has Done or Error set; of several sites the first element has Sites, and after the last outcome comes End.
type SiteProgress struct {
	Sites []string `json:"sites,omitempty" doc:"all that have their turn, in this order"`

	Site    string   `json:"site,omitempty" doc:"whose progress it is"`
	Step    string   `json:"step,omitempty" enum:"turn,disk,files,stop,container,services" doc:"what goes on; turn: another command on the site is waited for"`
	Waiting []string `json:"waiting_for,omitempty" doc:"services that are not ready yet, or while it stops have not ended; at most 16"`

	Done      *Site   `json:"done,omitempty" doc:"the site as it is now"`
	Unchanged bool    `json:"unchanged,omitempty" doc:"with done: it ran, or was stopped, already"`
	Seconds   float64 `json:"seconds,omitempty" doc:"with done or error: since its turn came"`
	Error     *Error  `json:"error,omitempty"`

	End *SitesEnd `json:"end,omitempty"`
}

// SitesEnd ends the stream of a change of several sites.
type SitesEnd struct {
	Sites  int `json:"sites" doc:"how many had an outcome"`
	Failed int `json:"failed" doc:"how many of them failed, or had no turn because the client left"`
}

// SitesRequest is the body of POST /v1/sites/start, stop and restart: names, or all.
type SitesRequest struct {
	Names  []string `json:"names,omitempty" maxItems:"10000"`
	All    bool     `json:"all,omitempty" doc:"all sites that it changes, the highest priority first, then by name"`
	NoWait bool     `json:"no_wait,omitempty" doc:"do not wait until they are ready"`
}
