package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary plays the other parts too: LOGIS_GUEST_ROLE says which.
const (
	roleEnv    = "LOGIS_GUEST_ROLE"
	optionsEnv = "LOGIS_GUEST_OPTIONS"
	smallLogs  = "LOGIS_GUEST_SMALL_LOGS=1" // the logs lie on a disk of 256 KiB
	noTmp      = "LOGIS_GUEST_NO_TMP=1"     // the directory of temporary files cannot be made
)

func TestMain(m *testing.M) {
	roles := map[string]func() error{"init": playInit, "http": playHTTP, "banner": playBanner, "mysql": playMySQL, "winsize": playWinsize}
	role := os.Getenv(roleEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// playInit is PID 1 in namespaces of its own, with the control socket on descriptor 3.
func playInit() error {
	var opts Options
	if err := json.Unmarshal([]byte(os.Getenv(optionsEnv)), &opts); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	if name, value, _ := strings.Cut(smallLogs, "="); os.Getenv(name) == value {
		if err := errors.Join(os.Mkdir(opts.Logs, 0o755), unix.Mount("", opts.Logs, "tmpfs", 0, "size=256k")); err != nil {
			return fmt.Errorf("mount a small disk: %w", err)
		}
	}
	if name, value, _ := strings.Cut(noTmp, "="); os.Getenv(name) == value {
		opts.Tmp = filepath.Join("/proc", filepath.Base(opts.Tmp))
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	socket := os.NewFile(3, "control")
	listener, err := net.FileListener(socket)
	if err != nil {
		return err
	}
	socket.Close()
	os.Clearenv()
	opts.Control = listener
	return Run(context.Background(), opts)
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// playHTTP listens on its first argument at once and answers 503 only when the file of its second is there.
func playHTTP() error {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		return err
	}
	fifo, err := os.Open(os.Args[2]) // opening a FIFO waits for its writer
	if err != nil {
		return err
	}
	defer fifo.Close()
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}))
}

// playBanner says hello before the SSH banner.
func playBanner() error {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "hello\r\nSSH-2.0-test\r\n")
		c.Close()
	}
}

// playWinsize prints the window size now and at each SIGWINCH.
func playWinsize() error {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	for {
		ws, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			return err
		}
		fmt.Printf("size %d %d\n", ws.Row, ws.Col)
		<-resized
	}
}

// playMySQL is a database whose one user is the one that the kernel names, on the socket of its first argument. It says who asked
// in the file of its second.
func playMySQL() error {
	l, err := net.Listen("unix", os.Args[1])
	if err != nil {
		return err
	}
	if err := os.Chmod(os.Args[1], 0o777); err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		raw, err := c.(*net.UnixConn).SyscallConn()
		if err != nil {
			return err
		}
		var peer *unix.Ucred
		_ = raw.Control(func(fd uintptr) { peer, _ = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
		user, err := serveMySQL(c)
		said := fmt.Sprintf("%s %d %d %v\n", user, peer.Uid, peer.Gid, err)
		if err := os.WriteFile(os.Args[2], []byte(said), 0o644); err != nil {
			return err
		}
		c.Close()
	}
}
