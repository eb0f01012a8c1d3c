package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
)

// WriteTurns writes turns, their roll-ups and the position in one transaction.
// What a batch adds to one roll-up or session is added up first, so that each is
// written once.
func (s *Store) WriteTurns(ctx context.Context, turns []ledger.Turn, upTo ledger.Position) error {
	return s.inTx(ctx, func(exec execer) error {
		sums := rollups{zone: s.zone, daily: map[rollupKey]*ledger.Sums{}, hourly: map[rollupKey]*ledger.Sums{}}
		seen := map[sessionKey]*sessionTouch{}
		for i := range turns {
			t := &turns[i]
			fresh, err := insertTurn(exec, t)
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			sums.add(t)
			touch(seen, t)
		}
		for _, k := range slices.SortedFunc(maps.Keys(sums.daily), rollupKey.compare) {
			if _, err := exec("add usage", sumArgs(k, sums.daily[k])...); err != nil {
				return err
			}
		}
		for _, k := range slices.SortedFunc(maps.Keys(sums.hourly), rollupKey.compare) {
			if _, err := exec("add hourly usage", sumArgs(k, sums.hourly[k])...); err != nil {
				return err
			}
		}
		for _, k := range slices.SortedFunc(maps.Keys(seen), sessionKey.compare) {
			v := seen[k]
			t := v.last
			provider, model := answeredBy(t)
			if _, err := exec("touch session", k.org, k.id, t.SessionSource, t.User, t.Agent, t.Workload, provider, model, v.first.UnixMicro(), t.Started.UnixMicro(), v.turns); err != nil {
				return err
			}
		}
		_, err := exec("set position", upTo.Segment, upTo.Offset)
		return err
	})
}

// rollupKey names a row of usage_daily or usage_hourly.
type rollupKey struct {
	org       string
	dimension ledger.Dimension
	day       string // YYYY-MM-DD, of daily rows
	hour      int64  // seconds since 1970, of hourly rows
	key       string
}

// compare gives the order of the table, which is the cheapest to write in.
func (k rollupKey) compare(o rollupKey) int {
	return cmp.Or(strings.Compare(k.org, o.org), strings.Compare(string(k.dimension), string(o.dimension)), strings.Compare(k.day, o.day),
		cmp.Compare(k.hour, o.hour), strings.Compare(k.key, o.key))
}

// rollups add up what turns add to the roll-ups.
type rollups struct {
	zone          *time.Location
	daily, hourly map[rollupKey]*ledger.Sums
	shares        []ledger.Share // of the turn at hand
}

func (r *rollups) add(t *ledger.Turn) {
	day := t.Started.In(r.zone).Format(time.DateOnly)
	hour := t.Started.Truncate(time.Hour).Unix()
	r.shares = ledger.AppendShares(r.shares[:0], t)
	for i := range r.shares {
		sh := &r.shares[i]
		addTo(r.daily, rollupKey{org: t.Org, dimension: sh.Dimension, day: day, key: sh.Key}, &sh.Sums)
		if sh.Dimension == ledger.DimTotal || sh.Dimension == ledger.DimModel {
			addTo(r.hourly, rollupKey{org: t.Org, dimension: sh.Dimension, hour: hour, key: sh.Key}, &sh.Sums)
		}
	}
}

func addTo(m map[rollupKey]*ledger.Sums, k rollupKey, more *ledger.Sums) {
	sum := m[k]
	if sum == nil {
		sum = new(ledger.Sums)
		m[k] = sum
	}
	sum.Add(*more)
}

func sumArgs(k rollupKey, s *ledger.Sums) []any {
	var when any = k.hour
	if k.day != "" {
		when = k.day
	}
	return []any{k.org, string(k.dimension), when, k.key, s.Input, s.CacheRead, s.CacheWrite, s.CacheWrite1h, s.Output, s.Reasoning, s.Turns, int64(s.Cost), s.UnknownCostTurns}
}

type sessionKey struct{ org, id string }

func (k sessionKey) compare(o sessionKey) int {
	return cmp.Or(strings.Compare(k.org, o.org), strings.Compare(k.id, o.id))
}

// sessionTouch is what a batch says of one session.
type sessionTouch struct {
	first time.Time
	last  *ledger.Turn
	turns int64
}

func touch(seen map[sessionKey]*sessionTouch, t *ledger.Turn) {
	if t.Session == "" {
		return
	}
	k := sessionKey{t.Org, t.Session}
	v := seen[k]
	if v == nil {
		v = &sessionTouch{first: t.Started, last: t}
		seen[k] = v
	}
	v.turns++
	if t.Started.Before(v.first) {
		v.first = t.Started
	}
	if !t.Started.Before(v.last.Started) {
		v.last = t
	}
}

func answeredBy(t *ledger.Turn) (provider, model string) {
	if a := t.Answered(); a != nil {
		return a.Provider, a.Model
	}
	return "", ""
}

// insertTurn writes a turn's rows; fresh is false when it was there already.
func insertTurn(exec execer, t *ledger.Turn) (fresh bool, err error) {
	provider, model := answeredBy(t)
	res, err := exec("insert turn", t.Org, t.ID, t.User, t.Key, t.EndUser, t.Agent, t.Session, t.SessionSource, t.Workload, t.Class, t.Purpose,
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
		if _, err := exec("insert attempt", t.Org, t.ID, int64(a.Number), a.Provider, a.Model, a.ServedModel, a.KeyHint, a.Format, a.Started.UnixMicro(),
			a.FirstToken.Microseconds(), a.Duration.Microseconds(), string(a.Status), a.ErrorKind, int64(a.ErrorStatus), a.ErrorText, a.Finish,
			u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.ReasoningOfOutput, int64(u.Quality), cost, a.Downgrades); err != nil {
			return false, err
		}
	}
	return true, nil
}

// DeleteTurns removes old rows. A turn's id is a UUIDv7, which begins with the
// time in milliseconds.
func (s *Store) DeleteTurns(ctx context.Context, before time.Time, limit int) (int64, error) {
	ms := max(0, before.UnixMilli())
	rows, err := s.query(ctx, "old turns", fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff), limit)
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
	err = s.inTx(ctx, func(exec execer) error {
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
