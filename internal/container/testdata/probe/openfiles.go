package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// openMany opens as many files as it may, and says how many it then had and what an attempt to raise the limit gave.
func openMany() error {
	var open []*os.File
	for {
		f, err := os.Open("/probe")
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			return err
		}
		open = append(open, f)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Max++
	limit.Cur = limit.Max
	more := "raised"
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); errors.Is(err, syscall.EPERM) {
		more = "EPERM"
	} else if err != nil {
		return err
	}
	_, err := fmt.Println(len(open), more)
	return err
}

// beModest lowers its own limit of open files.
func beModest(n int) error {
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)})
}
