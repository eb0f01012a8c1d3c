package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oidostudio/oido/internal/policy"
)

var _ policy.Store = (*Store)(nil)

// Routing returns the aliases, classes and workloads that were added by API.
func (s *Store) Routing(ctx context.Context) ([]policy.Entry, error) {
	rows, err := s.query(ctx, "routing of all orgs")
	if err != nil {
		return nil, err
	}
	return scanRouting(rows)
}

func scanRouting(rows *sql.Rows) (all []policy.Entry, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e policy.Entry
		var created, changed int64
		var value string
		if err := rows.Scan(&e.Org, &e.Section, &e.Name, &e.Revision, &created, &changed, &e.By, &value); err != nil {
			return nil, err
		}
		e.Created, e.Changed, e.Value = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC(), []byte(value)
		all = append(all, e)
	}
	return all, rows.Err()
}

// InsertRouting adds an entry.
func (s *Store) InsertRouting(ctx context.Context, e policy.Entry) error {
	return oneOf(s.exec(ctx, "insert routing", e.Org, e.Section, e.Name, e.Revision, e.Created.UnixMicro(), e.Changed.UnixMicro(), e.By, string(e.Value)))
}

// UpdateRouting replaces what an entry says.
func (s *Store) UpdateRouting(ctx context.Context, e policy.Entry, revision int64) error {
	return oneOf(s.exec(ctx, "update routing", e.Org, e.Section, e.Name, e.Revision, e.Changed.UnixMicro(), e.By, string(e.Value), revision))
}

// DeleteRouting removes an entry.
func (s *Store) DeleteRouting(ctx context.Context, e policy.Entry) error {
	return oneOf(s.exec(ctx, "delete routing", e.Org, e.Section, e.Name, e.Revision))
}

// oneOf is ErrChanged unless a statement has changed a row.
func oneOf(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, policy.ErrChanged)
	}
	return nil
}
