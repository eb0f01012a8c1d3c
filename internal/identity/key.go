package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Prefix begins every key that this package makes, so that secret scanners and
// people know one when they see it.
const Prefix = "oido_sk_"

// MinKey and MaxKey bound a key's text in bytes. Keys from the file are any
// text within; what is presented and outside is no key.
const (
	MinKey = 24
	MaxKey = 512
)

// Hash is the SHA-256 of a key's text: all that is kept of it.
type Hash [sha256.Size]byte

// HashKey returns the hash under which a key is known.
func HashKey(text string) Hash { return sha256.Sum256([]byte(text)) }

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Secret is the text of a new key. It masks itself in formatting and logs;
// only [Secret.Reveal] gives it away, to be shown once.
type Secret struct{ text string }

// Reveal returns the key's text.
func (s Secret) Reveal() string { return s.text }

// Format masks the text under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }

// LogValue masks the text in logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalText masks the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// NewSecret makes the text of a key out of 32 bytes of random: [Prefix] and 43
// base64url characters.
func NewSecret(random io.Reader) (Secret, error) {
	var raw [32]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return Secret{}, fmt.Errorf("make a key: read random bytes: %w", err)
	}
	return Secret{Prefix + base64.RawURLEncoding.EncodeToString(raw[:])}, nil
}

// Origin is where a key comes from.
type Origin string

// The origins of keys. Keys of the file can't be changed by API, and win over
// a stored key of the same text.
const (
	FromFile  Origin = "file"
	FromStore Origin = "store"
	FirstRun  Origin = "first_run" // stored too; made by the first start
)

// Key is an OIDO key: who it speaks for and what it may be used for.
type Key struct {
	// ID is a UUID: version 7 for made keys; for keys of the file version 8,
	// derived from the hash, so that it stays the same over restarts.
	ID   string
	Hash Hash
	// Name is what people call it; may be empty.
	Name string
	Org  string
	User string
	Role Role
	// Agent and Workload are what turns are accounted to when the request
	// names none; may be empty.
	Agent, Workload string
	// Agents are the only agents that requests may name; empty: any.
	Agents []string
	// Models are the only models that may be used, as provider/model or a
	// beginning of such names followed by *; empty: any.
	Models  []string
	Origin  Origin
	Created time.Time // UTC; zero for keys of the file
	Revoked time.Time // UTC; zero while it is good
}

// StaticKey completes a key of the file from its text. ID and Hash of k are
// set here; its Origin becomes FromFile.
func StaticKey(text string, k Key) (Key, error) {
	if len(text) < MinKey || len(text) > MaxKey {
		return Key{}, fmt.Errorf("key of user %q has %d characters: it must have %d to %d", k.User, len(text), MinKey, MaxKey)
	}
	k.Hash = HashKey(text)
	k.ID = staticID(k.Hash)
	k.Origin = FromFile
	return k, nil
}

// staticID derives an id from the hash. It is hashed once more: the id is
// shown, and no part of the hash need be.
func staticID(h Hash) string {
	sum := sha256.Sum256(append([]byte("oido static key id\x00"), h[:]...))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8, RFC 9562 §5.8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id.String()
}

// NewKey makes a key for the org, user and role of k: a new text, its hash, an
// id and the time of creation. The text is returned beside it, and kept
// nowhere.
func NewKey(random io.Reader, now time.Time, k Key) (Key, Secret, error) {
	switch {
	case k.Org == "" || k.User == "":
		return Key{}, Secret{}, errors.New("make a key: it needs an org and a user")
	case !k.Role.Valid():
		return Key{}, Secret{}, fmt.Errorf("make a key: %q is not a role; use operator, admin, member or viewer", k.Role)
	}
	secret, err := NewSecret(random)
	if err != nil {
		return Key{}, Secret{}, err
	}
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		return Key{}, Secret{}, fmt.Errorf("make a key: make its id: %w", err)
	}
	k.ID, k.Hash, k.Created = id.String(), HashKey(secret.Reveal()), now.UTC().Truncate(time.Microsecond)
	if k.Origin == "" {
		k.Origin = FromStore
	}
	return k, secret, nil
}
