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

type rollupKey struct {
	org       string
	dimension ledger.Dimension
	day       string
	key       string
}

type hourKey struct {
	rollupKey
	hour int64
}

// WriteTurns writes turns, their roll-ups and the position in one transaction.
func (s *Store) WriteTurns(ctx context.Context, turns []ledger.Turn, upTo ledger.Position) error {
	return s.inTx(ctx, func(exec func(string, ...any) (sql.Result, error)) error {
		daily, hourly := map[rollupKey]ledger.Sums{}, map[hourKey]ledger.Sums{}
		for i := range turns {
			t := &turns[i]
			fresh, err := insertTurn(exec, t)
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			day := t.Started.In(s.zone).Format(time.DateOnly)
			for _, sh := range ledger.Shares(t) {
				k := rollupKey{t.Org, sh.Dimension, day, sh.Key}
				sum := daily[k]
				sum.Add(sh.Sums)
				daily[k] = sum
				if sh.Dimension == ledger.DimTotal || sh.Dimension == ledger.DimModel {
					h := hourKey{rollupKey{org: t.Org, dimension: sh.Dimension, key: sh.Key}, t.Started.Truncate(time.Hour).Unix()}
					sum := hourly[h]
					sum.Add(sh.Sums)
					hourly[h] = sum
				}
			}
		}
		for k, v := range daily {
			if _, err := exec("add usage", append([]any{k.org, string(k.dimension), k.day, k.key}, sumArgs(v)...)...); err != nil {
				return err
			}
		}
		for k, v := range hourly {
			if _, err := exec("add hourly usage", append([]any{k.org, string(k.dimension), k.hour, k.key}, sumArgs(v)...)...); err != nil {
				return err
			}
		}
		_, err := exec("set position", upTo.Segment, upTo.Offset)
		return err
	})
}

func sumArgs(s ledger.Sums) []any {
	return []any{s.Input, s.CacheRead, s.CacheWrite, s.CacheWrite1h, s.Output, s.Reasoning, s.Turns, int64(s.Cost), s.UnknownCostTurns}
}

// insertTurn writes a turn's rows; fresh is false when it was there already.
func insertTurn(exec func(string, ...any) (sql.Result, error), t *ledger.Turn) (fresh bool, err error) {
	var provider, model string
	if a := t.Answered(); a != nil {
		provider, model = a.Provider, a.Model
	}
	res, err := exec("insert turn", t.ID, t.Org, t.User, t.Key, t.EndUser, t.Agent, t.Session, t.SessionSource, t.Workload, t.Class, t.Purpose,
		t.RequestedModel, provider, model, t.Format, t.Stream, string(t.Status), t.Started.UnixMicro(), t.FirstToken.Microseconds(), t.Duration.Microseconds(), t.Decision)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		var cost any
		if a.Cost != nil {
			cost = int64(*a.Cost)
		}
		u := a.Usage
		if _, err := exec("insert attempt", t.ID, a.Number, t.Org, a.Provider, a.Model, a.ServedModel, a.KeyHint, a.Format, a.Started.UnixMicro(),
			a.FirstToken.Microseconds(), a.Duration.Microseconds(), string(a.Status), a.ErrorKind, a.ErrorStatus, a.ErrorText, a.Finish,
			u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.ReasoningOfOutput, int64(u.Quality), cost); err != nil {
			return false, err
		}
	}
	if t.Session != "" {
		if _, err := exec("touch session", t.Org, t.Session, t.SessionSource, t.User, t.Agent, t.Workload, provider, model, t.Started.UnixMicro(), t.Started.UnixMicro()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// DeleteTurns removes old rows.
func (s *Store) DeleteTurns(ctx context.Context, before time.Time, limit int) (int64, error) {
	rows, err := s.query(ctx, "old turns", before.UnixMicro(), limit)
	if err != nil {
		return 0, err
	}
	type ref struct{ org, id string }
	var old []ref
	for rows.Next() {
		var r ref
		if err := rows.Scan(&r.org, &r.id); err != nil {
			return 0, errors.Join(err, rows.Close())
		}
		old = append(old, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(old) == 0 {
		return 0, err
	}
	err = s.inTx(ctx, func(exec func(string, ...any) (sql.Result, error)) error {
		for _, r := range old {
			if _, err := exec("delete attempts", r.org, r.id); err != nil {
				return err
			}
			if _, err := exec("delete turn", r.org, r.id); err != nil {
				return err
			}
		}
		return nil
	})
	return int64(len(old)), err
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
			&u.ReasoningOfOutput, &quality, &cost); err != nil {
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
		for _, sh := range ledger.Shares(&turns[i]) {
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
