package report

import (
	"bytes"
	"fmt"
	"image/color"
	"strings"
)

// dark is what paper, ink and faint are where the reader's screen is dark.
var dark = map[color.RGBA]string{paper: "#0D1117", ink: "#E6EDF3", faint: "#30363D"}

// themed makes a drawing fit for a page in the light and one in the dark. A viewer that does not know media queries shows it as on
// paper: it brings its own background either way. The fonts are the reader's, those after the first having the same widths.
func themed(svg []byte) []byte {
	var rules strings.Builder
	for _, light := range []color.RGBA{paper, ink, faint} {
		for _, property := range []string{"fill", "stroke"} {
			fmt.Fprintf(&rules, "  [style*=\"%s:#%02X%02X%02X\"] { %[1]s: %[5]s !important }\n", property, light.R, light.G, light.B, dark[light])
		}
	}
	style := "<style>@media (prefers-color-scheme: dark) {\n" + rules.String() + "}</style>\n"
	svg = bytes.Replace(svg, []byte("<g "), []byte(style+"<g "), 1)
	return bytes.ReplaceAll(svg, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans, Arial, Helvetica, sans-serif;"))
}
