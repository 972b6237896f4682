package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// Tell gives PID 1 what the owner of the site wants to know and the site cannot know by itself. A PID 1 of an older release
// does not take it, and has no use for it: that is no error. One that a hostile site keeps from answering costs tuneTimeout.
func (c *Container) Tell(ctx context.Context, f control.Facts) error {
	ctx, cancel := context.WithTimeout(ctx, tuneTimeout)
	defer cancel()
	conn, err := c.Dial(ctx, control.Request{Op: control.OpFacts, Facts: &f})
	if err != nil {
		return fmt.Errorf("tell the site of itself: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	var taken struct{}
	if err := control.Read(conn, &taken); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("tell the site of itself: %w", err)
	}
	return nil
}
