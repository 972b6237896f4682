package guest

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// checkMySQL wants a query answered, asked as r.User over the socket r.MySQL. The client of a database is a large program: to
// start it would take a third of what the database itself takes.
func (g *guest) checkMySQL(ctx context.Context, r Ready) error {
	if _, err := os.Lstat(r.MySQL); err != nil { // before anything else is done for it
		return err
	}
	user, err := g.accounts.lookup(r.User)
	if err != nil {
		return err
	}
	conn, err := dialAs(ctx, r.MySQL, user)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := askMySQL(conn, user.name); err != nil {
		return fmt.Errorf("ask %s as %s: %w", r.MySQL, user.name, err)
	}
	return nil
}

// Of the protocol of MySQL and MariaDB: a packet is a length of three bytes, a number that counts up in each exchange, and what
// it holds.
const (
	protocolVersion = 10
	packetError     = 0xff
	packetOK        = 0x00
	commandQuery    = 0x03
	commandQuit     = 0x01

	// CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION and CLIENT_PLUGIN_AUTH.
	clientFlags = 0x200 | 0x8000 | 0x80000
	utf8General = 33
)

// askMySQL logs in as whom the kernel says it is, without a password, and asks for nothing but an answer.
func askMySQL(conn io.ReadWriter, user string) error {
	r := bufio.NewReader(conn)
	hello, number, err := readPacket(r)
	if err != nil {
		return err
	}
	if hello[0] != protocolVersion {
		return fmt.Errorf("it does not speak MySQL's protocol of version %d", protocolVersion)
	}
	login := binary.LittleEndian.AppendUint32(nil, clientFlags)
	login = binary.LittleEndian.AppendUint32(login, maxAnswer) // the largest packet
	login = append(append(login, utf8General), make([]byte, 23)...)
	login = append(append(login, user...), 0, 0) // ended by NUL; a password of no bytes
	// What MariaDB can be asked with who is known by unix_socket or a password, as Debian's root and lemp's owners are; a server that is
	// told of unix_socket only would want to begin anew.
	login = append(login, "mysql_native_password\x00"...)
	if err := writePacket(conn, number+1, login); err != nil {
		return err
	}
	reply, _, err := readPacket(r)
	if err != nil {
		return err
	}
	if reply[0] != packetOK {
		return errors.New("it wants a password")
	}
	if err := writePacket(conn, 0, append([]byte{commandQuery}, "SELECT 1"...)); err != nil {
		return err
	}
	if _, _, err := readPacket(r); err != nil { // how many columns there are: the answer
		return err
	}
	return writePacket(conn, 0, []byte{commandQuit}) // else the server's log has a connection that broke off
}

// readPacket reads one packet, which is not empty; one that tells an error is that error.
func readPacket(r io.Reader) (packet []byte, number byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size == 0 || size > maxAnswer {
		return nil, 0, fmt.Errorf("a packet of %d bytes", size)
	}
	packet = make([]byte, size)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, 0, err
	}
	if packet[0] == packetError {
		return nil, 0, errors.New(strings.TrimLeft(string(packet[min(3, size):]), "#")) // after a number of two bytes
	}
	return packet, head[3], nil
}

func writePacket(w io.Writer, number byte, packet []byte) error {
	size := len(packet)
	_, err := w.Write(append([]byte{byte(size), byte(size >> 8), byte(size >> 16), number}, packet...))
	return err
}
