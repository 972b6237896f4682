package guest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hello is how MariaDB 10.11 of Debian greets.
const hello = "\x0a5.5.5-10.11.11-MariaDB-0+deb12u1\x00\x1f\x00\x00\x00l-M2v+=v\x00\xfe\xf7\x2d\x02\x00\xff\x81\x15" +
	"\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00A:Yt?aCS(CZs\x00mysql_native_password\x00"

// serveMySQL is the server's side of one connection, to its proper end; it returns who logged in.
func serveMySQL(c io.ReadWriter) (user string, err error) {
	if err := writePacket(c, 0, []byte(hello)); err != nil {
		return "", err
	}
	login, number, err := readPacket(c)
	if err != nil || number != 1 || len(login) < 32 {
		return "", errors.Join(err, errors.New("no login"))
	}
	name, rest, _ := bytes.Cut(login[32:], []byte{0})
	if string(rest) != "\x00mysql_native_password\x00" { // MariaDB then asks to begin anew with this
		return "", errors.Join(writePacket(c, 2, []byte("\xfemysql_native_password\x00")), errors.New("another plugin"))
	}
	if err := writePacket(c, 2, []byte{packetOK, 0, 0, 2, 0, 0, 0}); err != nil {
		return "", err
	}
	for _, want := range []string{"\x03SELECT 1", "\x01"} {
		got, number, err := readPacket(c)
		if err != nil || number != 0 || string(got) != want {
			return "", errors.Join(err, errors.New("not what was expected: "+string(got)))
		}
		if want == "\x01" {
			break
		}
		var result bytes.Buffer // written at once, as MariaDB does: the other side goes after the first packet of it
		for i, packet := range []string{"\x01", "\x03def\x00\x00\x00\x011\x00\x0c?\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00\x00", "\xfe\x00\x00\x02\x00", "\x011", "\xfe\x00\x00\x02\x00"} {
			if err := writePacket(&result, byte(i+1), []byte(packet)); err != nil {
				return "", err
			}
		}
		if _, err := c.Write(result.Bytes()); err != nil {
			return "", err
		}
	}
	return string(name), nil
}

// socketPair is a connection that holds what is written until it is read, as those of a database do.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
		_ = ends[i].SetDeadline(time.Now().Add(time.Minute))
	}
	return ends[0], ends[1]
}

func TestAskMySQL(t *testing.T) {
	for _, test := range []struct {
		says []string // packets of the server; nil is one that works
		want string   // in the error; "" is none
	}{
		{nil, ""},
		{[]string{"\xff\x10\x04Too many connections"}, "Too many connections"},
		{[]string{hello, "\xff\x15\x04#28000Access denied for user 'alice'@'localhost'"}, "28000Access denied"},
		{[]string{hello, "\xfemysql_native_password\x00"}, "password"},
		{[]string{hello, "\x00\x00\x00", "\xff\x48\x04#HY000Unknown error"}, "Unknown error"},
		{[]string{"\x09old"}, "version 10"},
		{[]string{""}, "packet of 0 bytes"},
		{[]string{}, "EOF"},
	} {
		ours, theirs := socketPair(t)
		served := make(chan error, 1)
		go func() {
			defer theirs.Close()
			if test.says == nil {
				user, err := serveMySQL(theirs)
				if err == nil && user != "alice" {
					err = errors.New("logged in as " + user)
				}
				served <- err
				return
			}
			for i, packet := range test.says {
				_ = writePacket(theirs, byte(2*i), []byte(packet))
				if i < len(test.says)-1 {
					_, _, _ = readPacket(theirs)
				}
			}
			served <- nil
		}()
		err := askMySQL(ours, "alice")
		ours.Close()
		if err == nil && test.want != "" || err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q: %v, want %q", test.says, err, test.want)
		}
		if err := <-served; err != nil {
			t.Errorf("the server: %v", err)
		}
	}
}

func FuzzAskMySQL(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x0a\x01\x00\x00\x02\x00\x01\x00\x00\x01\x01"))
	f.Add([]byte("\x02\x00\x00\x00\xff\x01"))
	f.Fuzz(func(_ *testing.T, said []byte) {
		_ = askMySQL(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(said), io.Discard}, "alice")
	})
}
