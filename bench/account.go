package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
)

// accountOf is the owner's account of a site's database, whose server is pid: its socket as the host sees it, with the password in the
// owner's ~/.my.cnf. It is the same for every subject, wherever it keeps its files.
func accountOf(i *instance, pid int) (*mysql.Config, error) {
	root := rootOf(pid)
	mycnf, err := os.ReadFile(root + "/home/" + i.owner + "/.my.cnf")
	if err != nil {
		return nil, err
	}
	password := passwordLine.FindSubmatch(mycnf)
	if password == nil {
		return nil, errors.New("no password in .my.cnf")
	}
	return &mysql.Config{
		Net: "unix", Addr: root + "/run/mysqld/mysqld.sock", User: i.owner, Passwd: string(password[1]), DBName: i.owner,
		AllowNativePasswords: true, Logger: silent{},
	}, nil
}

// rootOf is the root of a process of a site as the host sees it.
func rootOf(pid int) string { return fmt.Sprintf("/proc/%d/root", pid) }
