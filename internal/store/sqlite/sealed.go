package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oidostudio/oido/internal/writebehind"
)

// sealed is one table of sealed rows; its queries end in its name.
type sealed struct {
	*Store
	name string
}

// Reasoning is the table of reasoning that clients' formats lose.
func (s *Store) Reasoning() writebehind.Table { return sealed{s, "reasoning"} }

// Responses is the table of answers that clients go on from by their id.
func (s *Store) Responses() writebehind.Table { return sealed{s, "responses"} }

// Repeats is the table of answers under clients' idempotency keys, of which it
// keeps so many bytes: the oldest make room.
func (s *Store) Repeats(most int64) writebehind.Table {
	return bounded{sealed{s, "repeats"}, most}
}

// bounded is a table with a bound on its bytes.
type bounded struct {
	sealed
	most int64
}

// Write puts rows, and takes away what there is no room for.
func (t bounded) Write(ctx context.Context, rows []writebehind.Row) error {
	if err := t.sealed.Write(ctx, rows); err != nil {
		return err
	}
	for {
		res, err := t.exec(ctx, "forget oldest "+t.name, t.most)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n == 0 || err != nil {
			return err
		}
	}
}

// Write puts rows, or takes away those that come without data.
func (t sealed) Write(ctx context.Context, rows []writebehind.Row) error {
	return t.inTx(ctx, func(exec execer) error {
		for i := range rows {
			r := &rows[i]
			var err error
			if r.Data == nil {
				_, err = exec("remove "+t.name, r.Org, r.Key)
			} else {
				_, err = exec("put "+t.name, r.Org, r.Key, r.User, r.Data, r.Created.UnixMicro(), r.Expires.UnixMicro())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Read returns a row; nil when there is none or it has expired.
func (t sealed) Read(ctx context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	st, err := t.stmt(ctx, t.read, "get "+t.name)
	if err != nil {
		return nil, err
	}
	r := &writebehind.Row{Org: org, Key: key}
	var created, expires int64
	err = st.QueryRowContext(ctx, org, key, now.UnixMicro()).Scan(&r.User, &r.Data, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // absent is a good answer
	}
	if err != nil {
		return nil, err
	}
	r.Created, r.Expires = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
	return r, nil
}

// forgotten is how many rows are forgotten at once. They may be large: the ledger
// writes beside it, and what takes too long is undone.
const forgotten = 50

// Forget removes some of the rows that have expired.
func (t sealed) Forget(ctx context.Context, now time.Time) (more bool, err error) {
	res, err := t.exec(ctx, "forget "+t.name, now.UnixMicro(), forgotten)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == forgotten, err
}
