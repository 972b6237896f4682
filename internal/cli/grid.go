package cli

import (
	"slices"
	"strings"
)

// column says how a column of a table is laid out where the terminal is too narrow for it.
type column struct {
	head  string
	right bool // numbers end in one line
	least int  // columns of the terminal that it may be cut down to; 0 is never cut
	spare int  // where cutting does not do, those above 0 are left out, the lowest first
}

// cell is a field of a table.
type cell struct {
	text  string
	paint paint
}

// line is a laid out row: cells with the spaces around them.
type line []cell

// layout lays out a table, its head first, in lines of at most width columns; 0 is no bound. Where they do not fit, the gap
// between two columns is made smaller, then the widest of the columns that may be cut are, and then columns are left out.
func layout(columns []column, rows [][]cell, width int) []line {
	for _, row := range rows {
		for i := range row {
			row[i].text = clean(row[i].text)
		}
	}
	for {
		widths, gap := fitted(columns, rows, width)
		if width == 0 || total(widths, gap) <= width || !slices.ContainsFunc(columns, func(c column) bool { return c.spare > 0 }) {
			lines := []line{lay(columns, heads(columns), widths, gap, width)}
			for _, row := range rows {
				lines = append(lines, lay(columns, row, widths, gap, width))
			}
			return lines
		}
		columns, rows = without(columns, rows, leastSpare(columns))
	}
}

// fitted returns the widths of the columns and the gap between two.
func fitted(columns []column, rows [][]cell, width int) (widths []int, gap int) {
	widths = make([]int, len(columns))
	for i, c := range columns {
		widths[i] = columnsOf(c.head)
		for _, row := range rows {
			widths[i] = max(widths[i], columnsOf(row[i].text))
		}
	}
	if gap = 2; width == 0 || total(widths, gap) <= width {
		return widths, gap
	}
	return shrink(widths, columns, 1, width), 1
}

// shrink cuts the widest of the columns that may be cut, one column of the terminal after the other, until the lines fit.
func shrink(widths []int, columns []column, gap, width int) []int {
	for width > 0 && total(widths, gap) > width {
		widest := -1
		for i, c := range columns {
			if c.least > 0 && widths[i] > max(c.least, len(c.head)) && (widest < 0 || widths[i] >= widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

func total(widths []int, gap int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

func heads(columns []column) []cell {
	row := make([]cell, 0, len(columns))
	for _, c := range columns {
		row = append(row, cell{c.head, head})
	}
	return row
}

// leastSpare is the index of the column to be left out first.
func leastSpare(columns []column) int {
	least := -1
	for i, c := range columns {
		if c.spare > 0 && (least < 0 || c.spare < columns[least].spare) {
			least = i
		}
	}
	return least
}

func without(columns []column, rows [][]cell, i int) ([]column, [][]cell) {
	fewer := make([][]cell, 0, len(rows))
	for _, row := range rows {
		fewer = append(fewer, slices.Delete(slices.Clone(row), i, i+1))
	}
	return slices.Delete(slices.Clone(columns), i, i+1), fewer
}

// lay pads the cells of a row. No line ends with a space.
func lay(columns []column, row []cell, widths []int, gap, width int) line {
	last := len(row) - 1
	for last > 0 && row[last].text == "" {
		last--
	}
	var out line
	left := width
	for i, c := range row[:last+1] {
		text := shorten(c.text, widths[i])
		before, after := "", ""
		if fill := strings.Repeat(" ", widths[i]-columnsOf(text)); columns[i].right {
			before = fill
		} else if i < last {
			after = fill
		}
		if i < last {
			after += strings.Repeat(" ", gap)
		}
		if width > 0 { // narrower than what cannot be cut
			room := left
			if left -= columnsOf(before + text + after); left < 0 {
				return append(out, cell{shorten(before+text+after, room), c.paint})
			}
		}
		out = append(out, cell{before, plainly}, cell{text, c.paint}, cell{after, plainly})
	}
	return out
}

// grid prints a table, in the terminal's width and colours.
func (c *commandLine) grid(columns []column, rows [][]cell) {
	for _, l := range layout(columns, rows, c.width()) {
		c.printf("%s\n", c.shown(l))
	}
}

// shown is a line in colours, where there are any.
func (c *commandLine) shown(l line) string {
	var b strings.Builder
	for _, part := range l {
		b.WriteString(c.tint(part.paint, part.text))
	}
	return b.String()
}
