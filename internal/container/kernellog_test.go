package container

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// A flood of the kernel's log, which a site can bring about, is read at a bounded pace; what is overwritten meanwhile is said.
func TestFloodOfRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const records = 10*recordsASecond + 1
		read, losses, seen := 0, 0, 0
		begin := time.Now()
		err := eachRecord(t.Context(), func(buf []byte) (int, error) {
			switch read++; {
			case read > records:
				return 0, io.ErrUnexpectedEOF
			case read%1000 == 0:
				return 0, unix.EPIPE
			}
			return copy(buf, "x"), nil
		}, func() { losses++ }, func(string) { seen++ })
		if !errors.Is(err, io.ErrUnexpectedEOF) || losses != records/1000 || seen != records-losses {
			t.Errorf("%v, %d losses, %d records", err, losses, seen)
		}
		if took := time.Since(begin); took != 10*time.Second { // of the test's clock
			t.Errorf("%d records took %v", records, took)
		}
	})
}

// The end of logisd does not wait for the pace.
func TestFloodEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		begin := time.Now()
		err := eachRecord(ctx, func(buf []byte) (int, error) { return copy(buf, "x"), nil }, func() {}, func(string) {})
		if took := time.Since(begin); err != nil || took != time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}
