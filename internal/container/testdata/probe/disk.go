package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"unsafe"
)

const block = 64 << 10

// store writes a file of so many bytes and waits until they are on the disk.
func store(path string, bytes int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for n := 0; n < bytes; n += block {
		if _, err := f.Write(make([]byte, block)); err != nil {
			return err
		}
	}
	return f.Sync()
}

// load reads a file from its disk, whatever of it is in memory, and says how many bytes that were.
func load(path string) error {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	memory := make([]byte, block+4096)
	at := 4096 - int(uintptr(unsafe.Pointer(&memory[0]))%4096) // O_DIRECT wants it aligned
	for total := 0; ; {
		n, err := f.Read(memory[at : at+block])
		total += n
		if errors.Is(err, io.EOF) {
			_, err = fmt.Println(total)
			return err
		}
		if err != nil {
			return err
		}
	}
}
