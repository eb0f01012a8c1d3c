package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

var (
	_ ledger.Store  = (*Store)(nil)
	_ ledger.Reader = (*Store)(nil)
)

// Position returns how far the spool has been taken over.
func (s *Store) Position(ctx context.Context) (p ledger.Position, err error) {
	st, err := s.stmt(ctx, s.read, "position")
	if err != nil {
		return p, err
	}
	err = st.QueryRowContext(ctx).Scan(&p.Segment, &p.Offset)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return p, err
}

// Turn returns one turn with its attempts; nil when there is none.
func (s *Store) Turn(ctx context.Context, org, id string) (*ledger.Turn, error) {
	turns, err := s.turns(ctx, org, "turn", org, id)
	if err != nil || len(turns) == 0 {
		return nil, err
	}
	return &turns[0], nil
}

func (s *Store) turns(ctx context.Context, org, query string, args ...any) (out []ledger.Turn, err error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var t ledger.Turn
		var started, first, duration int64
		if err := rows.Scan(&t.ID, &t.Org, &t.User, &t.Key, &t.EndUser, &t.Agent, &t.Session, &t.SessionSource, &t.Workload, &t.Class, &t.Purpose,
			&t.RequestedModel, &t.Format, &t.Stream, (*string)(&t.Status), &started, &first, &duration, &t.Decision); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		t.Started, t.FirstToken, t.Duration = time.UnixMicro(started).UTC(), micros(first), micros(duration)
		out = append(out, t)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Attempts, err = s.attempts(ctx, org, out[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func (s *Store) attempts(ctx context.Context, org, turn string) (out []ledger.Attempt, err error) {
	rows, err := s.query(ctx, "attempts", org, turn)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a ledger.Attempt
		var started, first, duration, quality int64
		var cost sql.NullInt64
		u := &a.Usage
		if err := rows.Scan(&a.Number, &a.Provider, &a.Model, &a.ServedModel, &a.KeyHint, &a.Format, &started, &first, &duration, (*string)(&a.Status),
			&a.ErrorKind, &a.ErrorStatus, &a.ErrorText, &a.Finish, &u.Input, &u.CacheRead, &u.CacheWrite, &u.CacheWrite1h, &u.Output,
			&u.ReasoningOfOutput, &quality, &cost, &a.Downgrades); err != nil {
			return nil, err
		}
		a.Started, a.FirstToken, a.Duration = time.UnixMicro(started).UTC(), micros(first), micros(duration)
		u.Quality = llm.Quality(quality)
		if cost.Valid {
			c := llm.NanoUSD(cost.Int64)
			a.Cost = &c
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

// RawSums sums the rows of a dimension by the same rule as the roll-ups.
func (s *Store) RawSums(ctx context.Context, org string, d ledger.Dimension) ([]ledger.KeySums, error) {
	turns, err := s.turns(ctx, org, "all turns", org)
	if err != nil {
		return nil, err
	}
	sums := map[string]ledger.Sums{}
	for i := range turns {
		for _, sh := range ledger.AppendShares(nil, &turns[i]) {
			if sh.Dimension == d {
				sum := sums[sh.Key]
				sum.Add(sh.Sums)
				sums[sh.Key] = sum
			}
		}
	}
	out := make([]ledger.KeySums, 0, len(sums))
	for k, v := range sums {
		out = append(out, ledger.KeySums{Key: k, Sums: v})
	}
	return out, nil
}
