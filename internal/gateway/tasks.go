package gateway

import (
	"container/list"
	"sync"

	"github.com/oidostudio/oido/internal/router"
)

// maxTasks bounds the sessions whose task is remembered; the longest unused are
// forgotten first.
const maxTasks = 20_000

// Tasks remembers what sessions are at, so that one which has moved up to stronger
// models stays there. It is safe for concurrent use.
type Tasks struct {
	mu    sync.Mutex // protects following fields
	order *list.List // of *sessionTask, most recently used first
	known map[taskKey]*list.Element
}

// taskKey names a task: a session may do several kinds of work.
type taskKey struct{ org, session, work string }

type sessionTask struct {
	key  taskKey
	task router.Task
}

// NewTasks makes an empty memory.
func NewTasks() *Tasks { return &Tasks{order: list.New(), known: map[taskKey]*list.Element{}} }

// Of is what a session is at in one kind of work; the zero value: nothing that is
// known.
func (t *Tasks) Of(org, session, work string) router.Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.known[taskKey{org, session, work}]
	if !ok {
		return router.Task{}
	}
	t.order.MoveToFront(e)
	s, _ := e.Value.(*sessionTask)
	return s.task
}

// Put says what a session is at.
func (t *Tasks) Put(org, session, work string, task router.Task) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := taskKey{org, session, work}
	if e, ok := t.known[k]; ok {
		s, _ := e.Value.(*sessionTask)
		s.task = task
		t.order.MoveToFront(e)
		return
	}
	t.known[k] = t.order.PushFront(&sessionTask{k, task})
	if t.order.Len() > maxTasks {
		last, _ := t.order.Remove(t.order.Back()).(*sessionTask)
		delete(t.known, last.key)
	}
}
