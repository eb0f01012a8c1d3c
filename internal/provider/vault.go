package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/seal"
)

// Stored is an account that was added while the server runs, as it is kept: what
// could hold a secret is sealed.
type Stored struct {
	ID, Name, Type string
	// Org is whose account it is; "" is the installation's.
	Org string
	// Revision counts the changes, from 1.
	Revision         int64
	Created, Changed time.Time
	Sealed           seal.Envelope
}

// The refusals of an AccountStore.
var (
	ErrNameTaken = errors.New("an account of this name was added already")
	ErrChanged   = errors.New("the account was changed or removed meanwhile")
)

// AccountStore keeps stored accounts.
type AccountStore interface {
	// StoredAccounts returns all, oldest first.
	StoredAccounts(ctx context.Context) ([]Stored, error)
	// InsertAccount adds one; ErrNameTaken when there is one of its name.
	InsertAccount(ctx context.Context, a Stored) error
	// UpdateAccount replaces what is sealed; ErrChanged unless the row's revision
	// is the one before.
	UpdateAccount(ctx context.Context, a Stored) error
	// DeleteAccount removes one with its model list; ErrChanged unless it is there
	// in this revision.
	DeleteAccount(ctx context.Context, a Stored) error
}

// Vault seals the options of stored accounts and opens them again. It keeps
// nothing in memory.
type Vault struct {
	Store  AccountStore
	Sealer *seal.Sealer
	Now    func() time.Time
}

// Opened is a stored account with its options as a JSON object. Err says why they
// can't be had; it is seal.ErrNotOpened where the secret is another.
type Opened struct {
	Stored
	Options []byte
	Err     error
}

// All returns every account, also those that don't open.
func (v *Vault) All(ctx context.Context) ([]Opened, error) {
	rows, err := v.Store.StoredAccounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stored accounts: %w", err)
	}
	return OpenAll(rows, v.Sealer), nil
}

// OpenAll opens accounts as they were read, also those that don't open.
func OpenAll(rows []Stored, sealer *seal.Sealer) []Opened {
	out := make([]Opened, len(rows))
	for i, r := range rows {
		out[i].Stored = r
		out[i].Options, out[i].Err = sealer.OpenEnvelope(r.place(), r.Sealed)
	}
	return out
}

// place binds what is sealed to its row, and to what the row says in clear of
// whom the account belongs to and how it is called.
func (s Stored) place() string { return "account " + s.ID + "\x00" + s.Org + "\x00" + s.Name }

// Add keeps a new account.
func (v *Vault) Add(ctx context.Context, org, name, typ string, options []byte) (Opened, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Opened{}, fmt.Errorf("make an id: %w", err)
	}
	now := v.Now().UTC()
	s := Stored{ID: id.String(), Org: org, Name: name, Type: typ, Revision: 1, Created: now, Changed: now}
	if s.Sealed, err = v.Sealer.SealEnvelope(s.place(), options); err != nil {
		return Opened{}, err
	}
	if err := v.Store.InsertAccount(ctx, s); err != nil {
		return Opened{}, fmt.Errorf("keep the account %s: %w", name, err)
	}
	return Opened{Stored: s, Options: options}, nil
}

// Change keeps other options of an account.
func (v *Vault) Change(ctx context.Context, s Stored, options []byte) (Opened, error) {
	s.Revision++
	s.Changed = v.Now().UTC()
	var err error
	if s.Sealed, err = v.Sealer.SealEnvelope(s.place(), options); err != nil {
		return Opened{}, err
	}
	if err := v.Store.UpdateAccount(ctx, s); err != nil {
		return Opened{}, fmt.Errorf("keep the account %s: %w", s.Name, err)
	}
	return Opened{Stored: s, Options: options}, nil
}

// Remove forgets an account.
func (v *Vault) Remove(ctx context.Context, s Stored) error {
	if err := v.Store.DeleteAccount(ctx, s); err != nil {
		return fmt.Errorf("remove the account %s: %w", s.Name, err)
	}
	return nil
}
