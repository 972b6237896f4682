package proxy

import (
	"context"
	"sync"
	"time"
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
	heir, counts, err := bequeath(s.table)
	if err != nil {
		return err
	}
	defer counts.Close()
	s.store.freeze()
	if err := s.opts.HandOver(ctx, counts); err != nil {
		heir.revoke()
		s.store.thaw()
		s.pid.write()
		return err
	}
	s.heir = heir // read once await has heard of it
	return nil
}

// inherit takes over the counts of a predecessor, and returns when they are there; it does not wait long. What is counted there
// from then on is read by one of own; over is closed when that is all.
func (s *Server) inherit(ctx context.Context, own *sync.WaitGroup) <-chan struct{} {
	begun, over := make(chan struct{}), make(chan struct{})
	if s.opts.Counts == nil {
		close(over)
		return over
	}
	ctx, give := context.WithCancel(ctx)
	own.Go(func() {
		defer give()
		defer close(over)
		inherit(ctx, s.opts.Counts, s.table, func() { close(begun) })
	})
	timer := time.NewTimer(bequeathing)
	defer timer.Stop()
	select {
	case <-begun:
		return over
	case <-over:
	case <-timer.C:
		give()
	}
	select {
	case <-begun:
	default:
		s.opts.Log.Warn("requests are counted from nothing: the predecessor does not tell its counts")
	}
	return over
}
