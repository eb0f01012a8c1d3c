package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

// What all orgs used of a model is summed by the hour, and what is older than asked
// for left out.
func TestSpentByModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	var turns []ledger.Turn
	for i, c := range []struct {
		org, model string
		ago        time.Duration
	}{{"o", "m", 30 * time.Hour}, {"o", "m", 2 * time.Hour}, {"other", "m", 2 * time.Hour}, {"last", "n", 2 * time.Hour}, {"o", "m", 0}} {
		at := noon.Add(-c.ago)
		turns = append(turns, ledger.Turn{
			ID: turnID(at, i), Org: c.org, Format: "chat", Status: ledger.StatusOK, Started: at,
			Attempts: []ledger.Attempt{
				{Number: 0, Provider: "p", Model: c.model, Started: at, Status: ledger.StatusError},
				{Number: 1, Provider: "p", Model: c.model, Started: at, Status: ledger.StatusOK, Usage: llm.Usage{Input: 10, CacheRead: 3, Output: 2}},
			},
		})
	}
	if err := s.WriteTurns(t.Context(), turns, ledger.Position{}); err != nil {
		t.Fatal(err)
	}
	type row struct {
		Hour          string
		Model         string
		Turns, Tokens int64
	}
	var got []row
	err := s.SpentByModel(t.Context(), noon.Add(-25*time.Hour), func(at time.Time, model string, n, tokens int64) {
		got = append(got, row{at.UTC().Format("15:04"), model, n, tokens})
	})
	hour := func(ago time.Duration) string { return noon.Add(-ago).Truncate(time.Hour).UTC().Format("15:04") }
	want := []row{{hour(2 * time.Hour), "p/m", 2, 30}, {hour(2 * time.Hour), "p/n", 1, 15}, {hour(0), "p/m", 1, 15}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

// It is read org by org from the index, however long the history is.
func TestSpentByModelReadsNoTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "oido.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, step := range planOf(t, db, "spent by model") {
		if strings.HasPrefix(step, "SCAN usage_hourly") || strings.HasPrefix(step, "SCAN u") {
			t.Error(step)
		}
	}
}

// planOf is how the database would answer a query of the ledger's.
func planOf(t *testing.T, db *sql.DB, name string) (steps []string) {
	t.Helper()
	text, err := os.ReadFile("sql/ledger.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, query, found := strings.Cut(string(text), "-- name: "+name+"\n")
	if !found {
		t.Fatal("no such query")
	}
	query, _, _ = strings.Cut(query, "-- name: ")
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, 0)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(steps) == 0 {
		t.Fatal(err, steps)
	}
	return steps
}
