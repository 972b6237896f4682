package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// tuneTimeout is how long PID 1 has to take its settings.
const tuneTimeout = 5 * time.Second

// tune tells PID 1 how large the logs of services may be, and reads from its answer that it took that.
func (c *Container) tune(ctx context.Context, l Limits) error {
	if l.LogSize == 0 || c.logSize.Load() == l.LogSize {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tuneTimeout)
	defer cancel()
	want := control.Tune{LogBytes: l.LogSize}
	conn, err := c.Dial(ctx, control.Request{Op: control.OpTune, Tune: &want})
	if err != nil {
		return fmt.Errorf("set the size of logs: %w", err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetReadDeadline(deadline)
	var got control.Tune
	switch err := control.Read(conn, &got); {
	case errors.Is(err, io.EOF): // PID 1 is of a release that did not know the question: see logSizeGap
		return nil
	case err != nil:
		return fmt.Errorf("set the size of logs: %w", err)
	case got != want:
		return fmt.Errorf("set the size of logs: PID 1 did not take %d, it says %d", want.LogBytes, got.LogBytes)
	}
	c.logSize.Store(l.LogSize)
	return nil
}

// logSizeGap says that the running PID 1 cannot be told of another size.
func (c *Container) logSizeGap(l Limits) string {
	if l.LogSize == 0 || c.logSize.Load() == l.LogSize {
		return ""
	}
	return "log size: as it was until the site is started anew: its PID 1 is of an older logis"
}
