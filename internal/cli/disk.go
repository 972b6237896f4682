package cli

import (
	"fmt"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

// A site's disk has two limits, one for all and one, below it, for files: what lies between is kept for the database
// (docs/adr/0003). What is full first is what stops the owner.

// filesLimit is where files are full; 0 where that is not known, or not before the disk is.
func filesLimit(s api.Site) int64 {
	if s.Usage.FilesLimit >= s.Limits.DiskBytes {
		return 0
	}
	return s.Usage.FilesLimit
}

// diskPaint is the paint of what is fuller.
func diskPaint(s api.Site) paint {
	whole, files := fullness(s.Usage.DiskBytes, s.Limits.DiskBytes), fullness(s.Usage.FilesBytes, filesLimit(s))
	if whole == bad || files == plainly {
		return whole
	}
	return files
}

// diskFields say how full a disk is, and what of it is for whom.
func diskFields(s api.Site) []field {
	u := s.Usage
	whole, most := outOf(u.DiskBytes, s.Limits.DiskBytes), filesLimit(s)
	switch {
	case fullness(u.DiskBytes, s.Limits.DiskBytes) == bad:
		whole += ": full; more with: logis set " + s.Name + " --disk"
	case fullness(u.FilesBytes, most) == bad:
		whole += ": full for files; more with: logis set " + s.Name + " --disk"
	}
	fields := []field{{"disk", cell{whole, diskPaint(s)}}}
	if most == 0 {
		return fields
	}
	return append(fields,
		field{"  files", cell{outOf(u.FilesBytes, most), fullness(u.FilesBytes, most)}},
		field{"  database", cell{text: fmt.Sprintf("%s, and %s are kept for it alone", quantity.Format(max(u.DiskBytes-u.FilesBytes, 0)),
			quantity.Format(s.Limits.DiskBytes-most))}},
	)
}
