package api

// DomainRequest is the body of POST /v1/sites/{name}/domains.
type DomainRequest struct {
	Domain string `json:"domain" doc:"host name; upper case, a dot at its end and letters of other scripts are put into the usual form"`
}

// DomainChange answers a change of a site's domains.
type DomainChange struct {
	Domain  string `json:"domain" doc:"in the form in which it is recorded"`
	Changed bool   `json:"changed" doc:"false: the site had it already"`
	Site    Site   `json:"site" doc:"as it is now"`
}
