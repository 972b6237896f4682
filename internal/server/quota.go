package server

import "sync"

// kind is what a quota counts.
type kind int

const (
	connections kind = iota
	refusals         // connections over their number, kept just long enough to say so
	calls
	streamed
	kinds
)

// quota counts what is open and at work, in all and for each user.
type quota struct {
	most [kinds]int

	mu    sync.Mutex
	all   [kinds]int
	users map[uint32]*[kinds]int
}

func newQuota(l Limits) *quota {
	return &quota{
		most:  [kinds]int{connections: l.Connections, refusals: max(1, l.Connections/16), calls: l.Calls, streamed: l.Streams},
		users: map[uint32]*[kinds]int{},
	}
}

// share is how many of n one user other than root may have.
func share(n int) int { return max(1, n/4) }

// take counts one more for the user uid, and says no where that is more than there may be. give counts it back.
func (q *quota) take(k kind, uid uint32) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := q.most[k]
	if uid != 0 {
		most -= most / 8
	}
	if q.all[k] >= most {
		return false
	}
	own := q.users[uid]
	if own == nil {
		own = new([kinds]int)
		q.users[uid] = own
	}
	if uid != 0 && own[k] >= share(q.most[k]) {
		return false
	}
	q.all[k]++
	own[k]++
	return true
}

func (q *quota) give(k kind, uid uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all[k]--
	own := q.users[uid]
	own[k]--
	if *own == [kinds]int{} { // so that the map holds only who is here
		delete(q.users, uid)
	}
}
