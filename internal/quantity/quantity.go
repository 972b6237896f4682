// Package quantity owns how sizes in bytes are written: in logis.toml, in flags and in tables. It is a leaf, so that the
// command line can read a size without linking the daemons' configuration.
package quantity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/docker/go-units"
)

// Max is the largest size that Parse accepts: 1 EiB, in bytes. Nothing here is larger, and below it no sum of two
// sizes overflows.
const Max = 1 << 60

// errSI is why a size is refused whose unit is one of the SI.
var errSI = errors.New("counts by 1000 in some programs and by 1024 in others")

// Parse reads a size in bytes: "512MiB", "512M", "1.5G", "1048576". All suffixes are powers of 1024. "512MB" is refused, whose M
// is a million to the SI (and to IEC 80000-13) and 1,048,576 to many programs.
func Parse(s string) (int64, error) {
	if number, unit := split(s); number != "" && !strings.ContainsFunc(number, strange) && len(unit) == 2 &&
		strings.EqualFold(unit[1:], "b") && strings.Contains("KMGTP", strings.ToUpper(unit[:1])) {
		unit = strings.ToUpper(unit)
		return 0, fmt.Errorf("%q: %s %w: write %s%siB", s, unit, errSI, number, unit[:1])
	}
	// The library takes signs, exponents and inner spaces, and saturates where a float does not fit.
	n, err := units.RAMInBytes(s)
	if err != nil || n < 0 || n > Max || strings.ContainsFunc(s, strange) {
		return 0, fmt.Errorf("%q is not a quantity such as 512MiB or 2G", s)
	}
	return n, nil
}

// split cuts a size where its unit begins.
func split(s string) (number, unit string) {
	number = strings.TrimRight(s, "kKmMgGtTpPiIbB")
	return number, s[len(number):]
}

// ParseOrNone reads a size that may be nothing: "off", "none" and "0" are 0.
func ParseOrNone(s string) (int64, error) {
	if s == "off" || s == "none" {
		return 0, nil
	}
	return Parse(s)
}

// FormatOrNone writes a size as ParseOrNone reads it: 0 is "off".
func FormatOrNone(n int64) string {
	if n == 0 {
		return "off"
	}
	return Format(n)
}

// Format writes a size with a binary suffix and at most four digits: "512MiB". What four digits cannot say is rounded.
func Format(n int64) string { return units.BytesSize(float64(n)) }

// ParseRate reads bytes a second: a size, with or without "/s" behind it, or "off", which is 0 and no limit.
func ParseRate(s string) (int64, error) {
	if s == "off" || s == "none" {
		return 0, nil
	}
	n, err := Parse(strings.TrimSuffix(s, "/s"))
	if errors.Is(err, errSI) {
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not bytes a second such as 10MiB, nor off", s)
	}
	return n, nil
}

// FormatRate writes bytes a second as ParseRate reads them: "10MiB/s"; 0 is "off".
func FormatRate(n int64) string {
	if n == 0 {
		return "off"
	}
	return Format(n) + "/s"
}

func strange(r rune) bool {
	return !strings.ContainsRune("0123456789.kKmMgGtTpPiIbB", r)
}
