package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// doors is when each service of a site first answered, since a beginning.
type doors struct{ http, ssh, database time.Duration }

const (
	knockEvery = 5 * time.Millisecond  // the next try at the least, after one that failed
	dialWithin = 60 * time.Millisecond // a try to connect
	openWithin = 60 * time.Second      // the longest that a site may take
)

// knock asks at all doors of a site until each has answered: a web page with status 200, the banner of ssh, a query as the
// owner. before are the processes that were there before.
func knock(ctx context.Context, i *instance, before map[int]bool, began time.Time) (d doors, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openWithin, fmt.Errorf("%s does not answer within %v", i.name, openWithin))
	defer cancel()
	var all sync.WaitGroup
	var errs [3]error
	for n, door := range []struct {
		at   *time.Duration
		open func(context.Context) error
	}{
		{&d.http, func(ctx context.Context) error { return askPage(ctx, i) }},
		{&d.ssh, func(ctx context.Context) error { return askBanner(ctx, i) }},
		{&d.database, func(ctx context.Context) error { return askDatabase(ctx, i, before) }},
	} {
		all.Go(func() { *door.at, errs[n] = first(ctx, began, door.open) })
	}
	all.Wait()
	return d, errors.Join(errs[:]...)
}

// first tries to open a door again and again, one try at a time, and returns when it was first open. The longer it takes, the longer
// the pauses are: a try takes from the machine what the site wants, and an eighth of the time is exact enough.
func first(ctx context.Context, began time.Time, open func(context.Context) error) (time.Duration, error) {
	for {
		err := open(ctx)
		if err == nil {
			return time.Since(began), nil
		}
		select {
		case <-time.After(max(knockEvery, time.Since(began)/8)):
		case <-ctx.Done():
			return 0, errors.Join(context.Cause(ctx), err)
		}
	}
}

// dial connects; where nobody is there yet the kernel says so soon (askOften), or not at all.
func dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialWithin}
	if to, err := netip.ParseAddrPort(address); err == nil && to.Addr().IsLoopback() {
		// logis lets one visitor open five connections a second to a site's ssh, after thirty at once: each try is another's.
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+rand.N(200)), byte(1+rand.N(200)))}
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err == nil { // who listens has all the time to answer
		deadline, _ := ctx.Deadline()
		_ = conn.SetDeadline(deadline)
	}
	return conn, err
}

func askPage(ctx context.Context, i *instance) error {
	conn, err := dial(ctx, i.http)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", i.host); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

func askBanner(ctx context.Context, i *instance) error {
	if i.ssh == "" {
		address, err := i.findSSH(ctx)
		if err != nil {
			return err
		}
		i.ssh = address
	}
	conn, err := dial(ctx, i.ssh)
	if err != nil {
		return err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "SSH-2.0-") {
		err = fmt.Errorf("banner %q", line)
	}
	return err
}

// askDatabase asks a server that was not there before, over its socket as the host sees it, with the password in the owner's
// ~/.my.cnf: the same for every subject, wherever it keeps its files.
func askDatabase(ctx context.Context, i *instance, before map[int]bool) error {
	pid := newServer(before)
	if pid == 0 {
		return errors.New("no database server")
	}
	return askServer(ctx, pid, i.owner)
}

// askServer asks as an owner; "*" is the one that there is.
func askServer(ctx context.Context, pid int, owner string) error {
	account, err := accountOf(pid, owner)
	if err != nil {
		return err
	}
	connector, err := mysql.NewConnector(account)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var one int
	return db.QueryRowContext(ctx, "select 1").Scan(&one)
}

// accountOf is the account of an owner at a server; "*" is the one that there is.
func accountOf(pid int, owner string) (*mysql.Config, error) {
	root := rootOf(pid)
	found, err := filepath.Glob(root + "/home/" + owner + "/.my.cnf")
	if err != nil || len(found) != 1 {
		return nil, fmt.Errorf("%d files .my.cnf, not one (%w)", len(found), err)
	}
	owner = filepath.Base(filepath.Dir(found[0]))
	mycnf, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	password := passwordLine.FindSubmatch(mycnf)
	if password == nil {
		return nil, errors.New("no password in .my.cnf")
	}
	return &mysql.Config{
		Net: "unix", Addr: root + "/run/mysqld/mysqld.sock", User: owner, Passwd: string(password[1]), DBName: owner,
		AllowNativePasswords: true, Logger: silent{},
	}, nil
}

// rootOf is the root of a process of a site as the host sees it.
func rootOf(pid int) string { return fmt.Sprintf("/proc/%d/root", pid) }

var passwordLine = regexp.MustCompile(`(?m)^password = (\S+)$`)

// silent is a server that is not ready yet: nothing to log.
type silent struct{}

func (silent) Print(...any) {}

// processes are the ids of all that run in this box.
func processes() map[int]bool {
	found := map[int]bool{}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		if pid, err := strconv.Atoi(d.Name()); err == nil {
			found[pid] = true
		}
	}
	return found
}

// newServer is the process id of a database server that is not among those before, 0 without one.
func newServer(before map[int]bool) int {
	if found := newServers(before); len(found) > 0 {
		return found[0]
	}
	return 0
}

func newServers(before map[int]bool) (found []int) {
	for pid := range processes() {
		if before[pid] {
			continue
		}
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(comm) == "mariadbd\n" {
			found = append(found, pid)
		}
	}
	return found
}
