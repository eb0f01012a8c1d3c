package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
)

// UsageByKey sums a dimension over days.
func (s *Store) UsageByKey(ctx context.Context, org string, d ledger.Dimension, only, from, to string, limit int) (top []ledger.KeySums, others int, rest ledger.Sums, err error) {
	return s.largest(ctx, limit, "usage by key", org, string(d), only, from, to)
}

// RowsByKey sums a dimension over single turns.
func (s *Store) RowsByKey(ctx context.Context, org string, d ledger.Dimension, f ledger.Filter, from, to time.Time, limit int) (top []ledger.KeySums, others int, rest ledger.Sums, err error) {
	return s.largest(ctx, limit, "usage of rows", rowsArgs(org, d, f, from, to)...)
}

// largest reads sums by key that come largest first.
func (s *Store) largest(ctx context.Context, limit int, query string, args ...any) (top []ledger.KeySums, others int, rest ledger.Sums, err error) {
	err = s.sums(ctx, query, args, func(key string, sums ledger.Sums) error {
		if len(top) < limit {
			top = append(top, ledger.KeySums{Key: key, Sums: sums})
			return nil
		}
		others++
		rest.Add(sums)
		return nil
	})
	return top, others, rest, err
}

// UsageDaily sums each day of one key.
func (s *Store) UsageDaily(ctx context.Context, org string, d ledger.Dimension, key, from, to string) (out []ledger.DaySums, err error) {
	err = s.sums(ctx, "usage daily", []any{org, string(d), key, from, to}, func(day string, sums ledger.Sums) error {
		out = append(out, ledger.DaySums{Day: day, Sums: sums})
		return nil
	})
	return out, err
}

// step is the time that the query of single turns puts together: time zones
// differ by multiples of it.
const step = 15 * time.Minute

// RowsByTime sums single turns by when they started.
func (s *Store) RowsByTime(ctx context.Context, org string, f ledger.Filter, from, to time.Time) (out []ledger.TimeSums, err error) {
	err = s.sums(ctx, "usage of rows", rowsArgs(org, "", f, from, to), func(key string, sums ledger.Sums) error {
		n, err := strconv.ParseInt(key, 10, 64)
		if err != nil {
			return fmt.Errorf("time of usage: %w", err)
		}
		out = append(out, ledger.TimeSums{From: time.Unix(n*int64(step/time.Second), 0).UTC(), Sums: sums})
		return nil
	})
	return out, err
}

func rowsArgs(org string, d ledger.Dimension, f ledger.Filter, from, to time.Time) []any {
	first, last := idsFrom(from), idsFrom(to.Add(2*slack))
	return []any{
		org, string(d), first, last, from.UnixMicro(), to.UnixMicro(), f[ledger.DimModel], f[ledger.DimProvider], f[ledger.DimAgent],
		f[ledger.DimUser], f[ledger.DimSession], f[ledger.DimWorkload], f[ledger.DimPurpose], f[ledger.DimKey],
	}
}

// slack is how far a turn's id, which is made beside its start, may be from it.
const slack = time.Minute

// idsFrom is the lowest id of turns that started at a time or later, up to slack.
func idsFrom(at time.Time) string {
	ms := max(at.Add(-slack).UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x", ms>>16&0xffffffff, ms&0xffff)
}

// beyondIDs is above every id.
const beyondIDs = "\U0010FFFF"

// Turns lists turns, newest first, with their attempts.
func (s *Store) Turns(ctx context.Context, org string, f ledger.TurnFilter) ([]ledger.Turn, error) {
	first, last := "", beyondIDs
	from, to := time.Unix(0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if !f.From.IsZero() {
		from, first = f.From, idsFrom(f.From)
	}
	if !f.To.IsZero() {
		to, last = f.To, idsFrom(f.To.Add(2*slack))
	}
	if f.Before != "" {
		last = min(last, f.Before)
	}
	if f.Session != "" {
		// From a session's end, and no further than its turns reach: there is no
		// index over sessions, whose turns are few and near each other.
		ended, turns, err := s.sessionEnd(ctx, org, f.Session)
		if err != nil || turns == 0 {
			return nil, err
		}
		last = min(last, idsFrom(ended.Add(2*slack)))
		f.Limit = min(f.Limit, turns)
	}
	return s.turns(ctx, org, "turns", org, first, last, from.UnixMicro(), to.UnixMicro(),
		f.User, f.Agent, f.Session, f.Workload, f.Purpose, f.Model, f.Provider, f.Status, f.Key, f.Limit)
}

// sessionEnd says when the newest turn of a session started, and how many turns
// it ever had; none when there is no such session.
func (s *Store) sessionEnd(ctx context.Context, org, id string) (newest time.Time, turns int, err error) {
	st, err := s.stmt(ctx, s.read, "session end")
	if err != nil {
		return newest, 0, err
	}
	var at int64
	err = st.QueryRowContext(ctx, org, id).Scan(&at, &turns)
	if errors.Is(err, sql.ErrNoRows) {
		return newest, 0, nil
	}
	return time.UnixMicro(at), turns, err
}

// sums reads rows of a key and what is summed up for it.
func (s *Store) sums(ctx context.Context, query string, args []any, row func(key string, sums ledger.Sums) error) error {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		var key string
		var v ledger.Sums
		err := rows.Scan(&key, &v.Input, &v.CacheRead, &v.CacheWrite, &v.CacheWrite1h, &v.Output, &v.Reasoning, &v.Turns, (*int64)(&v.Cost), &v.UnknownCostTurns)
		if err == nil {
			err = row(key, v)
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
