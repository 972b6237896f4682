package site

import (
	"fmt"
	"maps"
	"slices"

	"github.com/logis-project/logis/internal/near"
)

// missing is ErrNotFound, with the names that may have been meant; s.mu is held.
func (s *Store) missing(name string) error {
	return fmt.Errorf("%w%s: see logis list", ErrNotFound, near.Hint(name, slices.Collect(maps.Keys(s.records))))
}
