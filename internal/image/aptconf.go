package image

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
)

// aptSetting is one line of apt-config(8)'s dump.
type aptSetting struct{ key, value string }

// carriedSettings are the host's settings that decide whether its archives can be reached and believed: apt inside an
// image works wherever it works on the host.
var carriedSettings = []string{
	"Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date",
}

// hostSettings asks the host's apt. A host without apt-config, which debootstrap does not need, has none.
func hostSettings(ctx context.Context) []aptSetting {
	out, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return nil
	}
	return parseSettings(string(out))
}

// parseSettings keeps the carried settings of a dump, in the order of carriedSettings. Values that would need quoting
// are left out.
func parseSettings(dump string) []aptSetting {
	values := map[string]string{}
	for line := range strings.Lines(dump) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, ok := strings.CutSuffix(value, `";`)
		value, opened := strings.CutPrefix(value, `"`)
		if ok && opened && value != "" && !strings.ContainsAny(value, "\"\\\n") {
			values[strings.ToLower(key)] = value // apt compares keys without case
		}
	}
	var settings []aptSetting
	for _, key := range carriedSettings {
		if v, ok := values[strings.ToLower(key)]; ok {
			settings = append(settings, aptSetting{key, v})
		}
	}
	return settings
}

// proxy returns the proxy of a scheme, "" if there is none.
func proxy(settings []aptSetting, scheme string) string {
	i := slices.IndexFunc(settings, func(s aptSetting) bool { return s.key == "Acquire::"+scheme+"::Proxy" })
	if i < 0 || settings[i].value == "DIRECT" {
		return ""
	}
	return settings[i].value
}

// forSites leaves out proxies that a site cannot reach, or that carry a password.
func forSites(settings []aptSetting) []aptSetting {
	return slices.DeleteFunc(slices.Clone(settings), func(s aptSetting) bool {
		if !strings.HasSuffix(s.key, "::Proxy") || s.value == "DIRECT" {
			return false
		}
		u, err := url.Parse(s.value)
		return err != nil || u.User != nil || loopback(u)
	})
}

func renderSettings(settings []aptSetting) string {
	var b strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&b, "%s \"%s\";\n", s.key, s.value)
	}
	return b.String()
}
