package policy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/policy"
)

// table is a store; broken refuses changes.
type table struct {
	rows   map[[3]string]policy.Entry
	broken error
}

func key(e policy.Entry) [3]string { return [3]string{e.Org, e.Section, e.Name} }

func (t *table) Routing(context.Context) ([]policy.Entry, error) {
	all := slices.Collect(maps.Values(t.rows))
	slices.SortFunc(all, func(a, b policy.Entry) int {
		return cmp.Or(cmp.Compare(a.Org, b.Org), a.Created.Compare(b.Created), cmp.Compare(a.Section, b.Section), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func (t *table) InsertRouting(_ context.Context, e policy.Entry) error {
	if _, there := t.rows[key(e)]; there {
		return policy.ErrChanged
	}
	return t.put(e)
}

func (t *table) UpdateRouting(_ context.Context, e policy.Entry, revision int64) error {
	if t.rows[key(e)].Revision != revision {
		return policy.ErrChanged
	}
	return t.put(e)
}

func (t *table) put(e policy.Entry) error {
	if t.broken == nil {
		t.rows[key(e)] = e
	}
	return t.broken
}

func (t *table) DeleteRouting(_ context.Context, e policy.Entry) error {
	if t.rows[key(e)].Revision != e.Revision {
		return policy.ErrChanged
	}
	if t.broken == nil {
		delete(t.rows, key(e))
	}
	return t.broken
}

func file(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, _, err := config.Load(config.Options{
		File: "oido.yaml", LookupEnv: func(string) (string, bool) { return "", false },
		ReadFile: func(string, int) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t testing.TB, store policy.Store, cfg *config.Config) *policy.Keeper {
	t.Helper()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	k, err := policy.Open(t.Context(), store, cfg, func() time.Time { now = now.Add(time.Second); return now })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func alias(org, name, chain string) policy.Entry {
	return policy.Entry{Org: org, Section: config.SectionAliases, Name: name, By: "ada", Value: []byte(`{"chain":` + chain + `}`)}
}

// A file that comes later wins its names, and gives them back; what it closes a loop
// with is out meanwhile.
func TestTheFileWinsANameAndGivesItBack(t *testing.T) {
	t.Parallel()
	store := &table{rows: map[[3]string]policy.Entry{}}
	plain, taken, loop := file(t, "aliases: {}"), file(t, "aliases: {mine: up/file}"), file(t, "aliases: {next: [mine]}")
	k := open(t, store, plain)
	if _, _, err := k.Put(t.Context(), alias("acme", "mine", `["next"]`), policy.Any); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		cfg  *config.Config
		off  bool
		want config.Chain
	}{{taken, true, config.Chain{"up/file"}}, {plain, false, config.Chain{"next"}}, {loop, true, nil}, {plain, false, config.Chain{"next"}}} {
		k.SetFile(c.cfg)
		e, there := k.Get("acme", config.SectionAliases, "mine")
		chain, _ := k.Merged()["acme"].Aliases.Get("mine")
		if !there || (e.Off != nil) != c.off || !slices.Equal(chain, c.want) || len(k.Off()) > 0 != c.off {
			t.Errorf("%d: %v, %v", i, e.Off, chain)
		}
	}
	k.SetFile(taken)
	if _, _, err := k.Put(t.Context(), alias("acme", "mine", `["up/x"]`), policy.Any); !errors.Is(err, config.ErrInFile) {
		t.Error(err)
	}
	if err := k.Remove(t.Context(), "acme", config.SectionAliases, "mine", policy.Any); err != nil {
		t.Error(err)
	}
	if len(k.Merged()) != 0 || len(store.rows) != 0 {
		t.Errorf("%v %v", k.Merged(), store.rows)
	}
}

// What can't be kept isn't in force.
func TestWhatIsNotKeptIsNotInForce(t *testing.T) {
	t.Parallel()
	store := &table{rows: map[[3]string]policy.Entry{}}
	k := open(t, store, file(t, ""))
	first, _, err := k.Put(t.Context(), alias("acme", "a", `["up/a"]`), policy.New)
	if err != nil {
		t.Fatal(err)
	}
	store.broken = errors.New("the disk is full")
	for _, e := range []policy.Entry{alias("acme", "a", `["up/b"]`), alias("acme", "b", `["up/b"]`)} {
		if _, _, err := k.Put(t.Context(), e, policy.Any); !errors.Is(err, store.broken) {
			t.Error(err)
		}
	}
	if err := k.Remove(t.Context(), "acme", config.SectionAliases, "a", policy.Any); !errors.Is(err, store.broken) {
		t.Error(err)
	}
	got := k.Of("acme", config.SectionAliases)
	if len(got) != 1 || string(got[0].Value) != string(first.Value) || got[0].Revision != first.Revision {
		t.Errorf("%+v", got)
	}
}

func TestAnOrgHasSoMany(t *testing.T) {
	t.Parallel()
	k := open(t, &table{rows: map[[3]string]policy.Entry{}}, file(t, ""))
	put := func(org, section, name string) error {
		_, _, err := k.Put(t.Context(), policy.Entry{Org: org, Section: section, Name: name, Value: []byte(`{"chain":["up/a"]}`)}, policy.Any)
		return err
	}
	for i := range 200 {
		if err := put("acme", config.SectionWorkloads, fmt.Sprint("w", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("acme", config.SectionWorkloads, "more"); !errors.Is(err, policy.ErrTooMany) {
		t.Error(err)
	}
	for _, err := range []error{put("acme", config.SectionWorkloads, "w3"), put("other", config.SectionWorkloads, "more"), put("acme", config.SectionAliases, "more")} {
		if err != nil {
			t.Error(err)
		}
	}
}

// Whatever is put and removed in any order: what is in memory is what is kept, is
// what another start reads, has no loops, and is of its org alone.
func TestMemoryIsWhatIsKept(t *testing.T) {
	t.Parallel()
	cfg := file(t, "aliases: {f: [a, up/x]}")
	rapid.Check(t, func(r *rapid.T) {
		store := &table{rows: map[[3]string]policy.Entry{}}
		k := open(t, store, cfg)
		names, orgs := []string{"a", "b", "c", "f"}, []string{"acme", "other"}
		revisions := map[int64]bool{}
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			org, name := rapid.SampledFrom(orgs).Draw(r, "org"), rapid.SampledFrom(names).Draw(r, "name")
			was, there := k.Get(org, config.SectionAliases, name)
			match := rapid.SampledFrom([]int64{policy.Any, policy.New, policy.There, was.Revision, 5}).Draw(r, "match")
			holds := match == policy.Any || match == policy.New && !there || match == policy.There && there || there && match == was.Revision
			if rapid.Bool().Draw(r, "remove") {
				err := k.Remove(t.Context(), org, config.SectionAliases, name, match)
				if (err == nil) != (there && holds) {
					r.Fatalf("remove %s %s: %v", org, name, err)
				}
				continue
			}
			chain := fmt.Sprintf(`[%q,"up/x"]`, rapid.SampledFrom(names).Draw(r, "to"))
			kept, created, err := k.Put(t.Context(), alias(org, name, chain), match)
			if err == nil && (!holds || created == there || revisions[kept.Revision]) || !holds && !errors.Is(err, policy.ErrChanged) {
				r.Fatalf("put %s %s %s on %d: %v", org, name, chain, match, err)
			}
			if err == nil {
				revisions[kept.Revision] = true
			}
		}
		again := open(t, store, cfg)
		for _, org := range orgs {
			mine, theirs := k.Of(org, config.SectionAliases), again.Of(org, config.SectionAliases)
			if !slices.EqualFunc(mine, theirs, func(a, b policy.Entry) bool {
				return a.Org == org && key(a) == key(b) && a.Revision == b.Revision && string(a.Value) == string(b.Value) && a.Off == nil && b.Off == nil
			}) {
				r.Fatalf("%v, kept %v", mine, theirs)
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	store := &table{rows: map[[3]string]policy.Entry{}}
	for i := range 1000 {
		e := alias("acme", fmt.Sprint("alias-", i), `["up/a","up/b"]`)
		e.Revision = 1
		store.rows[key(e)] = e
	}
	k := open(b, store, file(b, ""))
	for b.Loop() {
		if _, _, err := k.Put(b.Context(), alias("acme", "alias-7", `["up/c"]`), policy.Any); err != nil {
			b.Fatal(err)
		}
	}
}
