package probe

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOutcome(t *testing.T) {
	for want, err := range map[string]error{
		Done: nil, "EPERM": unix.EPERM, "EACCES": fmt.Errorf("open: %w", unix.EACCES), "ENOENT": os.ErrNotExist,
		"empty": said("empty"), "error 4095": unix.Errno(4095), "odd": errors.New("odd"),
	} {
		if got := Outcome(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

func TestSeveralOutcomes(t *testing.T) {
	seen := several{}
	for _, err := range []error{unix.EROFS, unix.EACCES, unix.EROFS} {
		seen.add(err)
	}
	if got := Outcome(seen.all("")); got != "EACCES, EROFS" {
		t.Errorf("got %q", got)
	}
	var nothing Result
	nothing.fill(several{}.all("no file"))
	if nothing.Lacks != "no file" || nothing.Seen != "" {
		t.Errorf("nothing tried: %+v", nothing)
	}
	if !Right([]string{"EACCES", "EROFS"}, "EACCES, EROFS") || Right([]string{"EACCES"}, "EACCES, EROFS") || Right([]string{"EACCES"}, "") {
		t.Error("each outcome must be right, and there must be one")
	}
}

func TestRead(t *testing.T) {
	var got []Result
	keep := func(r Result) error { got = append(got, r); return nil }
	text := `{"group":"g","name":"n","seen":"` + strings.Repeat("x", 5000) + `"}` + "\n"
	if err := Read(strings.NewReader(text), keep); err != nil || len(got) != 1 || len(got[0].Seen) > maxText+len("…") {
		t.Errorf("a long outcome: %v, %d bytes", err, len(got[0].Seen))
	}
	for _, text := range []string{"hello\n", strings.Repeat("x", 2*maxLine), `{"seen":7}`} {
		if err := Read(strings.NewReader(text), keep); err == nil {
			t.Errorf("%.20q is a result", text)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"group":"mounts","name":"umount","seen":"EPERM"}` + "\n"))
	f.Add([]byte("\x1b[2J\n\n{}"))
	f.Fuzz(func(t *testing.T, said []byte) {
		_ = Read(strings.NewReader(string(said)), func(r Result) error {
			for _, text := range []string{r.Seen, r.Lacks, r.Fault} {
				if len(text) > maxText+len("…") {
					t.Errorf("%d bytes of text", len(text))
				}
			}
			return nil
		})
	})
}
