// Command logis-probe tries inside a site what must not work there, for `logis doctor --prove`. logisd hands it to the
// site's PID 1 and reads what it prints, one JSON object a line. It stands alone: it needs no file of the site.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/probe"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "logis-probe:", err)
		os.Exit(1)
	}
}

// run is `logis-probe try`, all attempts; `one GROUP NAME`, one of them; `hold`, the neighbour's part: these read the scene from
// standard input, since everybody in a site sees arguments. `whoami` is the part of a setuid copy; `plant` and `grab` are
// parts of what the host does.
func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: logis-probe try|one|hold|plant|grab|whoami [GROUP NAME]")
	}
	out := json.NewEncoder(os.Stdout)
	switch {
	case args[0] == "try":
		scene, err := readScene()
		if err != nil {
			return err
		}
		return probe.All(scene, func(a probe.Attempt) probe.Result { return apart(a, scene) }, func(r probe.Result) error { return out.Encode(r) })
	case args[0] == "one" && len(args) == 3:
		a, ok := probe.Find(args[1], args[2])
		if !ok {
			return fmt.Errorf("no attempt %q of %q", args[2], args[1])
		}
		scene, err := readScene()
		if err != nil {
			return err
		}
		return out.Encode(a.Try(scene))
	case args[0] == "plant":
		return out.Encode(probe.Result{Group: "plant", Seen: probe.Outcome(probe.Plant())})
	case args[0] == "grab":
		if err := out.Encode(probe.Result{Group: "grab", Seen: probe.Done}); err != nil {
			return err
		}
		return out.Encode(probe.Result{Group: "grab", Seen: probe.Outcome(probe.Grab())})
	case args[0] == "whoami":
		_, err := fmt.Fprintln(os.Stdout, probe.WhoAmI())
		return err
	case args[0] == "hold":
		scene, err := readScene()
		if err != nil {
			return err
		}
		stop, err := probe.Hold(scene)
		if err != nil {
			return err
		}
		defer stop()
		if err := out.Encode(probe.Result{Group: "hold", Seen: probe.Done}); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, os.Stdin) // until logisd lets go
		return err
	}
	return fmt.Errorf("unknown mode %q", args[0])
}

// readScene reads one JSON object from standard input. Where there is none, nothing is known of the world outside.
func readScene() (scene probe.Scene, err error) {
	if err := json.NewDecoder(os.Stdin).Decode(&scene); err != nil && !errors.Is(err, io.EOF) {
		return scene, fmt.Errorf("read scene: %w", err)
	}
	return scene, nil
}

// apart makes one attempt in a child: how that ends may be the outcome.
func apart(a probe.Attempt, scene probe.Scene) probe.Result {
	r := probe.Result{Group: a.Group, Name: a.Name}
	told, err := json.Marshal(scene)
	if err != nil {
		r.Fault = err.Error()
		return r
	}
	child := exec.Command("/proc/self/exe", "one", a.Group, a.Name)
	child.Stdin = bytes.NewReader(told)
	out, err := child.Output()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			r.Seen = "killed by " + unix.SignalName(status.Signal())
			return r
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		r.Fault = "its process: " + err.Error()
	}
	return r
}
