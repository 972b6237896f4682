package api

// Codes of Error. The command line turns them into its exit status.
const (
	CodeFailed   = "failed"    // exit 1
	CodeInvalid  = "invalid"   // exit 2: the request itself is wrong
	CodeNotFound = "not_found" // exit 3: no such site
	CodeConflict = "conflict"  // exit 4: name, domain or port taken, or the wrong state
)

// Error is the body of every answer that is not a success.
type Error struct {
	Code    string `json:"code" enum:"failed,invalid,not_found,conflict"`
	Message string `json:"message" doc:"what could not be done, why, what to do next; one line"`

	Log []string `json:"log,omitempty" doc:"where a service of a site ends at every start: the last lines of its log, from inside the site"`
}

// Error implements the error interface.
func (e *Error) Error() string { return e.Message }
