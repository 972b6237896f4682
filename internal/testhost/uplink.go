package testhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// hostNet is the descriptor of the real host's network namespace, in PID 1 of the box and in the tests.
const hostNet = 3

// uplinkDevice is the box's end of the uplink.
const uplinkDevice = "tap0"

// Uplink gives the box a way to the Internet, as far as the real host has one: slirp4netns(1) reads the box's packets from
// a tap device and opens the connections itself, so nothing of the host's own network is changed. The box asks the host's
// nameservers, whose addresses in /etc/resolv.conf it can then reach. The caller calls the function returned, which takes
// the uplink away, when it is done. There is one uplink at a time.
func Uplink(ctx context.Context) (remove func() error, err error) {
	outside, err := unix.FcntlInt(hostNet, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the host's network: %w", err)
	}
	host := os.NewFile(uintptr(outside), "host network")
	defer host.Close()
	inside, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open the box's network: %w", err)
	}
	defer inside.Close()
	ready, tell, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	defer ready.Close()

	cmd := exec.CommandContext(ctx, "nsenter", "--net=/proc/self/fd/3", "--", "slirp4netns", "--configure", "--mtu=65520",
		"--disable-host-loopback", "--ready-fd=5", "--netns-type=path", "/proc/self/fd/4", uplinkDevice)
	cmd.ExtraFiles = []*os.File{host, inside, tell}
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return nil, fmt.Errorf("start slirp4netns: %w", err)
	}
	remove = func() error {
		if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
			return fmt.Errorf("end slirp4netns: %w", err)
		}
		_ = cmd.Wait() // by the signal
		return nil
	}
	// It writes one byte when the device is there, and none when it ends before.
	if _, err := io.ReadFull(ready, make([]byte, 1)); err != nil {
		return nil, errors.Join(errors.New("slirp4netns makes no uplink"), cmd.Wait())
	}
	return remove, nil
}
