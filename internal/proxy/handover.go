package proxy

import (
	"context"
)

// await returns when the Server is to end: ctx is done, a successor has taken over, or a listener has failed.
func (s *Server) await(ctx context.Context, failed <-chan error) (handed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var handover chan error // of the one that runs
	for {
		ask := s.opts.Replace
		if handover != nil {
			ask = nil
		}
		select {
		case <-ask:
			handover = make(chan error, 1)
			go func() { handover <- s.handOver(ctx) }()
			continue
		case err := <-handover:
			if err == nil {
				return true, nil
			}
			handover = nil
			if ctx.Err() == nil {
				s.opts.Log.Error("the successor did not take over: this process goes on serving", "err", err)
				continue
			}
		case <-ctx.Done():
		case err = <-failed:
		}
		cancel()
		if handover != nil { // a successor that was ready in the same instant goes on
			handed = <-handover == nil
		}
		return handed, err
	}
}

// handOver starts a successor, which has routes.json from now on, and takes it back if it fails.
func (s *Server) handOver(ctx context.Context) error {
	s.opts.Log.Info("starting a successor")
	s.store.freeze()
	err := s.opts.HandOver(ctx)
	if err != nil {
		s.store.thaw()
		s.pid.write()
	}
	return err
}
