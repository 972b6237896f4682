package config

import (
	"fmt"
	"strconv"

	"github.com/logis-project/logis/internal/quantity"
)

// defaultRules bound what a site gets whose creator does not say otherwise. They are those of site.Limits, which a test of the
// engine holds them to: what they let pass a site can be made with, on a machine that is large enough.
func defaultRules() []rule {
	return []rule{
		{key: "defaults.image", allowed: `the name of an image, such as "lemp"`, wrong: func(c Config) string {
			if !imageName.MatchString(c.Defaults.Image) {
				return fmt.Sprintf("%q is not allowed", c.Defaults.Image)
			}
			return ""
		}},
		size("defaults.memory", 64<<20, quantity.Max, func(c Config) Bytes { return c.Defaults.Memory }),
		{key: "defaults.swap", allowed: `a size in quotes, such as "1GiB", or "off"`}, // its type refuses all else
		size("defaults.disk", 256<<20, quantity.Max, func(c Config) Bytes { return c.Defaults.Disk }),
		{key: "defaults.cpus", allowed: "processors from 0.01 to 1024, such as 0.5", wrong: func(c Config) string {
			if n := c.Defaults.CPUs; !(n >= 0.01 && n <= 1024) { // also refuses NaN
				return fmt.Sprintf("%v is not allowed", n)
			}
			return ""
		}},
		number("defaults.pids", 32, 1<<22, "", func(c Config) float64 { return float64(c.Defaults.PIDs) }),
		number("defaults.cpu_weight", 1, 10_000, "", func(c Config) float64 { return float64(c.Defaults.CPUWeight) }),
		number("defaults.io_weight", 1, 10_000, "", func(c Config) float64 { return float64(c.Defaults.IOWeight) }),
		rate("defaults.io_bandwidth", 1<<20, func(c Config) Rate { return c.Defaults.IOBandwidth }),
		rate("defaults.bandwidth", 64<<10, func(c Config) Rate { return c.Defaults.Bandwidth }),
		number("defaults.open_files", 256, 1<<20, "", func(c Config) float64 { return float64(c.Defaults.OpenFiles) }),
		size("defaults.log_size", 64<<10, 1<<30, func(c Config) Bytes { return c.Defaults.LogSize }),
	}
}

// number is a rule of a whole number from low to high; more is said of the bounds behind them.
func number(key string, low, high float64, more string, value func(Config) float64) rule {
	whole := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
	return rule{key: key, allowed: "a whole number from " + whole(low) + " to " + whole(high) + more, wrong: func(c Config) string {
		if n := value(c); n < low || n > high {
			return whole(n) + " is not allowed"
		}
		return ""
	}}
}

// size is a rule of bytes from low to high.
func size(key string, low, high int64, value func(Config) Bytes) rule {
	words := `a size in quotes, such as "2GiB"`
	if low > 0 {
		words += ", " + quantity.Format(low) + " or more"
	}
	if high < quantity.Max {
		words = `a size in quotes, such as "2MiB", from ` + quantity.Format(low) + " to " + quantity.Format(high)
	}
	return rule{key: key, allowed: words, wrong: func(c Config) string {
		if n := int64(value(c)); n < low || n > high {
			return strconv.Quote(quantity.Format(n)) + " is not allowed"
		}
		return ""
	}}
}

// fastest is a terabit a second: who wants more wants no limit.
const fastest = 1 << 37

// rate is a rule of bytes a second from low on, or none.
func rate(key string, low int64, value func(Config) Rate) rule {
	words := `bytes a second in quotes, from ` + quantity.Format(low) + ` to ` + quantity.Format(fastest) + `, such as "20MiB", or "off"`
	return rule{key: key, allowed: words, wrong: func(c Config) string {
		if n := int64(value(c)); n != 0 && (n < low || n > fastest) {
			return strconv.Quote(quantity.Format(n)) + " is not allowed"
		}
		return ""
	}}
}
