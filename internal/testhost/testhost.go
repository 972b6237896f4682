// Package testhost gives a test binary a host in a box: network, mount and PID namespaces of its own, an empty /run, a
// /sys of the new network, and an instance name that no other run uses. What dies with the run needs no cleaning; what
// outlives it (cgroups, loop devices, files) is swept by the next run if this one is killed. It knows nothing of logis
// but the instance prefix, and must not be imported outside tests and benchmarks.
package testhost

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// root holds a directory for each run: its temporary files, and the lock that tells a run that lives from one that died.
const root = "/var/tmp/logis-test"

// The environment tells the re-executed binary which of the three it is.
const (
	envStage = "LOGIS_TESTHOST_STAGE" // "init", then "test"; empty in the process that `go test` started
	envDir   = "LOGIS_TESTHOST_DIR"
)

// Main runs the tests of m in a host in a box and exits with their status. Call it from TestMain, and do nothing before
// it. It needs root.
func Main(m *testing.M) { Enter(m.Run) }

// Enter runs main in a host in a box and exits with the status that it returns. The program becomes three processes, with the
// same arguments: this one, PID 1 of the new PID namespace which reaps, and the one that runs main. SIGINT and SIGTERM end it.
func Enter(main func() int) {
	switch os.Getenv(envStage) {
	case "":
		os.Exit(report(outside()))
	case "init":
		os.Exit(report(initProcess()))
	}
	unix.CloseOnExec(hostNet)
	os.Exit(main())
}

// Instance is the prefix for everything this run names in the kernel: "lt" and four hex digits.
func Instance() string { return filepath.Base(Dir()) }

// Dir is a directory on the host's disk for this run, removed at its end.
func Dir() string { return os.Getenv(envDir) }

func report(status int, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "testhost:", err)
		return max(status, 1)
	}
	return status
}

// outside starts PID 1 of the box, waits for it, and removes what outlives a box.
func outside() (int, error) {
	if os.Geteuid() != 0 {
		return 1, errors.New("these tests need root")
	}
	if err := Sweep(); err != nil {
		return 1, err
	}
	dir, lock, err := newDir()
	if err != nil {
		return 1, err
	}
	defer lock.Close()

	network, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return 1, fmt.Errorf("open the host's network: %w", err)
	}
	defer network.Close()

	// The box must die with this process, and PDEATHSIG follows the thread that forked.
	runtime.LockOSThread()
	box, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(os.Environ(), envStage+"=init", envDir+"="+dir),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, network}, // the last is hostNet
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
			Pdeathsig:  syscall.SIGKILL,
		},
	})
	if err != nil {
		return 1, fmt.Errorf("start test host: %w", err)
	}
	// Ctrl-C ends the box, and this process removes what is left of it.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() { // ends with the process
		for s := range signals {
			_ = box.Signal(s)
		}
	}()
	state, err := box.Wait()
	if err != nil {
		return 1, fmt.Errorf("wait for test host: %w", err)
	}
	return state.ExitCode(), sweepRun(dir)
}

// newDir makes this run's directory and takes its lock, which is held until the process ends.
func newDir() (string, *os.File, error) {
	var name [2]byte
	_, _ = rand.Read(name[:]) // never fails
	dir := filepath.Join(root, "lt"+hex.EncodeToString(name[:]))
	// Sites' ids pass through on the way to their own files; they can list nothing here.
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return "", nil, fmt.Errorf("make run directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("make run lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return "", nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return dir, lock, nil
}

// initProcess is PID 1 of the box: it prepares the namespaces, runs the tests as a child and reaps whatever is orphaned.
// When it ends the kernel kills all that is left.
func initProcess() (int, error) {
	if err := prepare(); err != nil {
		return 1, err
	}
	if err := os.Setenv(envStage, "test"); err != nil {
		return 1, err
	}
	tests, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(hostNet, "host network")},
	})
	if err != nil {
		return 1, fmt.Errorf("start tests: %w", err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() { // ends with the process, whose only other work is the loop below
		for s := range signals {
			_ = tests.Signal(s)
		}
	}()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 1, fmt.Errorf("wait for tests: %w", err)
		case pid == tests.Pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == tests.Pid && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}
