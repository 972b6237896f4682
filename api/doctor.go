package api

// Doctor answers GET /v1/doctor and POST /v1/doctor/fix.
type Doctor struct {
	Requirements []Check    `json:"requirements"`
	Boot         BootReport `json:"boot"`
	Findings     []Finding  `json:"findings" doc:"where host and records do not agree"`
	Halted       bool       `json:"halted" doc:"sites are kept down until the next boot"`
	Sites        int        `json:"sites" doc:"that were compared"`
	Busy         []string   `json:"busy" doc:"sites in the middle of a change, which were left out"`
}

// Statuses of a Check.
const (
	CheckOK      = "ok"
	CheckWarning = "warning"
	CheckMissing = "missing" // logis, or its websites, cannot do without
)

// Check is one requirement of the host.
type Check struct {
	Group  string `json:"group" enum:"host,network,disk,sites" doc:"part of the host that it is about"`
	What   string `json:"what"`
	Status string `json:"status" enum:"ok,warning,missing"`
	Found  string `json:"found"`
	Mend   string `json:"mend,omitempty" doc:"what to do, unless it is ok"`
}

// Finding is something that belongs to no site, or that a site lacks.
type Finding struct {
	Site   string `json:"site,omitempty" doc:"whose it is"`
	What   string `json:"what"`
	Mend   string `json:"mend" doc:"what fix does; where fix does nothing, what to do by hand"`
	Safe   bool   `json:"safe" doc:"fix does it"`
	Mended bool   `json:"mended" doc:"fix did it"`
	Left   string `json:"left,omitempty" doc:"why fix did not"`
}
