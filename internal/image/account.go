package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// The site's own user inside the site.
const (
	ownerID    = 1000 // uid and gid
	ownerShell = "/bin/bash"
)

// accounts are the users and groups of an image, and the lines they came from.
type accounts struct {
	passwd, group, shadow, gshadow []byte
	users                          map[string]ids
	groups                         map[string]uint32
	ownerName                      string // "" before there is one
}

type ids struct{ uid, gid uint32 }

// readAccounts reads /etc/passwd and its kin of an image, each as passwd(5), group(5), shadow(5) and gshadow(5) say.
func readAccounts(root *os.Root) (*accounts, error) {
	a := &accounts{users: map[string]ids{}, groups: map[string]uint32{}}
	for name, data := range map[string]*[]byte{
		"etc/passwd": &a.passwd, "etc/group": &a.group, "etc/shadow": &a.shadow, "etc/gshadow": &a.gshadow,
	} {
		var err error
		if *data, err = readRegular(root, name); err != nil && (name != "etc/gshadow" || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	for line := range strings.Lines(string(a.passwd)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 7 {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 16)
		gid, err2 := strconv.ParseUint(f[3], 10, 16)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("user %s of the image: %w", f[0], err)
		}
		a.users[f[0]] = ids{uint32(uid), uint32(gid)}
	}
	for line := range strings.Lines(string(a.group)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 4 {
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("group %s of the image: %w", f[0], err)
		}
		a.groups[f[0]] = uint32(gid)
	}
	return a, nil
}

// owner resolves "user", "user:group" or "" (root); without a group it is the user's own.
func (a *accounts) owner(owner string) (uid, gid uint32, err error) {
	user, group, withGroup := strings.Cut(owner, ":")
	if user == OwnerVariable {
		user = a.ownerName
	}
	if group == OwnerVariable {
		group = a.ownerName
	}
	if user == "" {
		user = "root"
	}
	u, ok := a.users[user]
	if !ok {
		return 0, 0, fmt.Errorf("the image has no user %q", user)
	}
	if !withGroup {
		return u.uid, u.gid, nil
	}
	g, ok := a.groups[group]
	if !ok {
		return 0, 0, fmt.Errorf("the image has no group %q", group)
	}
	return u.uid, g, nil
}

// addOwner adds the site's user, a group of the same name, and makes it a member of more.
func (a *accounts) addOwner(name string, more []string) error {
	if _, ok := a.users[name]; ok {
		return fmt.Errorf("%q is a user of the image: %w", name, ErrReservedName)
	}
	if _, ok := a.groups[name]; ok {
		return fmt.Errorf("%q is a group of the image: %w", name, ErrReservedName)
	}
	for other, id := range a.users {
		if id.uid == ownerID {
			return fmt.Errorf("user %s of the image has the owner's uid %d", other, ownerID)
		}
	}
	for _, g := range more {
		if _, ok := a.groups[g]; !ok {
			return fmt.Errorf("the image has no group %q", g)
		}
		a.group = addMember(a.group, g, name)
		a.gshadow = addMember(a.gshadow, g, name)
	}
	a.passwd = appendLine(a.passwd, fmt.Sprintf("%s:x:%d:%d::/home/%s:%s", name, ownerID, ownerID, name, ownerShell))
	a.group = appendLine(a.group, fmt.Sprintf("%s:x:%d:", name, ownerID))
	// "*" is no password; "!" would lock the account for sshd.
	a.shadow = appendLine(a.shadow, name+":*:19000:0:99999:7:::")
	if len(a.gshadow) > 0 {
		a.gshadow = appendLine(a.gshadow, name+":!::")
	}
	a.users[name] = ids{ownerID, ownerID}
	a.groups[name] = ownerID
	a.ownerName = name
	return nil
}

// addMember appends a user to the last field, the members, of a group's line.
func addMember(data []byte, group, user string) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		b.WriteString(line)
		if strings.HasPrefix(line, group+":") {
			if !strings.HasSuffix(line, ":") {
				b.WriteByte(',')
			}
			b.WriteString(user)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

func appendLine(data []byte, line string) []byte {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return append(append(data, line...), '\n')
}

// ErrReservedName says that a site cannot have its name, because the image has a user or a group of that name.
var ErrReservedName = errors.New("choose another site name")

// readRegular reads a small regular file of an image; a symbolic link is refused.
func readRegular(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, fmt.Errorf("read the image's %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read the image's %s: not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the image's %s: %w", name, err)
	}
	defer f.Close()
	return readAll(f, name)
}
