package sqlite_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// The database is its owner's alone, whatever the folder is called and whoever
// may enter it.
func TestTheDatabaseIsItsOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "what? is#100% this")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := s.WriteTurns(t.Context(), someTurns(1), ledger.Position{}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "oido.db*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
}

func TestKeysAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	k, _, err := identity.NewKey(rand.Reader, noon, identity.Key{Name: "n", Org: "o", User: "u", Role: identity.Member, Agents: []string{"a"}, Models: []string{"openai/*"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.InsertKey(ctx, k); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertKey(ctx, k); err == nil {
		t.Error("the same key twice")
	}
	if err := s.RevokeKey(ctx, "other", k.ID, noon); !errors.Is(err, identity.ErrUnknownKey) {
		t.Errorf("another org's key: %v", err)
	}
	for _, at := range []time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)} {
		if err := s.RevokeKey(ctx, "o", k.ID, at); err != nil {
			t.Error(err)
		}
	}
	k.Revoked = noon.Add(time.Hour)
	got, err := s.Keys(ctx)
	if d := cmp.Diff([]identity.Key{k}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestListsAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	ctx := t.Context()
	if b, err := s.LoadList(ctx, "p"); b != nil || err != nil {
		t.Errorf("%s %v", b, err)
	}
	for _, list := range []string{"one", "two"} {
		if err := s.SaveList(ctx, "p", noon, []byte(list)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := s.LoadList(ctx, "p"); string(b) != "two" || err != nil {
		t.Errorf("%s %v", b, err)
	}
}

func TestADataDirectoryHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if s, err := sqlite.Open(context.Background(), dir, time.UTC); err == nil {
		t.Error("opened twice", s.Close())
	}
}
