package api

// ProveRequest is the body of POST /v1/doctor/prove.
type ProveRequest struct {
	Site string `json:"site,omitempty" maxLength:"255" doc:"site to try it in, which must run; empty makes one and destroys it"`
}

// ProofElement is one element of the newline-delimited JSON of a proof. The last one has Done or Error set.
type ProofElement struct {
	Step  string    `json:"step,omitempty" doc:"what goes on"`
	Row   *ProofRow `json:"row,omitempty"`
	Done  *Proof    `json:"done,omitempty"`
	Error *Error    `json:"error,omitempty"`
}

// ProofRow is one attempt at what must not work, or at what must.
type ProofRow struct {
	Group    string   `json:"group"`
	Attempt  string   `json:"attempt"`
	Expected []string `json:"expected" doc:"outcomes that are right: names of error numbers, or done"`
	Seen     string   `json:"seen" doc:"what came of it; several outcomes are joined by commas"`
	OK       bool     `json:"ok"`
	Untried  string   `json:"untried,omitempty" doc:"why it was not tried; with ok because there was nothing to try it on"`
}

// Proof sums up.
type Proof struct {
	Site      string     `json:"site"`
	Throwaway bool       `json:"throwaway" doc:"the site was made for the proof, and is gone"`
	Attempts  int        `json:"attempts" doc:"that were made"`
	Differ    int        `json:"differ" doc:"rows that are not as expected, or could not be tried though they should"`
	Untried   int        `json:"untried" doc:"rows that this host or a site of somebody's has nothing to try on"`
	Rows      []ProofRow `json:"rows,omitempty" doc:"left out where they were sent one by one"`
}
