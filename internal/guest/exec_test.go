package guest

import (
	"bytes"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
)

// slowClient holds up the first write until it is released.
type slowClient struct {
	blocked, release chan struct{}
	got              bytes.Buffer
	writes           int
}

func (c *slowClient) Write(p []byte) (int, error) {
	if c.writes++; c.writes == 1 {
		close(c.blocked)
		<-c.release
	}
	return c.got.Write(p)
}

// While the client is slow the command ends, its time is over, and a child it left keeps the pipe open: what the command
// wrote is sent all the same, and the copying ends.
func TestCopyOutputToASlowClient(t *testing.T) {
	output, theirs, err := pipeFrom()
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	input := os.NewFile(uintptr(theirs), "input")
	defer input.Close() // only at the end: this is the child left behind
	client := &slowClient{blocked: make(chan struct{}), release: make(chan struct{})}
	x := &execution{frames: frame.NewWriter(client), broken: make(chan struct{})}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		x.copyOutput(frame.Stdout, output)
	}()
	want := 0
	for i, n := range []int{100, 50_000} {
		if _, err := unix.Write(theirs, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		want += n
		if i == 0 {
			<-client.blocked
		}
	}
	if err := output.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	close(client.release)
	<-copied
	got := 0
	for {
		typ, p, err := frame.Read(&client.got)
		if err != nil {
			break
		}
		if got += len(p); typ != frame.Stdout {
			t.Errorf("frame of type %q", byte(typ))
		}
	}
	if got != want {
		t.Errorf("%d bytes of %d were sent", got, want)
	}
}
