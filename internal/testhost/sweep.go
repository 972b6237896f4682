package testhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var instanceName = regexp.MustCompile(`^lt[0-9a-f]{4}$`)

// Sweep removes what killed runs left behind. A run is dead when its lock can be had.
func Sweep() error {
	runs, err := filepath.Glob(filepath.Join(root, "lt*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range runs {
		if !instanceName.MatchString(filepath.Base(dir)) {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			errs = append(errs, sweepRun(dir))
		}
		lock.Close()
	}
	return errors.Join(errs...)
}

// sweepRun removes what outlives the namespaces of the run in dir: processes, cgroups, loop devices, mounts, files; and,
// of a run in the host's own network, links and tables.
func sweepRun(dir string) error {
	instance := filepath.Base(dir)
	var errs []error
	for _, cgroup := range cgroupDirs(instance) {
		errs = append(errs, removeCgroup(cgroup))
	}
	sweepNetwork(instance)
	mounts, err := mountsUnder(dir)
	errs = append(errs, err)
	for _, m := range mounts {
		if err := unix.Unmount(m, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", m, err))
		}
	}
	for _, l := range loopsUnder(dir) {
		// An error is a device that let go meanwhile.
		_ = exec.Command("losetup", "--detach", l.device).Run()
	}
	errs = append(errs, os.RemoveAll(dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sweep %s: %w", instance, err)
	}
	return nil
}

// cgroupDirs lists the topmost cgroups of the instance in all hierarchies: "<instance>", "<instance>-…", "<instance>.slice".
func cgroupDirs(instance string) []string {
	var dirs []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // a cgroup that vanished while we walked
		}
		if rest, ok := strings.CutPrefix(d.Name(), instance); ok && (rest == "" || strings.ContainsAny(rest[:1], "-.")) {
			dirs = append(dirs, path)
			return fs.SkipDir
		}
		return nil
	})
	return dirs
}

// removeCgroup kills what runs in a cgroup and below it, and removes it. rmdir(2) says EBUSY until the last task is
// reaped, for which there is no event on cgroup v1.
func removeCgroup(dir string) error {
	var all []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append([]string{path}, all...) // children first
		}
		return nil
	})
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, d := range all {
		for {
			killAll(d)
			err := unix.Rmdir(d)
			if err == nil || errors.Is(err, unix.ENOENT) {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("remove cgroup %s: %w", d, err)
			}
			<-tick.C
		}
	}
	return nil
}

func killAll(cgroup string) {
	data, _ := os.ReadFile(filepath.Join(cgroup, "cgroup.procs"))
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// sweepNetwork removes the instance's links and tables from this network namespace, best effort: in a box that died
// there are none.
func sweepNetwork(instance string) {
	links, _ := filepath.Glob("/sys/class/net/" + instance + "*")
	for _, l := range links {
		_ = exec.Command("ip", "link", "delete", filepath.Base(l)).Run()
	}
	out, _ := exec.Command("nft", "list", "tables").Output()
	for line := range strings.Lines(string(out)) {
		// "table inet lt12ab"
		if f := strings.Fields(line); len(f) == 3 && strings.HasPrefix(f[2], instance) {
			_ = exec.Command("nft", "delete", "table", f[1], f[2]).Run()
		}
	}
}

// mountsUnder lists the mount points under dir, the innermost first.
func mountsUnder(dir string) ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var points []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			points = append([]string{f[4]}, points...)
		}
	}
	return points, nil
}

type loop struct{ device, file string }

// loopsUnder lists the loop devices whose file lies, or lay, under dir.
func loopsUnder(dir string) []loop {
	files, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var loops []loop
	for _, f := range files {
		data, err := os.ReadFile(f)
		if file := strings.TrimSpace(string(data)); err == nil && strings.HasPrefix(file, dir+"/") {
			loops = append(loops, loop{"/dev/" + filepath.Base(filepath.Dir(filepath.Dir(f))), file})
		}
	}
	return loops
}
