package guest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestPathWatch(t *testing.T) {
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, come := range map[string]func(path string){
		"made":    write,
		"renamed": func(path string) { write(path + "-new"); _ = os.Rename(path+"-new", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			w := watchPath(path)
			defer w.close()
			if !w.watched() || !w.absent() {
				t.Fatalf("watched %v, absent %v", w.watched(), w.absent())
			}
			come(path)
			select {
			case <-w.news:
			case <-time.After(time.Minute):
				t.Fatal("its coming is not told")
			}
			if w.absent() {
				t.Error("it is absent")
			}
		})
	}
}

// What comes beside the path is nobody's business.
func TestNames(t *testing.T) {
	event := func(mask uint32, name string) (e []byte) {
		e = binary.NativeEndian.AppendUint32(e, 1)
		e = binary.NativeEndian.AppendUint32(e, mask)
		e = binary.NativeEndian.AppendUint32(e, 0)
		e = binary.NativeEndian.AppendUint32(e, 32)
		return append(append(e, name...), make([]byte, 32-len(name))...)
	}
	beside, it := event(unix.IN_CREATE, "socket.lock"), event(unix.IN_MOVED_TO, "socket")
	for _, test := range []struct {
		name   string
		events []byte
		want   bool
	}{
		{"nothing", nil, false},
		{"beside", beside, false},
		{"it", it, true},
		{"behind another", slices.Concat(beside, it), true},
		{"lost", event(unix.IN_Q_OVERFLOW, ""), true},
		{"cut off", it[:20], true},
	} {
		if got := names(test.events, "socket"); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPathWatchWithoutDirectory(t *testing.T) {
	for _, path := range []string{"", "/nonexistent/socket"} {
		w := watchPath(path)
		if w.watched() {
			t.Errorf("%q is watched", path)
		}
		w.close()
	}
}
