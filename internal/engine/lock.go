package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// errInterrupted is the cause of a context whose change gave way to another one.
var errInterrupted = errors.New("another command took over")

// keyedLock is one lock a key. A holder can be interrupted by someone who wants the lock more.
type keyedLock struct {
	mu    sync.Mutex
	locks map[string]*keyed
}

type keyed struct {
	token     chan struct{} // holds one element while free
	users     int
	interrupt context.CancelCauseFunc // of the holder
}

func newKeyedLock() *keyedLock { return &keyedLock{locks: map[string]*keyed{}} }

// lock waits for the key's lock. The returned context ends when ctx does or when the holder is interrupted.
func (k *keyedLock) lock(ctx context.Context, key string) (context.Context, func(), error) {
	k.mu.Lock()
	l, ok := k.locks[key]
	if !ok {
		l = &keyed{token: make(chan struct{}, 1)}
		l.token <- struct{}{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()

	leave := func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
	select {
	case <-l.token:
	case <-ctx.Done():
		leave()
		return nil, nil, fmt.Errorf("wait for another command on %s: %w", key, context.Cause(ctx))
	}
	held, cancel := context.WithCancelCause(ctx)
	k.mu.Lock()
	l.interrupt = cancel
	k.mu.Unlock()
	return held, func() {
		k.mu.Lock()
		l.interrupt = nil
		k.mu.Unlock()
		cancel(nil)
		l.token <- struct{}{}
		leave()
	}, nil
}

// try takes the key's lock if nobody has it. Nobody can interrupt its holder: what it does is short.
func (k *keyedLock) try(key string) (unlock func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, taken := k.locks[key]; taken { // or is waited for
		return nil, false
	}
	l := &keyed{token: make(chan struct{}, 1), users: 1}
	k.locks[key] = l
	return func() {
		l.token <- struct{}{}
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}, true
}

// interrupt ends the holder's context, if there is a holder.
func (k *keyedLock) interrupt(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l, ok := k.locks[key]; ok && l.interrupt != nil {
		l.interrupt(errInterrupted)
	}
}
