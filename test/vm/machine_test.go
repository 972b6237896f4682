//go:build vm

package vm

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The ports of the machine that the test can reach: ssh, the proxy, and the first three that logis redirects to sites.
var guestPorts = []int{22, 80, 22001, 22002, 22003}

// machine is a computer with a disk of its own, emulated by QEMU. The image's archive is its second disk, /dev/vdb.
type machine struct {
	base        base
	disk, image string
	dir         string // of what its runs leave: serial logs, the control socket of ssh
	key         string // lets root in, and the owner of every site

	boots int
	ports map[int]int // of 127.0.0.1, by the machine's own
	qemu  *process
	login *process // the ssh connection that carries every command
}

// powerOn starts it; it may take minutes until it can be logged into.
func (m *machine) powerOn(t *testing.T) {
	t.Helper()
	m.boots++
	m.ports = map[int]int{}
	forwards := "user,id=net,restrict=on" // it needs no network, and gets none
	for _, port := range guestPorts {
		m.ports[port] = freePort(t)
		forwards += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", m.ports[port], port)
	}
	log, err := os.Create(filepath.Join(m.dir, "qemu.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("qemu-system-x86_64",
		"-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35",
		"-accel", "tcg,thread=multi", "-cpu", "max,la57=off", // page tables of four levels are walked faster than of five
		"-smp", "2", "-m", "4096", "-kernel", m.base.kernel, "-initrd", m.base.initrd,
		"-append", "root=/dev/vda rw console=ttyS0 quiet systemd.show_status=1 systemd.log_color=0", "-serial", "file:"+m.serialLog(),
		// writeback: what the machine flushes is flushed, what it does not may be lost.
		"-drive", "if=virtio,format=raw,cache=writeback,discard=unmap,file="+m.disk,
		"-drive", "if=virtio,format=raw,readonly=on,file="+m.image,
		"-netdev", forwards, "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci")
	cmd.Stdout, cmd.Stderr = log, log
	if m.qemu, err = start(cmd); err != nil {
		t.Fatal(err)
	}
}

// powerOff ends QEMU at once: nothing that the machine has not yet given to its disk is kept.
func (m *machine) powerOff() {
	if m.qemu != nil {
		m.qemu.kill()
	}
	m.hangUp()
}

func (m *machine) serialLog() string {
	return filepath.Join(m.dir, fmt.Sprintf("serial-%d.log", m.boots))
}

// lastWords prints what is known of a machine on which a test failed.
func (m *machine) lastWords(t *testing.T) {
	for _, name := range []string{filepath.Join(m.dir, "qemu.log"), m.serialLog()} {
		text, err := os.ReadFile(name)
		if err == nil && len(text) > 0 {
			say(t, "the end of %s:\n%s", filepath.Base(name), lastLines(text, 40))
		}
	}
	if m.login != nil && !m.login.ended() {
		text, _ := m.try("", "journalctl --boot --unit 'logis*' | grep -v 'HTTP.* 200 ' | tail -n 80; systemctl --failed --no-pager; logis list; df -h /")
		say(t, "the journal:\n%s", text)
	}
}

func lastLines(text []byte, n int) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// say prints a line of what was seen.
func say(t *testing.T, format string, args ...any) {
	t.Helper()
	fmt.Fprintf(t.Output(), strings.TrimRight(format, "\n")+"\n", args...)
}

// freePort is one that nothing listened on a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
