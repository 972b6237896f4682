package report

import (
	"bytes"
	"cmp"
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The size of a chart and of its legend, which stands to the right of it where no bar can be behind it.
const (
	width, height = vg.Length(760), vg.Length(300)
	legendWidth   = vg.Length(110)
	margin        = vg.Length(10)
	typeface      = vg.Length(10)
)

// What the charts are drawn with. These three have a counterpart in the dark, see themed; a subject's colour is seen on both papers.
var (
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.RGBA{0x1f, 0x23, 0x28, 0xff}
	faint = color.RGBA{0xd8, 0xde, 0xe4, 0xff}
)

// palette is what measures and unknown subjects are told apart by: of Okabe and Ito, for eyes that do not tell red from green.
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0xd5, 0x5e, 0x00, 0xff},
}

// colorOf a subject is the same in every chart.
func colorOf(subject string, i int) color.RGBA {
	switch subject {
	case Floor, Host:
		return color.RGBA{0x8b, 0x94, 0x9e, 0xff}
	case Logis:
		return palette[0]
	case LogisAPI:
		return color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	}
	if at := slices.Index(peers, subject); at >= 0 {
		return palette[1+at]
	}
	return palette[i%len(palette)]
}

// figure is a plot with a legend beside it.
type figure struct {
	plot   *plot.Plot
	legend plot.Legend
	bar    vg.Length         // how wide a group of bars may be
	under  *plotter.BarChart // what the next layer of a stack lies on
	xs     []float64
	err    error // the first
}

// failed keeps an error for svg to return.
func (f *figure) failed(err error) bool {
	f.err = cmp.Or(f.err, err)
	return err != nil
}

func newFigure(unit string) *figure {
	f := &figure{plot: plot.New(), legend: plot.NewLegend()}
	p := f.plot
	p.BackgroundColor = nil
	p.Y.Label.Text = unit
	p.Y.Min = 0
	p.Y.Tick.Marker = plot.TickerFunc(shortTicks)
	for _, style := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &f.legend.TextStyle,
	} {
		style.Color = ink
		style.Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, typeface)
	}
	for _, line := range []*draw.LineStyle{&p.X.LineStyle, &p.Y.LineStyle, &p.X.Tick.LineStyle, &p.Y.Tick.LineStyle} {
		line.Color = ink
	}
	p.Title.TextStyle.Font.Size = 1.2 * typeface
	p.Title.Padding = margin
	f.legend.Top, f.legend.Left = true, true
	f.legend.Padding = 4
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = faint
	p.Add(grid)
	return f
}

// shortTicks are the library's, with no more digits than tell them apart.
func shortTicks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i, t := range ticks {
		if !t.IsMinor() {
			ticks[i].Label = strconv.FormatFloat(t.Value, 'g', 6, 64)
		}
	}
	return ticks
}

// wide makes room for so many groups of bars.
func (f *figure) wide(groups int) {
	f.bar = 0.8 * (width - legendWidth - 60) / vg.Length(groups)
	f.plot.X.Tick.Length = 0
	f.plot.X.Width = 0.5
	f.plot.X.Min, f.plot.X.Max = -0.5, float64(groups)-0.5
}

// bars adds the i-th of n bars to each group, with its quartiles and its number.
func (f *figure) bars(name string, fill color.Color, row []Summary, i, n int) {
	at := (float64(i) - float64(n-1)/2) * 0.8 / float64(n)
	heights := make(plotter.Values, len(row))
	var spread struct {
		plotter.XYs
		plotter.YErrors
	}
	labels := plotter.XYLabels{}
	for j, s := range row {
		heights[j] = s.Median
		if s.N > 0 {
			x := float64(j) + at
			spread.XYs = append(spread.XYs, plotter.XY{X: x, Y: s.Median})
			spread.YErrors = append(spread.YErrors, struct{ Low, High float64 }{s.Median - s.Q1, s.Q3 - s.Median})
			labels.XYs = append(labels.XYs, plotter.XY{X: x, Y: s.Q3})
			labels.Labels = append(labels.Labels, plain.number(s.Median))
		}
	}
	b, err := plotter.NewBarChart(heights, f.bar/vg.Length(n)*0.92)
	if f.failed(err) {
		return
	}
	b.XMin, b.Color, b.LineStyle.Width = at, fill, 0
	whiskers, err := plotter.NewYErrorBars(spread)
	if f.failed(err) {
		return
	}
	whiskers.Color, whiskers.Width = ink, 0.7
	f.plot.Add(b, whiskers)
	f.label(labels)
	f.legend.Add(name, b)
}

