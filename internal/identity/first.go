package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// KeyStore keeps keys in a database. Its methods may be called by several
// goroutines.
type KeyStore interface {
	// Keys returns the keys of all orgs, revoked ones included, oldest first.
	Keys(ctx context.Context) ([]Key, error)
	// InsertKey adds a key. A second one with the same hash is an error.
	InsertKey(ctx context.Context, k Key) error
	// RevokeKey marks a key of the org as no longer good. It returns
	// ErrUnknownKey when the org has no such key; revoking twice keeps the
	// first time.
	RevokeKey(ctx context.Context, org, id string, at time.Time) error
}

// ErrUnknownKey says that an org has no key of that id.
var ErrUnknownKey = errors.New("there is no such key")

// First is the org and user of the key that the first start makes.
const (
	FirstOrg  = "default"
	FirstUser = "admin"
)

// EnsureFirstKey makes the first operator's key when the store has never held
// a key and the file lists none, so that a new installation can be used. It
// returns the store's keys, the new one included, for [Directory.SetStored].
//
// deliver gets the new key's text, to show it or write it down
// ([WriteKeyFile]). It is called before the key is stored: a key that nobody
// has seen would lock everybody out for good, while one that was shown but not
// stored is made again by the next start.
func EnsureFirstKey(ctx context.Context, store KeyStore, fileListsKeys bool, random io.Reader, now time.Time, deliver func(Secret) error) ([]Key, error) {
	keys, err := store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	if len(keys) > 0 || fileListsKeys {
		return keys, nil
	}
	k, secret, err := NewKey(random, now, Key{Name: "first run", Org: FirstOrg, User: FirstUser, Role: Operator, Origin: FirstRun})
	if err != nil {
		return nil, err
	}
	if err := deliver(secret); err != nil {
		return nil, fmt.Errorf("hand over the first key: %w", err)
	}
	if err := store.InsertKey(ctx, k); err != nil {
		return nil, fmt.Errorf("store the first key; the one just shown is void, the next start makes another: %w", err)
	}
	return []Key{k}, nil
}
