package image

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// archiveKeyring verifies Debian's archives, on the host and in the image (package debian-archive-keyring).
const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Source is one of Debian's own archives as the host's apt knows it.
type Source struct {
	URI        string   // http or https, without credentials
	Pocket     string   // what follows the codename in the suite's name: "", "-updates" or "-security"
	Components []string // "main" is one of them
}

// HostSources reads the apt sources below etc/apt of a Debian host (both formats of sources.list(5)) and returns the
// first archive of each pocket of the release that the host runs. Third parties' archives are left out: they have
// suites, keys or paths of other names. There is none if the host is not Debian itself, or names no archive by http.
func HostSources(host fs.FS) []Source {
	codename := debianCodename(host)
	if codename == "" {
		return nil
	}
	files, _ := fs.Glob(host, "etc/apt/sources.list.d/*") // the pattern is well formed
	var found []Source
	for _, name := range append([]string{"etc/apt/sources.list"}, files...) {
		data, err := fs.ReadFile(host, name)
		if err != nil {
			continue // an optional file
		}
		var entries []aptEntry
		switch {
		case strings.HasSuffix(name, ".list"):
			entries = parseOneLine(data)
		case strings.HasSuffix(name, ".sources"):
			entries = parseDeb822(data)
		}
		for _, e := range entries {
			found = append(found, e.debian(host, codename)...)
		}
	}
	return firstOfEachPocket(found)
}

func firstOfEachPocket(found []Source) []Source {
	var sources []Source
	for _, pocket := range []string{"", "-updates", "-security"} {
		i := slices.IndexFunc(found, func(s Source) bool { return s.Pocket == pocket })
		if i >= 0 {
			sources = append(sources, found[i])
		} else if pocket == "" {
			return nil // nothing to begin a system from
		}
	}
	return sources
}

// debianCodename returns VERSION_CODENAME of os-release(5), "" if the host is not Debian itself.
func debianCodename(host fs.FS) string {
	data, err := fs.ReadFile(host, "usr/lib/os-release")
	if err != nil {
		return ""
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = strings.Trim(value, `"'`)
	}
	if values["ID"] != "debian" || !suitePattern.MatchString(values["VERSION_CODENAME"]) {
		return ""
	}
	return values["VERSION_CODENAME"]
}

// aptEntry is one line of a sources.list or one stanza of a .sources file.
type aptEntry struct {
	types, uris, suites, components []string
	signedBy                        string
	disabled                        bool
}

// parseOneLine reads the one-line format: deb [option=value …] uri suite component…
func parseOneLine(data []byte) []aptEntry {
	var entries []aptEntry
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		e := aptEntry{}
		if before, rest, ok := strings.Cut(line, "["); ok {
			options, after, closed := strings.Cut(rest, "]")
			if !closed {
				continue
			}
			for option := range strings.FieldsSeq(options) {
				if key, value, _ := strings.Cut(option, "="); key == "signed-by" {
					e.signedBy = value
				}
			}
			line = before + " " + after
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		e.types, e.uris, e.suites, e.components = fields[:1], fields[1:2], fields[2:3], fields[3:]
		entries = append(entries, e)
	}
	return entries
}

// parseDeb822 reads the stanzas of the deb822 format.
func parseDeb822(data []byte) []aptEntry {
	var entries []aptEntry
	stanza := map[string]string{}
	flush := func() {
		if len(stanza) > 0 {
			entries = append(entries, aptEntry{
				types: strings.Fields(stanza["types"]), uris: strings.Fields(stanza["uris"]),
				suites: strings.Fields(stanza["suites"]), components: strings.Fields(stanza["components"]),
				signedBy: strings.TrimSpace(stanza["signed-by"]),
				disabled: slices.Contains([]string{"no", "false", "0", "off"}, strings.ToLower(strings.TrimSpace(stanza["enabled"]))),
			})
		}
		clear(stanza)
	}
	key := ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			key = ""
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			stanza[key] += "\n" + line
		default:
			name, value, _ := strings.Cut(line, ":")
			key = strings.ToLower(strings.TrimSpace(name))
			stanza[key] = value
		}
	}
	flush()
	return entries
}

// debian returns what the entry says of Debian's own archives.
func (e aptEntry) debian(host fs.FS, codename string) []Source {
	// An embedded key, or a keyring of another name, is a third party's.
	ownKey := e.signedBy == "" || strings.HasPrefix(e.signedBy, "/usr/share/keyrings/debian-archive-")
	if e.disabled || !ownKey || !slices.Contains(e.types, "deb") || !slices.Contains(e.components, "main") {
		return nil
	}
	var sources []Source
	for _, suite := range e.suites {
		pocket, ok := pocketOf(suite, codename)
		if !ok {
			continue
		}
		for _, uri := range e.uris {
			uri = resolveMirrorList(host, uri)
			if u, ok := archiveURL(uri); ok && (e.signedBy != "" || debianPath(u, pocket)) {
				sources = append(sources, Source{URI: strings.TrimSuffix(uri, "/"), Pocket: pocket, Components: e.components})
			}
		}
	}
	return sources
}

// pocketOf splits a suite's name: the release by its codename or by the name of its age, then the pocket.
func pocketOf(suite, codename string) (string, bool) {
	for _, release := range []string{codename, "stable", "oldstable", "testing"} {
		if pocket, ok := strings.CutPrefix(suite, release); ok {
			return pocket, pocket == "" || pocket == "-updates" || pocket == "-security"
		}
	}
	return "", false
}

// archiveURL accepts http and https without credentials: what is read here ends in every site.
func archiveURL(uri string) (*url.URL, bool) {
	u, err := url.Parse(uri)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, false
	}
	return u, true
}

// debianPath tells an archive of Debian's from another that uses its suites' names.
func debianPath(u *url.URL, pocket string) bool {
	elements := strings.Split(strings.Trim(u.Path, "/"), "/")
	return slices.Contains(elements, "debian") && !slices.Contains(elements, "linux") ||
		slices.Contains(elements, "debian-security") || pocket == "-security" && strings.Trim(u.Path, "/") == ""
}

// resolveMirrorList replaces mirror+file:/path (apt-transport-mirror(1), the way of Debian's cloud images) by the first
// archive that the list names.
func resolveMirrorList(host fs.FS, uri string) string {
	list, ok := strings.CutPrefix(uri, "mirror+file:")
	if !ok {
		return uri
	}
	data, err := fs.ReadFile(host, strings.TrimLeft(list, "/"))
	if err != nil {
		return uri
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0][0] != '#' {
			return fields[0]
		}
	}
	return uri
}

// renderSources writes the sources of a suite in deb822 format.
func renderSources(sources []Source, suite string) string {
	var b strings.Builder
	for i, s := range sources {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s%s\nComponents: %s\nSigned-By: %s\n",
			s.URI, suite, s.Pocket, strings.Join(s.Components, " "), archiveKeyring)
	}
	return b.String()
}

// loopback reports whether a URL leads to this very machine, which in a site is another one.
func loopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback() || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsUnspecified()
}
