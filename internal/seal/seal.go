// Package seal keeps things at rest unreadable without the installation's secret.
//
// What is sealed is bound to a purpose and a place (its row's id), so that a
// sealed value that was moved to another row or table does not open. Values are
// AES-256-GCM with a random nonce under a key derived from the secret for each
// purpose; nothing here keeps or logs a plain value.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sealer seals and opens values of one purpose. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// ErrNotOpened says that a value was sealed with another secret, belongs to
// another place, or was changed.
var ErrNotOpened = errors.New("the sealed value does not open: it was sealed with another secret_key, or changed")

// version begins every sealed value, so that the scheme can change.
const version = 1

// New makes a sealer for a purpose ("reasoning"). The secret may be of any
// length that its source makes unguessable.
func New(secret []byte, purpose string) (*Sealer, error) {
	if len(secret) < 16 {
		return nil, fmt.Errorf("the secret for sealing has %d bytes: at least 16 are needed", len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "oido "+purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal seals a value for a place.
func (s *Sealer) Seal(place string, plain []byte) []byte {
	return s.aead.Seal([]byte{version}, nil, plain, []byte(place))
}

// Open opens a value that was sealed for a place. The error is ErrNotOpened.
func (s *Sealer) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || sealed[0] != version {
		return nil, ErrNotOpened
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], []byte(place))
	if err != nil {
		return nil, ErrNotOpened
	}
	return plain, nil
}

// Secret returns the installation's secret: the configured one, else the one
// kept in the data directory, which is made at the first start.
func Secret(configured, dataDir string) ([]byte, error) {
	secret, err := Kept(configured, dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(secretIn(dataDir))
	}
	return secret, err
}

func secretIn(dataDir string) string { return filepath.Join(dataDir, "secret.key") }

// Kept is Secret without making one: the error is fs.ErrNotExist where there is
// none.
func Kept(configured, dataDir string) ([]byte, error) {
	if configured != "" {
		return []byte(configured), nil
	}
	path := secretIn(dataDir)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) < 32 {
		return nil, fmt.Errorf("%s is not a secret of this program: restore it from a backup, or remove it to have sealed values forgotten", path)
	}
	return secret, nil
}

func makeSecret(path string) ([]byte, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep the secret: %w", err)
	}
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(secret) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("keep the secret: %w", err)
	}
	return secret, nil
}