// label writes numbers above where bars end.
func (f *figure) label(at plotter.XYLabels) {
	labels, err := plotter.NewLabels(at)
	if f.failed(err) {
		return
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i].Font = font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, 0.8*typeface)
		labels.TextStyle[i].Color = ink
		labels.TextStyle[i].XAlign = text.XCenter
	}
	labels.Offset.Y = 3
	f.plot.Add(labels)
}

// layer lies on the one before.
func (f *figure) layer(name string, fill color.Color, heights []float64) {
	b, err := plotter.NewBarChart(plotter.Values(heights), f.bar/2)
	if f.failed(err) {
		return
	}
	b.Color, b.LineStyle.Width = fill, 0
	if f.under != nil {
		b.StackOn(f.under)
	}
	f.under = b
	f.plot.Add(b)
	f.legend.Add(name, b)
}

// numbers writes the height of each stack above it.
func (f *figure) numbers(sums []float64) {
	var labels plotter.XYLabels
	for i, v := range sums {
		labels.XYs = append(labels.XYs, plotter.XY{X: float64(i), Y: v})
		labels.Labels = append(labels.Labels, plain.number(v))
	}
	f.label(labels)
}

// line goes through the medians, with their quartiles.
func (f *figure) line(name string, stroke color.Color, points []point) {
	var at struct {
		plotter.XYs
		plotter.YErrors
	}
	for _, p := range points {
		at.XYs = append(at.XYs, plotter.XY{X: p.x, Y: p.y.Median})
		at.YErrors = append(at.YErrors, struct{ Low, High float64 }{p.y.Median - p.y.Q1, p.y.Q3 - p.y.Median})
		f.xs = append(f.xs, p.x)
	}
	if len(points) == 0 {
		return
	}
	line, dots, err := plotter.NewLinePoints(at.XYs)
	if f.failed(err) {
		return
	}
	whiskers, err := plotter.NewYErrorBars(at)
	if f.failed(err) {
		return
	}
	line.Color, line.Width = stroke, 1.5
	dots.Color, dots.Shape = stroke, draw.CircleGlyph{}
	whiskers.Color, whiskers.Width = stroke, 0.7
	f.plot.Add(line, dots, whiskers)
	f.legend.Add(name, line)
}

// over gives a chart of lines its axes; nil when it has no line.
func (f *figure) over(axes func(*figure)) *figure {
	if len(f.xs) == 0 {
		return nil
	}
	f.plot.X.Label.Text = "sites"
	var ticks plot.ConstantTicks
	slices.Sort(f.xs)
	for _, x := range slices.Compact(f.xs) {
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'g', -1, 64)})
	}
	f.plot.X.Tick.Marker = ticks
	axes(f)
	return f
}

func linear(f *figure) { f.plot.X.Min = 0 }

// logarithmic shows what grows as the number of sites does as a straight line, and what does not grow as a level one.
func logarithmic(f *figure) {
	f.plot.X.Scale, f.plot.Y.Scale = plot.LogScale{}, plot.LogScale{}
	f.plot.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	f.plot.Y.Min = 1
}

// svg draws the figure.
func (f *figure) svg(title string) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.plot.Title.Text = title
	canvas := vgsvg.New(width, height)
	c := draw.New(canvas)
	c.SetColor(paper)
	c.Fill(c.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	f.plot.Draw(draw.Crop(c, 0, -legendWidth, 0, 0))
	f.legend.Draw(draw.Crop(c, width-legendWidth-margin, 0, 0, -3*margin))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	return themed(b.Bytes()), nil
}
