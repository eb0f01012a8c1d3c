package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

func vault(t *testing.T, s *sqlite.Store, secret string) *provider.Vault {
	t.Helper()
	sealer, err := seal.New([]byte(secret), "provider keys")
	if err != nil {
		t.Fatal(err)
	}
	return &provider.Vault{Store: s, Sealer: sealer, Now: func() time.Time { return noon }}
}

const vaultSecret = "a secret of an installation"

func TestStoredAccountsAreKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	v := vault(t, s, vaultSecret)
	ctx := t.Context()
	one, err := v.Add(ctx, "", "one", "openai", []byte(`{"api_key":"first"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Add(ctx, "acme", "one", "gemini", nil); !errors.Is(err, provider.ErrNameTaken) {
		t.Errorf("the same name twice: %v", err)
	}
	two, err := v.Add(ctx, "acme", "two", "gemini", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := v.Change(ctx, one.Stored, []byte(`{"api_key":"second"}`))
	if err != nil || changed.Revision != 2 {
		t.Fatal(changed.Revision, err)
	}
	if _, err := v.Change(ctx, one.Stored, nil); !errors.Is(err, provider.ErrChanged) {
		t.Errorf("a change of what was changed: %v", err)
	}
	if err := v.Remove(ctx, one.Stored); !errors.Is(err, provider.ErrChanged) {
		t.Errorf("a removal of what was changed: %v", err)
	}
	all, err := v.All(ctx)
	if d := cmp.Diff([]provider.Opened{changed, two}, all); d != "" || err != nil {
		t.Error(d, err)
	}
	// The list of a removed account isn't that of the next one of its name.
	if err := s.SaveList(ctx, "one", noon, []byte("list")); err != nil {
		t.Fatal(err)
	}
	for _, a := range []provider.Opened{changed, two} {
		if err := v.Remove(ctx, a.Stored); err != nil {
			t.Error(err)
		}
	}
	all, err = v.All(ctx)
	if list, listErr := s.LoadList(ctx, "one"); len(all) != 0 || list != nil || err != nil || listErr != nil {
		t.Errorf("%v %s %v %v", all, list, err, listErr)
	}
}

// What lies on the disk doesn't show a key, and opens in its own row and under
// its own secret alone; the others are still there.
func TestStoredAccountsAreSealedIntoTheirRow(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	v := vault(t, s, vaultSecret)
	ctx := t.Context()
	keys := []string{"sk-first-key-of-a-provider", "sk-second-key-of-a-provider"}
	for i, name := range []string{"one", "two"} {
		if _, err := v.Add(ctx, "", name, "openai", []byte(`{"api_key":"`+keys[i]+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if bytes.Contains(text, []byte(k)) {
				t.Errorf("%s holds a key", f)
			}
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "oido.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	opens := func(v *provider.Vault) (out []bool) {
		all, err := v.All(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			if a.Err != nil && !errors.Is(a.Err, seal.ErrNotOpened) {
				t.Error(a.Err)
			}
			out = append(out, a.Err == nil)
		}
		return out
	}
	if d := cmp.Diff([]bool{false, false}, opens(vault(t, s, vaultSecret+"!"))); d != "" {
		t.Error("under another secret", d)
	}
	for _, c := range []struct {
		what, change string
		want         []bool
	}{
		{"as it was", "UPDATE providers SET type = type", []bool{true, true}},
		{"given to an org", "UPDATE providers SET org = 'thief' WHERE name = 'one'", []bool{false, true}},
		{"given back", "UPDATE providers SET org = '' WHERE name = 'one'", []bool{true, true}},
		{"one's bytes in two's row", "UPDATE providers SET (sealed_key, sealed) = (SELECT sealed_key, sealed FROM providers WHERE name = 'one')", []bool{true, false}},
	} {
		if _, err := db.ExecContext(ctx, c.change); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, opens(v)); d != "" {
			t.Errorf("%s: %s", c.what, d)
		}
	}
}
