package linux

import (
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOnOwnThreadIsNeverTheFirst(t *testing.T) {
	var calls sync.WaitGroup
	for range 2000 {
		calls.Go(func() {
			OnOwnThread(func() {
				if unix.Gettid() == unix.Getpid() {
					t.Error("ran on the first thread")
				}
			})
		})
	}
	calls.Wait()
}
