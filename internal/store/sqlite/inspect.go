package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oidostudio/oido/internal/policy"
	"github.com/oidostudio/oido/internal/provider"
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
	db, err := readOnly(path)
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

func readOnly(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(2000)")
}

// InspectAccounts reads the accounts that were added of a data directory, oldest
// first, without changing anything, also while a process serves on it.
func InspectAccounts(ctx context.Context, dir string) ([]provider.Stored, error) {
	return inspect(ctx, dir, "providers", "providers", scanAccounts)
}

// InspectRouting reads the aliases, classes and workloads that were added, in the
// same way.
func InspectRouting(ctx context.Context, dir string) ([]policy.Entry, error) {
	return inspect(ctx, dir, "routing", "routing of all orgs", scanRouting)
}

// inspect reads a table; nothing where a database of before hasn't got it.
func inspect[T any](ctx context.Context, dir, table, query string, scan func(*sql.Rows) ([]T, error)) (all []T, err error) {
	path := filepath.Join(dir, "oido.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := readOnly(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	there := false
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", table).Scan(&there)
	if err != nil || !there {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, queries()[query])
	if err != nil {
		return nil, err
	}
	all, err = scan(rows)
	return all, errors.Join(err, rows.Err())
}
