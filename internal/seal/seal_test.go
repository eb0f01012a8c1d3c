package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/oidostudio/oido/internal/seal"
)

func sealer(t *testing.T, secret, purpose string) *seal.Sealer {
	t.Helper()
	s, err := seal.New([]byte(secret), purpose)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const secret = "a secret of some length"

func TestOpensOnlyWhereItWasSealedFor(t *testing.T) {
	t.Parallel()
	s := sealer(t, secret, "reasoning")
	plain := []byte("thoughts")
	sealed := s.Seal("row 1", plain)
	if bytes.Contains(sealed, plain) {
		t.Fatal("the value is readable")
	}
	if got, err := s.Open("row 1", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another row":     func() ([]byte, error) { return s.Open("row 2", sealed) },
		"another purpose": func() ([]byte, error) { return sealer(t, secret, "keys").Open("row 1", sealed) },
		"another secret":  func() ([]byte, error) { return sealer(t, secret+"!", "reasoning").Open("row 1", sealed) },
		"changed":         func() ([]byte, error) { return s.Open("row 1", flipped) },
		"nothing":         func() ([]byte, error) { return s.Open("row 1", nil) },
		"cut":             func() ([]byte, error) { return s.Open("row 1", sealed[:5]) },
	} {
		if got, err := open(); !errors.Is(err, seal.ErrNotOpened) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestSecretIsMadeOnceAndKeptPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := seal.Secret("", dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := seal.Secret("", dir)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("another secret at the second start: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "secret.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got, err := seal.Secret("configured by hand", dir); err != nil || string(got) != "configured by hand" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Secret("", dir); err == nil {
		t.Error("a broken secret is taken")
	}
	if _, err := seal.New([]byte("short"), "x"); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestAnEnvelopeOpensWholeAndInItsPlace(t *testing.T) {
	t.Parallel()
	s := sealer(t, secret, "provider keys")
	plain := []byte("sk-a-key-of-a-provider")
	one, err := s.SealEnvelope("row 1", plain)
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.SealEnvelope("row 1", plain)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(one.Key, plain) || bytes.Contains(one.Data, plain) || bytes.Equal(one.Data, two.Data) {
		t.Error("the value shows")
	}
	if got, err := s.OpenEnvelope("row 1", one); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another row":    func() ([]byte, error) { return s.OpenEnvelope("row 2", one) },
		"another's key":  func() ([]byte, error) { return s.OpenEnvelope("row 1", seal.Envelope{Key: two.Key, Data: one.Data}) },
		"another secret": func() ([]byte, error) { return sealer(t, secret+"!", "provider keys").OpenEnvelope("row 1", one) },
		"nothing":        func() ([]byte, error) { return s.OpenEnvelope("row 1", seal.Envelope{}) },
	} {
		if got, err := open(); !errors.Is(err, seal.ErrNotOpened) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
