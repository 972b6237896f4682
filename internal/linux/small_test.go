package linux

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "number")
	if err := os.WriteFile(path, []byte("4096\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSmall(path, make([]byte, 32)); err != nil || string(got) != "4096\n" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ReadSmall(path+"none", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadSmall(t.TempDir(), make([]byte, 32)); err == nil {
		t.Error("a directory was read")
	}
}
