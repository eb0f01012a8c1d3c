package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestUsageQueriesNameTheirOrgAndUseAnIndex asks the database how it would answer
// each query on usage and turns: none may read a whole table.
func TestUsageQueriesNameTheirOrgAndUseAnIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "oido.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text []byte
	for _, file := range []string{"sql/usage.sql", "sql/sessions.sql"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	parameter := regexp.MustCompile(`\?\d+`)
	org := regexp.MustCompile(`\borg = \?1`)
	queries := strings.Split(string(text), "-- name: ")[1:]
	if len(queries) != 7 {
		t.Errorf("%d queries", len(queries))
	}
	for _, q := range queries {
		name, body, _ := strings.Cut(q, "\n")
		if !org.MatchString(body) {
			t.Errorf("%s: names no org", name)
		}
		numbers := map[string]bool{}
		for _, p := range parameter.FindAllString(body, -1) {
			numbers[p] = true
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+body, make([]any, len(numbers))...)
		if err != nil {
			t.Fatal(name, err)
		}
		searched := false
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			t.Log(name, step)
			searched = searched || strings.HasPrefix(step, "SEARCH")
			if strings.HasPrefix(step, "SCAN") {
				t.Errorf("%s: %s", name, step)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Error(err)
		}
		if !searched {
			t.Errorf("%s: uses no index", name)
		}
	}
}
