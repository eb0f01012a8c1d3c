package gateway_test

import (
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/router"
)

// However many sessions there are, those that are in use are remembered, and none is
// taken for another.
func TestRememberedTasksAreBounded(t *testing.T) {
	t.Parallel()
	const kept, all = 10_000, 120_000
	tasks := gateway.NewTasks()
	at := func(n int) router.Task { return router.Task{Began: uint64(n) + 1} }
	tasks.Put("org", "in use", "w", at(0))
	for n := range all {
		tasks.Put("org", fmt.Sprint(n), "w", at(n))
		if n%1000 == 0 && tasks.Of("org", "in use", "w") != at(0) {
			t.Fatalf("what is in use is forgotten after %d others", n)
		}
	}
	known := 0
	for n := all - 1; n >= 0; n-- {
		switch got := tasks.Of("org", fmt.Sprint(n), "w"); {
		case got == at(n):
			known++
		case got != router.Task{}:
			t.Fatalf("session %d is at %v", n, got)
		case n > all-kept:
			t.Fatalf("session %d is forgotten", n)
		}
	}
	if known > 2*kept+1 {
		t.Errorf("%d are remembered", known)
	}
}

// Names that only together are the same are not taken for each other.
func TestTasksAreToldApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tasks, want := gateway.NewTasks(), map[[3]string]router.Task{}
		name := rapid.SampledFrom([]string{"", "a", "b", "ab", "ba", "\x00", "a\x00"})
		for n := range rapid.IntRange(1, 60).Draw(t, "steps") {
			k := [3]string{name.Draw(t, "org"), name.Draw(t, "session"), name.Draw(t, "work")}
			if got := tasks.Of(k[0], k[1], k[2]); got != want[k] {
				t.Fatalf("%q is at %v, want %v", k, got, want[k])
			}
			want[k] = router.Task{Began: uint64(n), Escalated: router.OnFailure}
			tasks.Put(k[0], k[1], k[2], want[k])
		}
	})
}

// What is remembered of sessions is nothing that a collection of garbage has to walk
// through.
func TestRememberingSessionsMakesNoGarbage(t *testing.T) {
	var before, after runtime.MemStats
	tasks := gateway.NewTasks()
	names := make([]string, 0, 60_000)
	for n := range cap(names) {
		names = append(names, fmt.Sprint("session ", n))
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, name := range names {
		tasks.Put("org", name, "work", router.Task{Began: 1})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if objects := int64(after.HeapObjects) - int64(before.HeapObjects); objects > 20_000 {
		t.Errorf("%d objects for %d sessions", objects, len(names))
	}
	runtime.KeepAlive(tasks)
}

// Who the session's org is counts as well as its name.
func TestSessionsAreKnownInTheirOrg(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.ask(t, "workload/quickly")
	if !p.Places.Knows(acme.Org, "s") || p.Places.Knows(acme.Org, "another") || p.Places.Knows("else", "s") {
		t.Error("sessions are taken for each other")
	}
}
