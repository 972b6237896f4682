// Package docs reads the guides in docs/ as a sequence of commands with what they are to print, so that a test can run them
// (TestDocs in test/e2e). It runs nothing itself. How a block is marked is said in docs/README.md.
package docs

import (
	"fmt"
	"strings"
)

// Place is where a block of commands is typed.
type Place string

// The places that a block can name.
const (
	Server Place = "server" // the host, as root
	Site   Place = "site"   // a site, as its owner, over ssh
	Laptop Place = "laptop" // the owner's own computer
	Source Place = "source" // a checkout of this repository
)

// Block is a piece of a guide that a test acts on.
type Block struct {
	Line   int    // of the fence, or of the directive
	Place  Place  // where Commands are typed
	Person string // whose site or laptop it is
	// Commands are a shell script. They are what a reader types, so the end of one command that fails ends the block.
	Commands string
	Output   string // lines that the commands print among others, see Match; "" is anything
	NotRun   string // why a test cannot run it; "" where it can
	// Directive is what a comment of the form <!-- test: … --> asks of the test, in words; such a block has no commands.
	Directive []string
}

// shown are the languages of blocks that nobody types.
var shown = map[string]bool{"text": true, "toml": true}

const (
	fence     = "```"
	directive = "<!-- test: "
	skipped   = "not-run: "
)

// Parse reads a guide. A block of commands that does not say where it is typed is an error, so that none is passed over.
func Parse(text string) ([]Block, error) {
	p := reader{lines: strings.Split(text, "\n")}
	for p.next < len(p.lines) {
		if err := p.step(); err != nil {
			return nil, err
		}
	}
	return p.blocks, nil
}

type reader struct {
	lines  []string
	next   int
	blocks []Block
}

// step reads a line, and the block that it opens.
func (p *reader) step() error {
	line, number := p.lines[p.next], p.next+1
	p.next++
	if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") {
		return fmt.Errorf("line %d: an indented block is never run: put it between fences", number)
	}
	if rest, ok := strings.CutPrefix(line, directive); ok {
		words, closed := strings.CutSuffix(rest, "-->")
		if !closed {
			return fmt.Errorf("line %d: the comment does not end on its line", number)
		}
		p.blocks = append(p.blocks, Block{Line: number, Directive: strings.Fields(words)})
		return nil
	}
	label, ok := strings.CutPrefix(line, fence)
	if !ok {
		return nil
	}
	body, err := p.body(number)
	if err != nil {
		return err
	}
	return p.add(number, label, body)
}

// body reads up to the closing fence.
func (p *reader) body(opened int) (string, error) {
	var b strings.Builder
	for p.next < len(p.lines) {
		line := p.lines[p.next]
		p.next++
		if line == fence {
			return b.String(), nil
		}
		b.WriteString(line + "\n")
	}
	return "", fmt.Errorf("line %d: the block is not closed", opened)
}

// add keeps a block with the label "sh site anna", "sh server not-run: why" or "output"; one that is only shown is left out.
func (p *reader) add(line int, label, body string) error {
	label, why, marked := strings.Cut(label, skipped)
	words := strings.Fields(label)
	if len(words) == 0 {
		return fmt.Errorf("line %d: the block does not say what it is", line)
	}
	switch {
	case words[0] == "sh":
		b := Block{Line: line, Commands: body, NotRun: strings.TrimSpace(why)}
		if marked && b.NotRun == "" {
			return fmt.Errorf("line %d: it is not said why the block is not run", line)
		}
		if err := b.place(words[1:]); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		p.blocks = append(p.blocks, b)
	case words[0] == "output":
		last := len(p.blocks) - 1
		if last < 0 || p.blocks[last].Commands == "" || p.blocks[last].Output != "" {
			return fmt.Errorf("line %d: it is the output of no commands", line)
		}
		p.blocks[last].Output = body
	case !shown[words[0]]:
		return fmt.Errorf("line %d: a block of %q is neither run nor known to be only shown", line, words[0])
	}
	return nil
}

// place reads "server", "source", "site NAME" or "laptop NAME".
func (b *Block) place(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("the commands do not say where they are typed")
	}
	b.Place = Place(words[0])
	want := 1
	switch b.Place {
	case Server, Source:
	case Site, Laptop:
		want = 2
	default:
		return fmt.Errorf("there is no place %q: server, source, site NAME or laptop NAME", words[0])
	}
	if len(words) != want {
		return fmt.Errorf("%q is a place in %d words", strings.Join(words, " "), want)
	}
	if want == 2 {
		b.Person = words[1]
	}
	return nil
}
