package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"

	"github.com/logis-project/logis/api"
)

// What an answer that is not a success can be, one for each code of the API: errors.Is(err, client.ErrConflict). The error
// itself is an *api.Error, which has the words.
var (
	ErrFailed    error = &api.Error{Code: api.CodeFailed}    // it could not be done
	ErrCancelled error = &api.Error{Code: api.CodeCancelled} // logisd ended, or the work was given up, and is undone
	ErrInvalid   error = &api.Error{Code: api.CodeInvalid}   // the request itself is wrong
	ErrNotFound  error = &api.Error{Code: api.CodeNotFound}  // there is no such site
	ErrConflict  error = &api.Error{Code: api.CodeConflict}  // name, domain or port is taken, or the state is the wrong one
)

// ErrUnreachable is every *UnreachableError.
var ErrUnreachable = errors.New("no logisd answers")

// UnreachableError says that no daemon answers at Socket. Err is the system's reason.
type UnreachableError struct {
	Socket string
	Err    error
}

func (e *UnreachableError) Error() string {
	next := "is logisd running?"
	switch {
	case errors.Is(e.Err, syscall.ENOENT):
		return fmt.Sprintf("cannot reach logisd at %s: no such file: start it with `systemctl start logis`, or as root with `logisd`", e.Socket)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Sprintf("cannot reach logisd at %s: nothing answers: start it with `systemctl start logis`, or as root with `logisd`", e.Socket)
	case errors.Is(e.Err, syscall.EACCES):
		return fmt.Sprintf("cannot reach logisd at %s: permission denied: join group logis (`adduser USER logis`, then log in again) or be root", e.Socket)
	}
	return fmt.Sprintf("cannot reach logisd at %s: %v: %s", e.Socket, e.Err, next)
}

// Unwrap returns the system's reason.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Is makes every UnreachableError ErrUnreachable.
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// requestError takes the request's line out of net/http's errors: the URL says nothing to a user.
func requestError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if un, ok := errors.AsType[*UnreachableError](err); ok {
		return un
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return broken(err)
}

// broken says that an answer did not come to its end.
func broken(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		err = no // without the names of sockets
	}
	return fmt.Errorf("lost the connection to logisd: %w", err)
}

// errorOf reads the api.Error of an answer that is not a success.
func errorOf(resp *http.Response) error {
	var e api.Error
	err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&e)
	if e.Message == "" {
		e.Message = e.Detail
	}
	if err != nil || e.Message == "" {
		return &api.Error{Code: api.CodeFailed, Status: resp.StatusCode, Message: "logisd answered " + resp.Status}
	}
	return &e
}
