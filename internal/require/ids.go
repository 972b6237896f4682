package require

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// IDs are the host's user and group ids that sites are or may be given; both ends belong to them.
type IDs struct{ First, Last uint32 }

func (r IDs) overlaps(first, last uint64) bool {
	return first <= uint64(r.Last) && last >= uint64(r.First)
}

// databases say in which field of a line an id is, and in which a number of further ones: passwd(5), group(5), subuid(5).
var databases = []struct {
	path      string
	id, count int
}{{"/etc/passwd", 2, -1}, {"/etc/passwd", 3, -1}, {"/etc/group", 2, -1}, {"/etc/subuid", 1, 2}, {"/etc/subgid", 1, 2}}

// SiteIDs is what the check of ids is called.
const SiteIDs = "ids of sites"

// ids checks that no account of the host has an id that sites are or may be given, nor may give itself one through
// newuidmap(1). Where there are sites it is no reason not to start: they go on, and new ones get other ids. Accounts that
// come from elsewhere, LDAP say, cannot be listed.
func ids(o Options) Check {
	all, err := accountIDs()
	if err != nil {
		return failed(SiteIDs, err)
	}
	const danger = "who has them could act as root of a site"
	for _, a := range all {
		for _, r := range o.SiteIDs {
			if r.overlaps(a.first, a.last) {
				return missing(SiteIDs, fmt.Sprintf("%s, and a site has %d to %d: %s", a, r.First, r.Last, danger), "give that account other ids")
			}
		}
	}
	for _, a := range all {
		switch {
		case !o.IDs.overlaps(a.first, a.last):
		case o.Sited:
			return warning(SiteIDs, fmt.Sprintf("%s, within %d to %d: no new site is given them", a, o.IDs.First, o.IDs.Last),
				"give that account other ids, if sites have them or are to have them")
		default:
			c := missing(SiteIDs, fmt.Sprintf("%s, within %d to %d: %s", a, o.IDs.First, o.IDs.Last, danger),
				"set first_id in logis.toml to the first of ids that are nobody's, or give that account other ids")
			c.Key = "first_id"
			return c
		}
	}
	return ok(SiteIDs, fmt.Sprintf("%d to %d are no account's", o.IDs.First, o.IDs.Last))
}

// FreeIDs reads the accounts of the host, and returns what tells whether none of them has an id from first to last.
func FreeIDs() (func(first, last uint32) bool, error) {
	all, err := accountIDs()
	if err != nil {
		return nil, err
	}
	return func(first, last uint32) bool {
		r := IDs{First: first, Last: last}
		return !slices.ContainsFunc(all, func(a account) bool { return r.overlaps(a.first, a.last) })
	}, nil
}

// account has ids of the host, both ends included: an entry of a database.
type account struct {
	path, name  string
	first, last uint64
}

// String says whose ids they are: "/etc/subuid has ann 5 to 9".
func (a account) String() string {
	if a.first == a.last {
		return fmt.Sprintf("%s has %s %d", a.path, a.name, a.first)
	}
	return fmt.Sprintf("%s has %s %d to %d", a.path, a.name, a.first, a.last)
}

// accountIDs reads all databases; one that does not exist is empty.
func accountIDs() ([]account, error) {
	var all []account
	for _, d := range databases {
		f, err := os.Open(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found, err := accountsIn(f, d.id, d.count)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", d.path, err)
		}
		for _, a := range found {
			a.path = d.path
			all = append(all, a)
		}
	}
	return all, nil
}

// accountsIn returns the entries of a database that have ids.
func accountsIn(db io.Reader, id, count int) ([]account, error) {
	var all []account
	lines := bufio.NewScanner(db)
	lines.Buffer(nil, 1<<20) // a group of many members
	for lines.Scan() {
		f := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(f) <= max(id, count) || strings.HasPrefix(f[0], "#") {
			continue
		}
		first, err := strconv.ParseUint(f[id], 10, 32)
		if err != nil {
			continue // an entry of NIS, "+::::::"
		}
		last := first
		if count >= 0 {
			n, err := strconv.ParseUint(f[count], 10, 32)
			if err != nil || n == 0 {
				continue
			}
			last += n - 1
		}
		all = append(all, account{name: f[0], first: first, last: last})
	}
	return all, lines.Err()
}
