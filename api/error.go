package api

import "cmp"

// ErrorType is the media type of every answer that is not a success: problem details, RFC 9457.
const ErrorType = "application/problem+json"

// Codes of Error. The command line turns them into its exit status.
const (
	CodeFailed    = "failed"    // exit 1
	CodeCancelled = "cancelled" // exit 1: its client left, or logisd ends; what was begun is undone
	CodeInvalid   = "invalid"   // exit 2: the request itself is wrong
	CodeNotFound  = "not_found" // exit 3: no such site
	CodeConflict  = "conflict"  // exit 4: name, domain or port taken, or the wrong state
)

// Error is the body of every answer that is not a success, and what the last element of a stream that fails carries: the
// members of RFC 9457, and two of logis's own, Code and Message.
type Error struct {
	Type    string `json:"type,omitempty" format:"uri" doc:"names the kind of error, as code does, and says where it is explained"`
	Title   string `json:"title,omitempty" doc:"the kind of error in words, the same for every error of a code"`
	Status  int    `json:"status,omitempty" doc:"HTTP status; in a stream the one that an answer would have"`
	Detail  string `json:"detail,omitempty" doc:"what could not be done, why, what to do next; on further lines what a build said last, or what could not be undone"`
	Code    string `json:"code" enum:"failed,cancelled,invalid,not_found,conflict"`
	Message string `json:"message" doc:"the same as detail, for clients that are older than that"`

	Log []string `json:"log,omitempty" doc:"where a service of a site ends at every start: the last lines of its log, from inside the site"`
}

// Error implements the error interface.
func (e *Error) Error() string { return cmp.Or(e.Message, e.Detail, e.Code) }

// Is makes errors.Is(err, target) true for a target that has nothing but the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == "" && t.Detail == ""
}
