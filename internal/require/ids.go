package require

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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

// ids checks that no account of the host has an id of a site's, nor may give itself one through newuidmap(1). Accounts that
// come from elsewhere, LDAP say, cannot be listed.
func ids(r IDs) Check {
	const what = "ids of sites"
	for _, d := range databases {
		f, err := os.Open(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return failed(what, err)
		}
		taken, err := takenIn(f, d.id, d.count, r)
		f.Close()
		if err != nil {
			return failed(what, fmt.Errorf("read %s: %w", d.path, err))
		}
		if taken != "" {
			return missing(what, fmt.Sprintf("%s has %s, within %d to %d: who has them could act as root of a site", d.path, taken, r.First, r.Last),
				"give that account other ids; or, before there are sites, change first_id in logis.toml")
		}
	}
	return ok(what, fmt.Sprintf("%d to %d are no account's", r.First, r.Last))
}

// takenIn returns the first entry of a database with ids within r, "NAME 5" or "NAME 5 to 9", or "".
func takenIn(db io.Reader, id, count int, r IDs) (string, error) {
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
		switch {
		case !r.overlaps(first, last):
		case first == last:
			return fmt.Sprintf("%s %d", f[0], first), nil
		default:
			return fmt.Sprintf("%s %d to %d", f[0], first, last), nil
		}
	}
	return "", lines.Err()
}
