package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxQuickCheck is the size up to which a look at a database reads it whole.
const maxQuickCheck = 256 << 20

// Inspect reads the database of a data directory without changing anything, also
// while a process serves on it. It says its size; 0: there is none yet. The error
// says what is wrong with it.
func Inspect(ctx context.Context, dir string) (size int64, err error) {
	path := filepath.Join(dir, "oido.db")
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		return st.Size(), err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	says := "ok"
	if st.Size() <= maxQuickCheck {
		err = db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&says)
	} else {
		err = db.QueryRowContext(ctx, "SELECT 'ok' FROM ledger_position UNION SELECT 'ok'").Scan(&says)
	}
	if err == nil && says != "ok" {
		err = fmt.Errorf("it is damaged: %s", says)
	}
	return st.Size(), err
}
