package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/guest/control"
)

// tuneTimeout is how long PID 1 has to take its settings.
const tuneTimeout = 5 * time.Second

// olderPID1 is the log size of a PID 1 that cannot be told of one.
const olderPID1 = -1

// Tune tells PID 1 how large the logs of services may be, and reads from its answer that it took that. What PID 1 has already
// costs nothing. A PID 1 of a release that does not know the question is no error, but a warning from then on. One that a hostile
// site keeps from answering costs tuneTimeout.
func (c *Container) Tune(ctx context.Context, l Limits) error {
	c.tuning.Lock()
	defer c.tuning.Unlock()
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
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	var got control.Tune
	switch err := control.Read(conn, &got); {
	case errors.Is(err, io.EOF):
		c.logSize.Store(olderPID1)
		return fault.Point("limits: PID 1")
	case ctx.Err() != nil:
		return errors.New("set the size of logs: PID 1 does not answer")
	case err != nil:
		return fmt.Errorf("set the size of logs: %w", err)
	case got != want:
		return fmt.Errorf("set the size of logs: PID 1 did not take %d, it says %d", want.LogBytes, got.LogBytes)
	}
	c.logSize.Store(l.LogSize)
	return fault.Point("limits: PID 1")
}

// logSizeGap says that the running PID 1 cannot be told of another size.
func (c *Container) logSizeGap() string {
	if c.logSize.Load() != olderPID1 {
		return ""
	}
	return "log size: as it was until the site is started anew: its PID 1 is of an older logis"
}
