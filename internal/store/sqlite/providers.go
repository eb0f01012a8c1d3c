package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oidostudio/oido/internal/provider"
)

var _ provider.AccountStore = (*Store)(nil)

// StoredAccounts returns the accounts that were added by API, oldest first.
func (s *Store) StoredAccounts(ctx context.Context) ([]provider.Stored, error) {
	rows, err := s.query(ctx, "providers")
	if err != nil {
		return nil, err
	}
	return scanAccounts(rows)
}

func scanAccounts(rows *sql.Rows) (all []provider.Stored, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a provider.Stored
		var created, changed int64
		if err := rows.Scan(&a.ID, &a.Org, &a.Name, &a.Type, &a.Revision, &created, &changed, &a.Sealed.Key, &a.Sealed.Data); err != nil {
			return nil, err
		}
		a.Created, a.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(changed).UTC()
		all = append(all, a)
	}
	return all, rows.Err()
}

// InsertAccount adds an account.
func (s *Store) InsertAccount(ctx context.Context, a provider.Stored) error {
	res, err := s.exec(ctx, "insert provider", a.ID, a.Org, a.Name, a.Type, a.Revision, a.Created.UnixMicro(), a.Changed.UnixMicro(), a.Sealed.Key, a.Sealed.Data)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, provider.ErrNameTaken)
	}
	return nil
}

// UpdateAccount replaces what is sealed of an account.
func (s *Store) UpdateAccount(ctx context.Context, a provider.Stored) error {
	res, err := s.exec(ctx, "update provider", a.Revision, a.Changed.UnixMicro(), a.Sealed.Key, a.Sealed.Data, a.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, provider.ErrChanged)
	}
	return nil
}

// DeleteAccount removes an account, and its model list, which would be taken for
// that of the next one of its name.
func (s *Store) DeleteAccount(ctx context.Context, a provider.Stored) error {
	return s.inTx(ctx, func(exec execer) error {
		res, err := exec("delete provider", a.ID, a.Revision)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, provider.ErrChanged)
		}
		_, err = exec("delete list", a.Name)
		return err
	})
}
