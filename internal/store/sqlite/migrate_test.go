package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/oidostudio/oido/internal/store/sqlite"
	"github.com/oidostudio/oido/internal/writebehind"
)

// TestADatabaseOfBeforeIsTakenOver: whichever version a database was left at, what
// it holds is still there once it is opened, and it can hold what is new.
func TestADatabaseOfBeforeIsTakenOver(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(all) < 4 {
		t.Fatal(all, err)
	}
	for left := 1; left <= len(all); left++ {
		dir := t.TempDir()
		leaveAt(t, dir, int64(left))
		for range 2 { // the second time there is nothing to do
			s, err := sqlite.Open(t.Context(), dir, time.UTC)
			if err != nil {
				t.Fatal(left, err)
			}
			r, err := s.Reasoning().Read(t.Context(), "o", "k", noon)
			if err != nil || r == nil || string(r.Data) != "sealed" || r.User != "u" || !r.Expires.Equal(noon.Add(time.Hour)) {
				t.Errorf("left at %d: %+v %v", left, r, err)
			}
			row := writebehind.Row{Org: "o", User: "u", Key: "new", Data: []byte("x"), Created: noon, Expires: noon.Add(time.Hour)}
			for name, table := range map[string]writebehind.Table{"responses": s.Responses(), "repeats": s.Repeats(1 << 20), "choices": s.Choices()} {
				if err := table.Write(t.Context(), []writebehind.Row{row}); err != nil {
					t.Errorf("left at %d: %s: %v", left, name, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// leaveAt makes a database of a version, with a row of the first one's in it.
func leaveAt(t *testing.T, dir string, version int64) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "oido.db")+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true), goose.WithTableName("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO sealed_reasoning (org, key, user, data, created, expires) VALUES ('o', 'k', 'u', CAST('sealed' AS BLOB), ?, ?)",
		noon.UnixMicro(), noon.Add(time.Hour).UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
}
