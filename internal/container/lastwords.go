package container

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxLastWords  = 512     // bytes that LastWords returns
	readLastWords = 4 << 10 // bytes of the file that are looked at
)

func (c *Container) lastWordsPath() string { return filepath.Join(c.runtime.dir(c.name), "init.log") }

// openLastWords makes the file that is standard error of launch, setup and PID 1, and of nothing that PID 1 starts. PID 1
// writes a few lines in its life, or the Go runtime the one report of its crash.
func (c *Container) openLastWords() (*os.File, error) {
	f, err := os.OpenFile(c.lastWordsPath(), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make file of last words: %w", err)
	}
	return f, nil
}

// LastWords is what PID 1 complained of, at most 512 bytes in one printable line, "" for nothing: why it ended, if by
// itself. Call it before Release. Paths and names in it can be the site's choice.
func (c *Container) LastWords() string {
	f, err := os.OpenFile(c.lastWordsPath(), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, readLastWords))
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	return lastWords(string(text))
}

// lastWords takes the last 512 bytes before the first empty line: stacks follow that in the report of a crash.
func lastWords(text string) string {
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufffd' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = strings.TrimSpace(text)
	if len(text) > maxLastWords {
		text = strings.TrimSpace(strings.ToValidUTF8(text[len(text)-maxLastWords:], ""))
	}
	return text
}
