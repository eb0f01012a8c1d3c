package sqlite

import (
	"context"
	"time"

	"github.com/oidostudio/oido/internal/idempotency"
)

var _ idempotency.Store = (*Store)(nil)

// PutAnswers keeps sealed answers, forgets some of what has expired, and the oldest
// of all orgs beyond so many bytes.
func (s *Store) PutAnswers(ctx context.Context, rows []idempotency.Row, most int64) error {
	return s.inTx(ctx, func(exec execer) error {
		for _, r := range rows {
			// Not an upsert, which the sum of what is kept would not see.
			if _, err := exec("drop answer", r.Org, r.ID); err != nil {
				return err
			}
			if _, err := exec("put answer", r.Org, r.ID, r.Data, r.Expires.UnixMicro()); err != nil {
				return err
			}
		}
		if len(rows) == 0 {
			return nil
		}
		if _, err := exec("forget answers", rows[len(rows)-1].Created.UnixMicro()); err != nil {
			return err
		}
		for {
			res, err := exec("forget oldest answers", most)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); n == 0 || err != nil {
				return err
			}
		}
	})
}

// GetAnswer returns a sealed answer; nil when there is none or it has expired.
func (s *Store) GetAnswer(ctx context.Context, org string, id []byte, now time.Time) ([]byte, error) {
	return s.blob(ctx, "get answer", org, id, now.UnixMicro())
}
