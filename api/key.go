package api

// Key is a public ssh key that lets the owner of a site in.
type Key struct {
	Fingerprint string   `json:"fingerprint" doc:"SHA256:…, as ssh-keygen -l prints it; empty for a line that is no key"`
	Type        string   `json:"type" doc:"such as ssh-ed25519"`
	Bits        int      `json:"bits,omitempty" doc:"of an RSA key"`
	Comment     string   `json:"comment"`
	Options     []string `json:"options" doc:"of authorized_keys, each as it was given"`
	Line        string   `json:"line" doc:"of authorized_keys, as it was given"`
}

// KeysRequest is the body of POST /v1/sites/{name}/keys.
type KeysRequest struct {
	Keys []string `json:"keys" minItems:"1" maxItems:"64" doc:"authorized_keys lines"`
}

// KeyChange answers a change of a site's keys.
type KeyChange struct {
	Added   []Key `json:"added"`
	Changed []Key `json:"changed" doc:"the site had them, with other options or another comment"`
	Present []Key `json:"present" doc:"the site had them as they are"`
	Removed []Key `json:"removed"`
	Keys    []Key `json:"keys" doc:"all that the site has now"`
}
