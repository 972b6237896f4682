package sshkey

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// MaxFile bounds a file of keys, in bytes.
const MaxFile = 256 << 10

// ParseFile reads a file of public keys, one a line, as authorized_keys and .pub files are; empty lines and comments are
// skipped. The error says, in words for the user, which line is none, or what else the file is.
func ParseFile(data []byte) ([]Key, error) {
	switch {
	case bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.HasPrefix(data, []byte("PuTTY-User-Key-File")):
		return nil, errors.New("this is a private key, keep it to yourself: give the .pub file beside it")
	case len(data) > MaxFile:
		return nil, fmt.Errorf("larger than %d KiB: this is no file of public keys", MaxFile>>10)
	case bytes.Contains(data, []byte("BEGIN SSH2 PUBLIC KEY")):
		return nil, errors.New("this is a public key in the form of RFC 4716: convert it with `ssh-keygen -i -f FILE`")
	case bytes.ContainsRune(data, 0):
		return nil, errors.New("this is no text: no file of public keys")
	}
	var keys []Key
	number := 0
	for line := range strings.Lines(string(bytes.TrimPrefix(data, []byte("\ufeff")))) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, err := Parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}
