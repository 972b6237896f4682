package cli

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/logis-project/logis/internal/quantity"
)

// The values of create's limits. Zero is "not given": String is then empty, which keeps a default out of the help.

// size is a flag in bytes.
type size int64

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return quantity.Format(int64(*s))
}

func (s *size) Set(text string) error {
	n, err := quantity.Parse(text)
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("must be above zero")
	}
	*s = size(n)
	return nil
}

func (s *size) Type() string { return "quantity" }

// swapSize is a flag in bytes that may be zero.
type swapSize struct{ to **int64 }

func (s *swapSize) String() string {
	if s.to == nil || *s.to == nil {
		return ""
	}
	return quantity.FormatOrNone(**s.to)
}

func (s *swapSize) Set(text string) error {
	n, err := quantity.ParseOrNone(text)
	if err != nil {
		return err
	}
	*s.to = &n
	return nil
}

func (s *swapSize) Type() string { return "quantity" }

// rate is a flag in bytes a second that may be off.
type rate struct{ to **int64 }

func (r *rate) String() string {
	if r.to == nil || *r.to == nil {
		return ""
	}
	return quantity.FormatRate(**r.to)
}

func (r *rate) Set(text string) error {
	n, err := quantity.ParseRate(text)
	if err != nil {
		return err
	}
	*r.to = &n
	return nil
}

func (r *rate) Type() string { return "quantity" }

// processors is a flag that takes a number above zero.
type processors float64

func (p *processors) String() string {
	if *p == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*p), 'g', -1, 64)
}

func (p *processors) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || !(v > 0) { // the last also refuses NaN
		return errors.New("must be a number above zero")
	}
	*p = processors(v)
	return nil
}

func (p *processors) Type() string { return "number" }

// tasks is a flag that counts, above zero: processes, files, parts of a share.
type tasks int64

func (n *tasks) String() string {
	if *n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func (n *tasks) Set(text string) error {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v <= 0 {
		return errors.New("must be a whole number above zero")
	}
	*n = tasks(v)
	return nil
}

func (n *tasks) Type() string { return "number" }

// period is a flag that takes a duration; a number without a unit is seconds.
type period time.Duration

func (p *period) String() string {
	if *p == 0 {
		return ""
	}
	return time.Duration(*p).String()
}

func (p *period) Set(text string) error {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("must be a duration such as 30s or 2m")
	}
	*p = period(d)
	return nil
}

func (p *period) Type() string { return "duration" }
