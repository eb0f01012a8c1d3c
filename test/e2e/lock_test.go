package e2e

import (
	"database/sql"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to hold the gateway's database locked
)

// TestNoRequestWaitsForTheDatabase holds an exclusive lock on the database for
// ten seconds while requests come.
func TestNoRequestWaitsForTheDatabase(t *testing.T) {
	l := newLab(t)
	if status, _, err := l.post(t, "/v1/chat/completions", hello("chat/sim", false)); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	l.turns(t, 1)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.data, "oido.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	var answered, slowest atomic.Int64
	var clientsDone sync.WaitGroup
	until := time.Now().Add(10 * time.Second)
	for range 4 {
		clientsDone.Go(func() {
			for time.Now().Before(until) {
				start := time.Now()
				status, answer, err := l.post(t, "/v1/chat/completions", hello("chat/sim-n3", true))
				if status != 200 || err != nil {
					t.Errorf("%d %v %s", status, err, answer)
					return
				}
				answered.Add(1)
				took := int64(time.Since(start))
				for old := slowest.Load(); took > old && !slowest.CompareAndSwap(old, took); old = slowest.Load() {
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	clientsDone.Wait()
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	// A request that waited for the lock would have waited for seconds.
	if n := answered.Load(); n < 40 || time.Duration(slowest.Load()) > 5*time.Second {
		t.Errorf("%d answers, the slowest after %v", n, time.Duration(slowest.Load()))
	}
	want := int(answered.Load()) + 1
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if n := l.usageTurns(t); n == want {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d turns recorded, want %d", n, want)
		}
	}
}
