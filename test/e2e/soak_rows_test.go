//go:build e2e && soak

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// rows are what was written to a site's database.
type rows struct {
	tried        int          // the highest number
	acknowledged map[int]bool // by the database
}

// write adds a row to the site's database now and then, while it should be up.
func (s *soakSite) write(ctx context.Context, random *rand.Rand) {
	for pause(ctx, time.Duration(1500+random.IntN(3000))*time.Millisecond) {
		began := time.Now()
		if s.duty(began) != answer {
			continue
		}
		s.mu.Lock()
		s.rows.tried++
		n, created := s.rows.tried, s.created
		s.mu.Unlock()
		out, err := s.sql(fmt.Sprintf("create table if not exists soak (n int primary key); insert into soak values (%d)", n))
		s.mu.Lock()
		if err == nil && s.created.Equal(created) {
			if s.rows.acknowledged == nil {
				s.rows.acknowledged = map[int]bool{}
			}
			s.rows.acknowledged[n] = true
		}
		s.mu.Unlock()
		k := s.soak
		k.tally.row(err)
		if err == nil {
			k.tally.wrote(s.name)
		} else if s.duty(began) == answer && !k.daemonAway.meets(began) && ctx.Err() == nil {
			k.violate(s.name, "its database refused a row after %v: %v: %s", time.Since(began).Round(time.Millisecond), err, out)
		}
	}
}

// sql gives the site's database a statement as its owner.
func (s *soakSite) sql(statement string) (string, error) {
	return s.soak.run(0, "exec", s.name, "--user", s.name, "--", "mariadb", "-N", s.name, "-e", statement)
}

// checkRows looks for every acknowledged row; must says that the site is up, so that it has to answer.
func (s *soakSite) checkRows(must bool) {
	began := time.Now()
	if !must && s.duty(began) != answer {
		return
	}
	s.mu.Lock()
	want := make([]int, 0, len(s.rows.acknowledged))
	for n := range s.rows.acknowledged {
		want = append(want, n)
	}
	s.mu.Unlock()
	if len(want) == 0 {
		return
	}
	out, err := s.sql("select n from soak")
	if err != nil {
		if must {
			s.soak.violate(s.name, "its rows cannot be read: %v: %s", err, out)
		}
		return
	}
	s.mu.Lock()
	tried := s.rows.tried
	s.mu.Unlock()
	there := map[int]bool{}
	for line := range strings.FieldsSeq(out) {
		n, err := strconv.Atoi(line)
		if err != nil || n < 1 || n > tried {
			s.soak.violate(s.name, "a row that nobody wrote: %s", line)
			return
		}
		there[n] = true
	}
	for _, n := range want {
		if !there[n] {
			s.soak.violate(s.name, "row %d of %d is lost, though it was acknowledged", n, tried)
		}
	}
	s.soak.tally.verified(len(want))
}
