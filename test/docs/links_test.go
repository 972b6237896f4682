package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	named   = regexp.MustCompile(`<a id="([^"]+)"`)
)

// TestLinks: what a page leads to in this repository is there, heading too, and the index leads to every page.
func TestLinks(t *testing.T) {
	var indexed, all []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/*/*.md", "../../test/*/*.md"} {
		pages, err := filepath.Glob(pattern)
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(pages), err)
		}
		for _, page := range pages {
			for _, l := range link.FindAllStringSubmatch(read(t, page), -1) {
				if strings.Contains(l[1], "://") {
					continue
				}
				path, anchor, _ := strings.Cut(l[1], "#")
				target := page
				if path != "" {
					target = filepath.Join(filepath.Dir(page), path)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s leads to %s: %v", page, l[1], err)
				} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
					t.Errorf("%s leads to %s, which has no such heading", page, l[1])
				}
				if page == "../../docs/README.md" {
					indexed = append(indexed, target)
				}
			}
			if dir := filepath.Dir(page); strings.HasPrefix(dir, "../../docs") && dir != "../../docs/adr" && page != "../../docs/README.md" {
				all = append(all, page)
			}
		}
	}
	for _, page := range all {
		if !slices.Contains(indexed, page) {
			t.Errorf("docs/README.md does not lead to %s", page)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// anchors are those that GitHub gives the headings of a page, and those written as HTML.
func anchors(text string) []string {
	var found []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		found = append(found, strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	for _, a := range named.FindAllStringSubmatch(text, -1) {
		found = append(found, a[1])
	}
	return found
}
