package sqlite

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/writebehind"
)

// Choices is the table of models that users chose for their sessions.
func (s *Store) Choices() writebehind.Table { return sealed{s, "choices"} }

// Sessions lists sessions, those used last first.
func (s *Store) Sessions(ctx context.Context, org string, f ledger.SessionFilter) ([]ledger.Session, error) {
	at, id := int64(math.MaxInt64), ""
	if !f.Before.IsZero() {
		at, id = f.Before.UnixMicro(), f.BeforeID
	}
	return s.sessions(ctx, "sessions", org, at, id, f.User, f.Agent, f.Workload, f.Limit)
}

// Session returns one session; nil when there is none.
func (s *Store) Session(ctx context.Context, org, id string) (*ledger.Session, error) {
	list, err := s.sessions(ctx, "session", org, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func (s *Store) sessions(ctx context.Context, query string, args ...any) (out []ledger.Session, err error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var v ledger.Session
		var first, last int64
		if err := rows.Scan(&v.ID, &v.Source, &v.User, &v.Agent, &v.Workload, &v.Provider, &v.Model, &first, &last, &v.Turns); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		v.First, v.Last = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
		out = append(out, v)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}
