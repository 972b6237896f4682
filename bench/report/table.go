package report

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// table is one of Markdown, padded so that a terminal shows it as a table too.
type table struct {
	head []string
	text int // so many columns from the left hold words; what follows are numbers, which end below each other
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) String() string {
	width := make([]int, len(t.head))
	for _, cells := range append([][]string{t.head}, t.rows...) {
		for i, cell := range cells {
			width[i] = max(width[i], 3, utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	t.line(&b, width, t.head)
	for i, w := range width {
		if i < t.text {
			b.WriteString("|" + strings.Repeat("-", w+2))
		} else {
			b.WriteString("|" + strings.Repeat("-", w+1) + ":")
		}
	}
	b.WriteString("|\n")
	for _, cells := range t.rows {
		t.line(&b, width, cells)
	}
	return b.String()
}

func (t *table) line(b *strings.Builder, width []int, cells []string) {
	for i, cell := range cells {
		cell = strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell)
		pad := strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(cell)))
		if i < t.text {
			b.WriteString("| " + cell + pad + " ")
		} else {
			b.WriteString("| " + pad + cell + " ")
		}
	}
	b.WriteString("|\n")
}

// compact drops the columns that have nothing in any row.
func (t *table) compact() {
	for i := range slices.Backward(t.head) {
		if slices.ContainsFunc(t.rows, func(cells []string) bool { return cells[i] != "" }) {
			continue
		}
		t.head = slices.Delete(t.head, i, i+1)
		for j := range t.rows {
			t.rows[j] = slices.Delete(t.rows[j], i, i+1)
		}
		if i < t.text {
			t.text--
		}
	}
}
