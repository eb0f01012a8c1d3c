package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/provider"
)

var (
	_ identity.KeyStore  = (*Store)(nil)
	_ provider.ListStore = (*Store)(nil)
)

// Keys returns the keys of all orgs, oldest first.
func (s *Store) Keys(ctx context.Context) (keys []identity.Key, err error) {
	rows, err := s.query(ctx, "keys")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k identity.Key
		var hash []byte
		var agents, models string
		var created int64
		var revoked sql.NullInt64
		if err := rows.Scan(&k.ID, &hash, &k.Name, &k.Org, &k.User, &k.Role, &k.Agent, &k.Workload, &agents, &models, &k.Origin, &created, &revoked); err != nil {
			return nil, err
		}
		if len(hash) != len(k.Hash) {
			return nil, fmt.Errorf("key %s: its hash has %d bytes", k.ID, len(hash))
		}
		copy(k.Hash[:], hash)
		if err := errors.Join(json.Unmarshal([]byte(agents), &k.Agents), json.Unmarshal([]byte(models), &k.Models)); err != nil {
			return nil, fmt.Errorf("key %s: %w", k.ID, err)
		}
		k.Created = time.UnixMicro(created).UTC()
		if revoked.Valid {
			k.Revoked = time.UnixMicro(revoked.Int64).UTC()
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// InsertKey adds a key.
func (s *Store) InsertKey(ctx context.Context, k identity.Key) error {
	agents, err := list(k.Agents)
	if err != nil {
		return err
	}
	models, err := list(k.Models)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, "insert key", k.ID, k.Hash[:], k.Name, k.Org, k.User, string(k.Role), k.Agent, k.Workload, agents, models, string(k.Origin), k.Created.UnixMicro())
	if err != nil {
		return fmt.Errorf("store key %s: %w", k.ID, err)
	}
	return nil
}

func list(names []string) (string, error) {
	if names == nil {
		names = []string{}
	}
	var b strings.Builder
	err := json.MarshalWrite(&b, names)
	return b.String(), err
}

// RevokeKey marks a key of the org as no longer good.
func (s *Store) RevokeKey(ctx context.Context, org, id string, at time.Time) error {
	res, err := s.exec(ctx, "revoke key", at.UnixMicro(), org, id)
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, identity.ErrUnknownKey)
	}
	return nil
}

// SaveList keeps an account's model list.
func (s *Store) SaveList(ctx context.Context, account string, fetchedAt time.Time, list []byte) error {
	_, err := s.exec(ctx, "save list", account, fetchedAt.UnixMicro(), list)
	return err
}

// LoadList returns the list kept for an account; nil when there is none.
func (s *Store) LoadList(ctx context.Context, account string) ([]byte, error) {
	st, err := s.stmt(ctx, s.read, "load list")
	if err != nil {
		return nil, err
	}
	var list []byte
	err = st.QueryRowContext(ctx, account).Scan(&list)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return list, err
}
