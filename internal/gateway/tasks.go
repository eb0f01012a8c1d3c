package gateway

import (
	"sync"

	"github.com/oidostudio/oido/internal/router"
)

// maxTasks bounds the sessions whose task is remembered; the longest unused are
// forgotten first, and half as many never are.
const maxTasks = 20_000

// Tasks remembers what sessions are at, by the kind of work, so that one which has
// moved up to stronger models stays there. It is safe for concurrent use.
type Tasks struct {
	mu    sync.Mutex // protects following fields
	tasks recent[router.Task]
}

// NewTasks makes an empty memory.
func NewTasks() *Tasks { return &Tasks{tasks: newRecent[router.Task](maxTasks / 2)} }

// Of is what a session is at in one kind of work; the zero value: nothing that is
// known.
func (t *Tasks) Of(org, session, work string) router.Task {
	d := t.tasks.digest(org, session, work)
	t.mu.Lock()
	defer t.mu.Unlock()
	task, _ := t.tasks.get(d)
	return task
}

// Put says what a session is at.
func (t *Tasks) Put(org, session, work string, task router.Task) {
	d := t.tasks.digest(org, session, work)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tasks.put(d, task)
}
