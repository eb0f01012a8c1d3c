package identity_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/identity"
)

// store is a KeyStore in memory.
type store struct {
	keys []identity.Key
	fail error
}

var _ identity.KeyStore = (*store)(nil)

func (s *store) Keys(context.Context) ([]identity.Key, error) { return s.keys, nil }

func (s *store) InsertKey(_ context.Context, k identity.Key) error {
	if s.fail != nil {
		return s.fail
	}
	s.keys = append(s.keys, k)
	return nil
}

func (s *store) RevokeKey(_ context.Context, org, id string, at time.Time) error {
	for i, k := range s.keys {
		if k.Org == org && k.ID == id {
			s.keys[i].Revoked = at
			return nil
		}
	}
	return identity.ErrUnknownKey
}

func ensure(t *testing.T, s *store, fileListsKeys bool) (shown []string, keys []identity.Key, err error) {
	t.Helper()
	keys, err = identity.EnsureFirstKey(t.Context(), s, fileListsKeys, rand.Reader, noon, func(secret identity.Secret) error {
		shown = append(shown, secret.Reveal())
		return nil
	})
	return shown, keys, err
}

func TestFirstKey(t *testing.T) {
	t.Parallel()
	s := &store{}
	shown, keys, err := ensure(t, s, false)
	if err != nil || len(shown) != 1 {
		t.Fatalf("shown %d times, %v", len(shown), err)
	}
	var d identity.Directory
	d.SetStored(keys)
	c, _ := d.Lookup(shown[0])
	if c.Role != identity.Operator || c.Org != "default" || c.User != "admin" {
		t.Errorf("caller = %+v", c)
	}
	if diff := cmp.Diff(keys, s.keys); diff != "" {
		t.Errorf("returned and stored differ:\n%s", diff)
	}

	// Neither a second start nor one after the key was revoked makes another.
	if err := s.RevokeKey(t.Context(), "default", keys[0].ID, noon); err != nil {
		t.Fatal(err)
	}
	shown, keys, err = ensure(t, s, false)
	if err != nil || len(shown) != 0 || len(keys) != 1 {
		t.Errorf("second start: shown %d, %d keys, %v", len(shown), len(keys), err)
	}
}

func TestNoFirstKeyWhenTheFileListsOne(t *testing.T) {
	t.Parallel()
	s := &store{}
	if shown, _, err := ensure(t, s, true); err != nil || len(shown) != 0 || len(s.keys) != 0 {
		t.Errorf("shown %d, stored %d, %v", len(shown), len(s.keys), err)
	}
}

func TestFirstKeyThatNobodySawIsNotStored(t *testing.T) {
	t.Parallel()
	s, broken := &store{}, errors.New("disk full")
	_, err := identity.EnsureFirstKey(t.Context(), s, false, rand.Reader, noon, func(identity.Secret) error { return broken })
	if !errors.Is(err, broken) || len(s.keys) != 0 {
		t.Errorf("stored %d, %v", len(s.keys), err)
	}
	s.fail = broken
	if _, _, err := ensure(t, s, false); !errors.Is(err, broken) {
		t.Errorf("error = %v", err)
	}
	s.fail = nil
	if shown, _, err := ensure(t, s, false); err != nil || len(shown) != 1 {
		t.Errorf("after the failure: shown %d, %v", len(shown), err)
	}
}

func secret(t *testing.T) identity.Secret {
	t.Helper()
	s, err := identity.NewSecret(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWriteKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 { // new, and over an older one that others could read
		s := secret(t)
		path, err := identity.WriteKeyFile(dir, s)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil || string(text) != s.Reveal()+"\n" || path != filepath.Join(dir, "admin.key") {
			t.Errorf("%s: %v", path, err)
		}
		st, err := os.Stat(path)
		if err != nil || st.Mode() != 0o600 {
			t.Errorf("mode = %v, %v", st.Mode(), err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestWriteKeyFileRefusesLinksAndFolders(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(path, elsewhere string) error{
		"link":          func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
		"dangling link": func(path, elsewhere string) error { return os.Symlink(elsewhere+".none", path) },
		"folder":        func(path, _ string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(elsewhere, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := place(filepath.Join(dir, identity.KeyFile), elsewhere); err != nil {
				t.Fatal(err)
			}
			s := secret(t)
			if _, err := identity.WriteKeyFile(dir, s); err == nil || strings.Contains(err.Error(), s.Reveal()) {
				t.Errorf("error = %v", err)
			}
			if text, err := os.ReadFile(elsewhere); err != nil || string(text) != "old" {
				t.Errorf("the target holds %q, %v", text, err)
			}
			if _, err := os.Stat(elsewhere + ".none"); err == nil {
				t.Error("the dangling link was followed")
			}
		})
	}
	if _, err := identity.WriteKeyFile(filepath.Join(t.TempDir(), "none"), secret(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}
