// Package responsestore keeps answers that clients go on from by their id, or ask
// for and delete later, with what was asked of them.
//
// An answer is found only by the org and the user that it was given to. It holds
// what its own request added to the conversation and names the answer before it,
// so a conversation is a chain, which is read back within bounds: of its length,
// its size, and without going in circles. Like everything of [writebehind], keeping
// never waits for the database, and a lookup that can't be made fails.
package responsestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/writebehind"
)

// Answer is one answer that is kept. It must not be changed.
type Answer struct {
	// Previous is the id of the answer that it went on from; "" for none.
	Previous string `json:"previous,omitzero"`
	// Session is the conversation that its turn was recorded under.
	Session string `json:"session"`
	// Made is who gave it; Theirs says that they keep it too, under the same id.
	Made   llm.Origin `json:"made"`
	Theirs bool       `json:"theirs,omitzero"`
	// Elsewhere names what of the conversation only its maker knows; "" when all
	// of it is here.
	Elsewhere string `json:"elsewhere,omitzero"`
	// Failed says that it ended in an error: nothing can go on from it.
	Failed bool `json:"failed,omitzero"`
	// Asked is what the request adds to the conversation, Whole the answer as its
	// client has it, both in the client's format.
	Asked jsontext.Value `json:"asked"`
	Whole jsontext.Value `json:"whole"`
}

// Store keeps answers. It is safe for concurrent use.
type Store struct {
	cache *writebehind.Cache[Answer]
	log   *slog.Logger
}

// New makes a store; Close ends it.
func New(o writebehind.Options) *Store {
	o.What = "answers"
	return &Store{cache: writebehind.New[Answer](o), log: o.Log}
}

// Close stores what waits, as far as the table takes it in a short time.
func (s *Store) Close() { s.cache.Close() }

// Keep keeps an answer for so long. One that is too large is not kept.
func (s *Store) Keep(org, user, id string, a *Answer, keep time.Duration) {
	if err := s.cache.Keep(org, user, keyOf(user, id), a, keep); err != nil {
		s.log.Warn("an answer can't be gone on from", "error", err)
	}
}

// Get returns an answer; nil when the org's user has none of that id, or none any
// more. The error says that the table could not be read.
func (s *Store) Get(ctx context.Context, org, user, id string) (*Answer, error) {
	return s.cache.Get(ctx, org, keyOf(user, id))
}

// Delete takes an answer away and returns it; nil when there was none. An error
// says that it may still be there.
func (s *Store) Delete(ctx context.Context, org, user, id string) (*Answer, error) {
	a, err := s.Get(ctx, org, user, id)
	if err != nil || a == nil {
		return nil, err
	}
	return a, s.cache.Remove(ctx, org, user, keyOf(user, id))
}

// keyOf is the key of an answer's row, which tells nothing of its id.
func keyOf(user, id string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %s", len(user), user, id)
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// Bounds of a conversation that is read back.
const (
	MaxChain = 1000
	MaxBytes = 32 << 20
	// patience is how long all its answers together may take to read.
	patience = 5 * time.Second
)

// What stands against reading a conversation back, beside a table that can't be
// read.
var (
	ErrMissing   = errors.New("an earlier answer of the conversation was deleted or has expired")
	ErrTooLong   = errors.New("the conversation is too long to be put together again")
	ErrElsewhere = errors.New("only who gave the earlier answers knows the whole conversation")
)

// Chain returns the answers of a conversation up to this one, oldest first.
func (s *Store) Chain(ctx context.Context, org, user, id string) ([]*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var chain []*Answer
	seen := map[string]bool{}
	for size := 0; id != ""; {
		a, err := s.Get(ctx, org, user, id)
		switch {
		case err != nil:
			return nil, err
		case a == nil, seen[id]: // a provider that gives an id twice makes a circle
			return nil, ErrMissing
		case a.Elsewhere != "":
			return nil, ErrElsewhere
		}
		seen[id] = true
		if size += len(a.Asked) + len(a.Whole); size > MaxBytes || len(chain) == MaxChain {
			return nil, ErrTooLong
		}
		chain, id = append(chain, a), a.Previous
	}
	slices.Reverse(chain)
	return chain, nil
}
