package seal

import (
	"crypto/rand"
	"fmt"
)

// Envelope is a value that is sealed under a key of its own, beside that key,
// which is sealed under the installation's. A new secret then means to seal keys
// anew, not values.
type Envelope struct{ Key, Data []byte }

// dataKey is the purpose of an envelope's own key.
const dataKey = "data key"

// SealEnvelope seals a value for a place under a fresh key.
func (s *Sealer) SealEnvelope(place string, plain []byte) (Envelope, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return Envelope{}, fmt.Errorf("make a data key: %w", err)
	}
	inner, err := New(key, dataKey)
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{Key: s.Seal(place, key), Data: inner.Seal(place, plain)}, nil
}

// OpenEnvelope opens what was sealed for a place. The error is ErrNotOpened.
func (s *Sealer) OpenEnvelope(place string, e Envelope) ([]byte, error) {
	key, err := s.Open(place, e.Key)
	if err != nil {
		return nil, err
	}
	inner, err := New(key, dataKey)
	if err != nil {
		return nil, ErrNotOpened
	}
	return inner.Open(place, e.Data)
}
