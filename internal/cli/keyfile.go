package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/sshkey"
)

// readKeys reads authorized_keys lines from files; "-" is in. The files are the caller's: logisd sees their lines only. flag stands
// before their names in errors.
func readKeys(cmd *cobra.Command, flag string, files []string, in io.Reader) ([]string, error) {
	var lines []string
	for _, name := range files {
		keys, err := readKeyFile(cmd, flag, name, in)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			lines = append(lines, k.Line)
		}
	}
	return lines, nil
}

func readKeyFile(cmd *cobra.Command, flag, name string, in io.Reader) ([]sshkey.Key, error) {
	data, err := readSmall(name, in)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read key file %s: %w: make a key with `ssh-keygen -t ed25519`", name, plain(err))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read key file %s: %w", name, plain(err))
	}
	keys, err := sshkey.ParseFile(data)
	if err != nil {
		return nil, usage(cmd, "%s%s: %v", flag, name, err)
	}
	return keys, nil
}

// readSmall reads a file, or "-", to a byte beyond what a file of keys can have.
func readSmall(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, sshkey.MaxFile+1))
}

// plain takes the operation and the path out of a file error: the caller says them better.
func plain(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
