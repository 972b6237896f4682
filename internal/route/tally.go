package route

import (
	"errors"
	"time"
)

// Buckets are the upper bounds of the times that a Tally tells apart.
var Buckets = [...]time.Duration{
	5 * time.Millisecond, 25 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2500 * time.Millisecond, 10 * time.Second,
}

// Tally is how many requests a proxy has answered for one site, in its name where the site does not answer itself. All numbers
// only grow until the site's route is deleted.
type Tally struct {
	Site string `json:"site"` // "" is the requests for no site
	// Classes are those answered with a status of 100 to 199, which are WebSockets, to 500 to 599. One whose visitor left before
	// the answer is of 400 to 499.
	Classes [5]int64 `json:"classes"`
	// Took are those that took no longer than each of Buckets and longer than the one before, and those that took longer than
	// all, from the end of the request's headers to the end of the answer. WebSockets are left out.
	Took  [len(Buckets) + 1]int64 `json:"took"`
	Nanos int64                   `json:"nanos"` // that those of Took took together
}

// maxSince bounds Reply.Since: the year 9999, the last that RFC 3339 can write.
const maxSince = 253_402_300_799_000

func (t Tally) check() error {
	for _, n := range append(append([]int64{t.Nanos}, t.Classes[:]...), t.Took[:]...) {
		if n < 0 || n > 1<<60 {
			return errors.New("parse reply: no count")
		}
	}
	return nil
}

// Total is all requests.
func (t Tally) Total() int64 {
	var sum int64
	for _, n := range t.Classes {
		sum += n
	}
	return sum
}

// Minus is t without the requests of an earlier Tally of the same count.
func (t Tally) Minus(old Tally) Tally {
	return t.with(old, func(now, then int64) int64 { return now - then })
}

// orMore takes the greater of each number: of two proxies, one of which goes on with the other's count, each may be behind.
func (t Tally) orMore(other Tally) Tally {
	return t.with(other, func(a, b int64) int64 { return max(a, b) })
}

func (t Tally) with(other Tally, f func(int64, int64) int64) Tally {
	for i := range t.Classes {
		t.Classes[i] = f(t.Classes[i], other.Classes[i])
	}
	for i := range t.Took {
		t.Took[i] = f(t.Took[i], other.Took[i])
	}
	t.Nanos = f(t.Nanos, other.Nanos)
	return t
}
