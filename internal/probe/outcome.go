package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Done is the outcome of an attempt that succeeded; that of one which was refused is the error number's name, "EPERM".
const Done = "done"

// Bounds of what is read from inside a site.
const (
	maxLine = 16 << 10 // bytes of one result
	maxText = 200      // bytes of one outcome
)

// Result is how one attempt came out.
type Result struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	Seen  string `json:"seen,omitempty"`  // the outcome
	Lacks string `json:"lacks,omitempty"` // what this host does not have, so that it could not be tried
	Fault string `json:"fault,omitempty"` // why it could not be tried though it should
}

// said is an outcome that is no error number.
type said string

func (s said) Error() string { return string(s) }

// lacks says that there is nothing here to try it on.
type lacks string

func (l lacks) Error() string { return string(l) }

// fault says that the attempt could not be prepared.
type fault struct{ error }

func (r *Result) fill(err error) {
	var missing lacks
	var broken fault
	switch {
	case errors.As(err, &missing):
		r.Lacks = string(missing)
	case errors.As(err, &broken):
		r.Fault = broken.Error()
	default:
		r.Seen = Outcome(err)
	}
}

// Outcome names what came of an attempt.
func Outcome(err error) string {
	var number unix.Errno
	var words said
	switch {
	case err == nil:
		return Done
	case errors.As(err, &words):
		return string(words)
	case errors.As(err, &number):
		if name := unix.ErrnoName(number); name != "" {
			return name
		}
		return fmt.Sprintf("error %d", int(number))
	case errors.Is(err, os.ErrNotExist):
		return "ENOENT"
	}
	return err.Error()
}

// several joins the outcomes of many like acts into one.
type several map[string]bool

func (s several) add(err error) { s[Outcome(err)] = true }

// all is the joined outcome, or what is lacking where there was nothing to try.
func (s several) all(nothing string) error {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	if len(names) == 0 {
		return lacks(nothing)
	}
	slices.Sort(names)
	return said(strings.Join(names, ", "))
}

// allTold is all, where what there is to try belongs to the host.
func (s several) allTold(scene Scene, nothing string) error {
	if len(s) == 0 {
		return untold(scene, nothing)
	}
	return s.all(nothing)
}

// untold says why the scene has nothing of a kind.
func untold(s Scene, nothing string) error {
	if s.Named {
		return lacks("only a throw-away site is told what belongs to the host")
	}
	return lacks(nothing)
}

// Read reads results, one JSON object a line, from inside a site: hostile. It ends with r, or with the first line that is
// none.
func Read(r io.Reader, each func(Result) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var one Result
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return fmt.Errorf("the site said %.40q instead of a result", lines.Bytes())
		}
		one.Seen, one.Lacks, one.Fault = short(one.Seen), short(one.Lacks), short(one.Fault)
		if err := each(one); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read results: %w", err)
	}
	return nil
}

func short(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
