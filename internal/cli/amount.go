package cli

import (
	"fmt"
	"strings"
)

// upTo writes "47M/512M".
func upTo(used, limit int64) string { return compact(used) + "/" + compact(limit) }

// compact writes a number of bytes in at most four columns: "0", "999", "1.9K", "512M", "2G".
func compact(n int64) string {
	value, unit := float64(n), 0
	units := []string{"", "K", "M", "G", "T", "P", "E"}
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit > 0 && value < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + units[unit]
	}
	return fmt.Sprintf("%.0f%s", value, units[unit])
}

// percentOf is share in three or four columns.
func percentOf(used, limit int64) string { return strings.ReplaceAll(share(used, limit), " ", "") }

// perSecond writes a rate: "0", "0.5", "12".
func perSecond(rate float64) string {
	if rate > 0 && rate < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", rate), ".0")
	}
	return amount(rate)
}

// amount writes a number in at most six columns: "0", "99999", "100k", "12.3M".
func amount(n float64) string {
	if n < 99_999.5 {
		return fmt.Sprintf("%.0f", n)
	}
	units := []string{"k", "M", "G", "T", "P", "E"}
	value, unit := n/1000, 0
	for value >= 9999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.0f%s", value, units[unit])
}
