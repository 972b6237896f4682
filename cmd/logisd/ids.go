package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/logis-project/logis/internal/config"
)

// claimIDs says in dir, /run, which host ids this instance gives to its sites, and refuses those that another instance of
// this boot has claimed: its sites may run without their logisd. The function it returns takes the claim back, unless
// containers still have the ids. A claim is written before others are looked at, so of two that start at the same
// instant at most one goes on.
func claimIDs(c config.Config, dir string) (release func(), err error) {
	first, last := rangesOf(c).IDs()
	own := filepath.Join(dir, "logis-"+c.Instance+".ids")
	remove := func() { os.Remove(own) }
	if err := writeClaim(own, first, last); err != nil {
		return nil, fmt.Errorf("claim ids: %w", err)
	}
	claims, err := filepath.Glob(filepath.Join(dir, "logis-*.ids"))
	if err != nil {
		return nil, fmt.Errorf("claim ids: %w", err)
	}
	for _, path := range claims {
		if path == own {
			continue
		}
		theirFirst, theirLast, err := readClaim(path)
		if err != nil {
			remove()
			return nil, fmt.Errorf("read the ids of another instance: %w: restart that instance, which writes them anew; if there is none any more, remove %s", err, path)
		}
		if first <= theirLast && theirFirst <= last {
			remove()
			other := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "logis-"), ".ids")
			return nil, fmt.Errorf("host ids %d to %d of this instance's sites overlap %d to %d of instance %s: change first_id, or make "+
				"network.subnet4 of one smaller; if there is no instance %s any more, remove %s", first, last, theirFirst, theirLast, other, other, path)
		}
	}
	return func() {
		if alone, err := noContainers(c); err == nil && alone {
			remove()
		}
	}, nil
}

// writeClaim replaces a claim at once: another instance that starts meanwhile reads a whole one.
func writeClaim(path string, first, last uint32) error {
	return renameio.WriteFile(path, fmt.Appendln(nil, first, last), 0o644, renameio.WithTempDir(filepath.Dir(path)))
}

func readClaim(path string) (first, last uint32, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(string(text), &first, &last); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	return first, last, nil
}
