//go:build vm

package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// bootPatience bounds a boot, and a shutdown with the boot after it: a busy host emulates slowly.
	bootPatience = 10 * time.Minute
	// runPatience bounds one command.
	runPatience = 10 * time.Minute
)

// ssh is OpenSSH's client, asking nothing and remembering no host.
func (m *machine) ssh(ctx context.Context, port int, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", append([]string{
		"-F", "none", "-i", m.key, "-p", strconv.Itoa(m.ports[port]),
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
		"-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=60", "-o", "ServerAliveInterval=20",
	}, args...)...)
}

func (m *machine) controlSocket() string { return filepath.Join(m.dir, "ssh") }

// waitLogin waits until root can log in to a system booted after the one of that id ("" is none), and returns its boot id.
// The connection stays: under emulation a new one takes seconds.
func (m *machine) waitLogin(t *testing.T, before string) (id string) {
	t.Helper()
	begin := time.Now()
	err := poll(bootPatience, func() (err error) {
		if m.qemu.ended() {
			return fmt.Errorf("%w: QEMU has ended", errHopeless)
		}
		if m.login == nil || m.login.ended() {
			_ = os.Remove(m.controlSocket()) // of a connection that was killed: ssh would not take its place
			m.login, err = start(m.ssh(context.Background(), 22, "-M", "-N", "-S", m.controlSocket(), "root@127.0.0.1"))
			if err != nil {
				return err
			}
		}
		id, err = m.try("", "cat /proc/sys/kernel/random/boot_id")
		if err == nil && id == before {
			m.hangUp()
			return errors.New("it has not shut down yet")
		}
		return err
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	say(t, "root can log in after %v", time.Since(begin).Round(time.Second))
	return id
}

func (m *machine) hangUp() {
	if m.login != nil {
		m.login.kill()
	}
}

// try runs a script in the machine's shell as root and returns what it wrote to its standard output; its error holds the rest.
func (m *machine) try(input, script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runPatience)
	defer cancel()
	// Without the connection of waitLogin it fails: -F none names no other way in.
	cmd := m.ssh(ctx, 22, "-o", "ControlPath="+m.controlSocket(), "-o", "ProxyCommand=false", "root@127.0.0.1", script)
	cmd.Stdin = strings.NewReader(input)
	return output(cmd)
}

// run runs a script that must succeed.
func (m *machine) run(t *testing.T, script string) string {
	t.Helper()
	out, err := m.try("", script)
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return out
}

// output runs a command; the error of one that fails says what it wrote.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%w: %s%s", err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}
