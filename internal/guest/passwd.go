package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const (
	maxAccountFile = 1 << 20 // bytes of passwd(5) or group(5)
	maxGroups      = 256     // supplementary groups of one account
)

var (
	errNoUser  = errors.New("no such user")
	errNoGroup = errors.New("no such group")
)

// account is who a process runs as.
type account struct {
	name        string
	uid, gid    uint32
	groups      []uint32 // supplementary, gid included
	home, shell string
}

// accounts reads the site's own passwd(5) and group(5). They are read anew for each look-up: the owner may have changed
// them.
type accounts struct{ passwd, group string }

// lookup finds an account by login name or, failing that, by number; "" is root. A number that no account has stands for
// itself, with the group of the same number.
func (a accounts) lookup(name string) (account, error) {
	if name == "" {
		name = "root"
	}
	data, err := readRegular(a.passwd, maxAccountFile)
	if err != nil {
		return account{}, fmt.Errorf("read %s: %w", a.passwd, err)
	}
	who, ok := findAccount(string(data), name)
	if !ok {
		return account{}, fmt.Errorf("%w: %q", errNoUser, name)
	}
	data, err = readRegular(a.group, maxAccountFile)
	if err != nil {
		return account{}, fmt.Errorf("read %s: %w", a.group, err)
	}
	who.groups = memberships(string(data), who)
	return who, nil
}

// groupID finds a group by name or number.
func (a accounts) groupID(name string) (uint32, error) {
	data, err := readRegular(a.group, maxAccountFile)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", a.group, err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		f := strings.Split(line, ":")
		if len(f) == 4 && f[0] == name && name != "" {
			if id, ok := parseID(f[2]); ok {
				return id, nil
			}
		}
	}
	if id, ok := parseID(name); ok {
		return id, nil
	}
	return 0, fmt.Errorf("%w: %q", errNoGroup, name)
}

// findAccount looks name up in the text of a passwd(5). Broken lines are passed over, as libc does.
func findAccount(passwd, name string) (account, bool) {
	number, isNumber := parseID(name)
	var byNumber *account
	for line := range strings.SplitSeq(passwd, "\n") {
		f := strings.Split(line, ":")
		if len(f) != 7 || f[0] == "" {
			continue
		}
		uid, ok1 := parseID(f[2])
		gid, ok2 := parseID(f[3])
		if !ok1 || !ok2 {
			continue
		}
		who := account{name: f[0], uid: uid, gid: gid, home: f[5], shell: f[6]}
		if who.name == name {
			return who, true
		}
		if isNumber && uid == number && byNumber == nil {
			byNumber = &who
		}
	}
	switch {
	case byNumber != nil:
		return *byNumber, true
	case isNumber:
		return account{name: name, uid: number, gid: number, home: "/"}, true
	}
	return account{}, false
}

// memberships lists the groups that the text of a group(5) gives to who.
func memberships(group string, who account) []uint32 {
	ids := []uint32{who.gid}
	for line := range strings.SplitSeq(group, "\n") {
		f := strings.Split(line, ":")
		if len(f) != 4 || !slices.Contains(strings.Split(f[3], ","), who.name) {
			continue
		}
		if id, ok := parseID(f[2]); ok && !slices.Contains(ids, id) && len(ids) < maxGroups {
			ids = append(ids, id)
		}
	}
	return ids
}

// parseID parses a uid or gid; 2^32-1 means "no id" to the kernel and is none.
func parseID(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1 && s[0] != '+'
}

// readRegular reads a regular file of at most limit bytes. The file lies in the site: it may be a FIFO, or endless.
func readRegular(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("larger than %d bytes", limit)
	}
	return data, nil
}
