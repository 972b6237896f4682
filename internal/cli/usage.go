package cli

import (
	"fmt"
	"math"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

// working is the memory that counts: what the kernel takes back first does not.
func working(u api.Usage) int64 { return max(u.MemoryBytes-u.CacheBytes, 0) }

// share writes a part of a limit: "8 %"; what is more than nothing is at least "1 %", what is less than all at most "99 %".
func share(used, limit int64) string {
	if limit <= 0 {
		return "0 %"
	}
	percent := math.Round(float64(used) / float64(limit) * 100)
	switch {
	case used > 0 && percent < 1:
		percent = 1
	case used < limit && percent > 99:
		percent = 99
	}
	return fmt.Sprintf("%.0f %%", percent)
}

// outOf writes "47MiB of 512MiB (9 %)", and "none" where nothing is allowed.
func outOf(used, limit int64) string {
	if limit == 0 && used == 0 {
		return "none"
	}
	return fmt.Sprintf("%s of %s (%s)", quantity.Format(used), quantity.Format(limit), share(used, limit))
}

func memoryLine(s api.Site) string {
	line := outOf(working(s.Usage), s.Limits.MemoryBytes)
	if s.Usage.CacheBytes > 0 {
		line += ", and " + quantity.Format(s.Usage.CacheBytes) + " of cache that can go"
	}
	return line
}

// killedLine tells of processes that the kernel killed; empty where there are none.
func killedLine(u api.Usage) string {
	if u.OOMKills == 0 {
		return ""
	}
	what := "processes"
	if u.OOMKills == 1 {
		what = "process"
	}
	line := fmt.Sprintf("%d %s for want of memory", u.OOMKills, what)
	if k := u.LastOOMKill; k != nil {
		return line + fmt.Sprintf(", last %s (pid %d on the host) at %s", k.Process, k.PID, date(k.At))
	}
	return line + "; the kernel's log does not tell which"
}
