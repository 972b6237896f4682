package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxKeyFile bounds a file of public keys, in bytes.
const maxKeyFile = 256 << 10

// readKeys reads authorized_keys lines from files; "-" is in. The files are the caller's: logisd sees their lines only.
func readKeys(cmd *cobra.Command, files []string, in io.Reader) ([]string, error) {
	var keys []string
	for _, name := range files {
		data, err := readKeyFile(name, in)
		if err != nil {
			return nil, err
		}
		lines, err := keyLines(data)
		if err != nil {
			return nil, usage(cmd, "--ssh-key %s: %v", name, err)
		}
		keys = append(keys, lines...)
	}
	return keys, nil
}

func readKeyFile(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read key file %s: %w: make a key with `ssh-keygen -t ed25519`", name, plain(err))
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read key file %s: %w", name, plain(err))
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read key file %s: %w", name, plain(err))
	}
	return data, nil
}

// keyLines returns the lines that are not empty or comments.
func keyLines(data []byte) ([]string, error) {
	switch {
	case bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.HasPrefix(data, []byte("PuTTY-User-Key-File")):
		return nil, errors.New("this is a private key, keep it to yourself: give the .pub file beside it")
	case len(data) > maxKeyFile:
		return nil, fmt.Errorf("larger than %d KiB: this is no file of public keys", maxKeyFile>>10)
	}
	var keys []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it")
	}
	return keys, nil
}

// plain takes the operation and the path out of a file error: the caller says them better.
func plain(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
