package image

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

//go:embed stage.sh
var stageScript string

// Where a stage's command runs.
const (
	onHost  = "host"   // as the host's program, with the image's /dev, /run and nothing else prepared
	inImage = "chroot" // inside the image
)

// stage runs one command of a build in namespaces of its own. When ctx ends, or the caller dies, the kernel kills all
// that the command has started: its first process is PID 1 of the namespace.
type stage struct {
	root  string
	where string
	env   []string // beside PATH, HOME, LC_ALL
}

func (s stage) run(ctx context.Context, out io.Writer, argv ...string) error {
	// Pdeathsig follows the thread that forks, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", stageScript, "stage", s.root, s.where}, argv...)...)
	cmd.Dir = "/"
	cmd.Env = append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive",
	}, s.env...)
	cmd.Stdout, cmd.Stderr = out, out
	// Should this process die before the child has asked for its Pdeathsig, the child would live on: it begins with the
	// byte that is written once it has, and ends if none comes.
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	defer ours.Close()
	cmd.Stdin = theirs
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = cmd.Start()
	if err == nil {
		_, err = ours.WriteString("\n")
		err = errors.Join(err, cmd.Wait())
	}
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s: %w", argv[0], err)
	}
	return nil
}

// Bounds of what is kept and shown of a command's output.
const (
	tailLines = 15
	saidLines = 400
	lineBytes = 400
)

// output cuts what a command says into lines: each is logged and reported, the last ones are kept for an error.
type output struct {
	log    io.Writer
	report func(line string)
	said   []string
	part   []byte
}

// tail is what was said last, to be shown.
func (o *output) tail() []string { return o.said[max(0, len(o.said)-tailLines):] }

// Write never fails: a build does not end because its log does.
func (o *output) Write(p []byte) (int, error) {
	_, _ = o.log.Write(p)
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		if room := lineBytes - len(o.part); room > 0 {
			o.part = append(o.part, line[:min(room, len(line))]...)
		}
		if ended {
			o.endLine()
		}
		p = rest
	}
	return n, nil
}

func (o *output) endLine() {
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(o.part), "?"))
	o.part = o.part[:0]
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	o.said = append(o.said, line)
	if len(o.said) > saidLines {
		o.said = o.said[1:]
	}
	o.report(line)
}
