package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/logis-project/logis/internal/image"
)

// maxBuildLog bounds the log of a build, in bytes; one of lemp is a tenth of that.
const maxBuildLog = 4 << 20

// buildLog is the file that keeps all that the programs of the last build of an image said.
type buildLog struct {
	file *os.File
	left int
}

// openBuildLog begins the log of a build anew.
func openBuildLog(dir, name string) (*buildLog, error) {
	f, err := os.OpenFile(filepath.Join(dir, "build-"+name+".log"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the build's log: %w", err)
	}
	return &buildLog{f, maxBuildLog}, nil
}

// Write writes what is not beyond the bound. A full disk does not end a build here: it will.
func (l *buildLog) Write(p []byte) (int, error) {
	part := p[:min(len(p), l.left)]
	l.left -= len(part)
	_, _ = l.file.Write(part)
	return len(p), nil
}

// Close implements io.Closer.
func (l *buildLog) Close() error { return l.file.Close() }

// mention says in a build's error where all of the log is; where the error does not say what the cause is, what the program that
// failed said last follows, a line each.
func (l *buildLog) mention(err error) error {
	build, ok := errors.AsType[*image.BuildError](err)
	if !ok || len(build.Tail) == 0 {
		return err
	}
	err = fmt.Errorf("%w; all that it said is in %s", err, l.file.Name())
	if build.Cause != "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, strings.Join(build.Tail, "\n"))
}
