package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	adaKey = "the key of ada, a static one"
	bobKey = "the key of bob, a static one"
)

func static(t testing.TB, text string, k identity.Key) identity.Key {
	t.Helper()
	k, err := identity.StaticKey(text, k)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLookup(t *testing.T) {
	t.Parallel()
	var d identity.Directory
	if _, ok := d.Lookup(adaKey); ok || d.Len() != 0 {
		t.Error("an empty directory knows somebody")
	}
	ada := static(t, adaKey, identity.Key{Org: "acme", User: "ada", Role: identity.Admin, Name: "n", Agent: "a", Workload: "w"})
	bob := static(t, bobKey, identity.Key{Org: "acme", User: "bob", Role: identity.Member, Revoked: noon})
	stolen := ada
	stolen.ID, stolen.Org, stolen.Origin = "stored", "evil", identity.FromStore
	if hidden := d.SetFile([]identity.Key{ada}); len(hidden) != 0 {
		t.Errorf("hidden = %v", hidden)
	}
	hidden := d.SetStored([]identity.Key{stolen, bob})
	if diff := cmp.Diff([]identity.Key{stolen}, hidden); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
	c, ok := d.Lookup(adaKey)
	got := fmt.Sprintln(ok, c.KeyID == ada.ID, c.KeyName, c.Org, c.User, c.Role, c.Agent, c.Workload, d.Len())
	if want := "true true n acme ada admin a w 1\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, text := range []string{"", "x", bobKey, adaKey + " ", adaKey[:len(adaKey)-1], strings.Repeat("x", 10_000), ada.Hash.String()} {
		if c, ok := d.Lookup(text); ok {
			t.Errorf("%.40q is %s", text, c.User)
		}
	}
	// Without the file's key the stored one shows.
	d.SetFile(nil)
	if c, _ := d.Lookup(adaKey); c.Org != "evil" {
		t.Errorf("org = %q", c.Org)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	var d identity.Directory
	long := strings.Repeat("k", identity.MaxKey)
	d.SetFile([]identity.Key{static(t, adaKey, identity.Key{}), static(t, long, identity.Key{Agents: []string{"a"}})})
	if n := testing.AllocsPerRun(100, func() { d.Lookup(adaKey); d.Lookup(long); d.Lookup("unknown key of some length") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestChangesAreSeenWhole(t *testing.T) {
	t.Parallel()
	var d identity.Directory
	keys := func(org string) []identity.Key {
		return []identity.Key{static(t, adaKey, identity.Key{Org: org, User: org}), static(t, bobKey, identity.Key{Org: org, User: org})}
	}
	sets := [][]identity.Key{keys("one"), keys("two")}
	d.SetFile(sets[0])
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			d.SetFile(sets[i%2])
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if c, ok := d.Lookup(adaKey); !ok || c.Org != c.User {
					t.Errorf("half a caller: %+v", c)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestCallerMay(t *testing.T) {
	t.Parallel()
	var d identity.Directory
	d.SetFile([]identity.Key{
		static(t, adaKey, identity.Key{}),
		static(t, bobKey, identity.Key{Agents: []string{"support"}, Models: []string{"openai/gpt-4o", "anthropic/*"}}),
	})
	ada, _ := d.Lookup(adaKey)
	bob, _ := d.Lookup(bobKey)
	for _, name := range []string{"support", "other", ""} {
		if !ada.MayClaimAgent(name) || bob.MayClaimAgent(name) != (name == "support") {
			t.Errorf("agent %q: ada %v, bob %v", name, ada.MayClaimAgent(name), bob.MayClaimAgent(name))
		}
	}
	for model, want := range map[string]bool{
		"openai/gpt-4o": true, "openai/gpt-4o-mini": false, "anthropic/claude-x": true, "anthropic": false, "": false, "anthropic/*": true, "google/anthropic/x": false,
	} {
		if !ada.MayUseModel(model) || bob.MayUseModel(model) != want {
			t.Errorf("model %q: ada %v, bob %v", model, ada.MayUseModel(model), bob.MayUseModel(model))
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	var d identity.Directory
	d.SetFile([]identity.Key{static(b, adaKey, identity.Key{})})
	b.ReportAllocs()
	for b.Loop() {
		d.Lookup(adaKey)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	now := noon
	n := identity.NewNames(func() time.Time { return now }, 2)
	admit := func(org, kind, name, want string) {
		t.Helper()
		if got := n.Admit(org, kind, name); got != want {
			t.Errorf("%s %s %q = %q, want %q", org, kind, name, got, want)
		}
	}
	admit("acme", "agent", "a", "a")
	admit("acme", "agent", "", "")
	admit("acme", "agent", "b", "b")
	admit("acme", "agent", "c", identity.Other)
	admit("acme", "agent", "a", "a")
	admit("acme", "agent", identity.Other, identity.Other)
	admit("acme", "session", "c", "c")
	admit("other", "agent", "c", "c")
	now = now.Add(12 * time.Hour)
	admit("acme", "agent", "c", "c")
	admit("acme", "agent", "a", "a")
	admit("acme", "agent", "d", "d")
	admit("acme", "agent", "e", identity.Other)
}

func TestNamesForgetTheOldest(t *testing.T) {
	t.Parallel()
	day := 0
	n := identity.NewNames(func() time.Time { return noon.AddDate(0, 0, day) }, identity.NewNamesPerDay)
	refused := 0
	for day = range 30 {
		for i := range identity.NewNamesPerDay {
			if n.Admit("o", "k", fmt.Sprintf("%d/%d", day, i)) == identity.Other {
				refused++
			}
		}
		if got := n.Admit("o", "k", "one more"+fmt.Sprint(day)); got != identity.Other {
			t.Fatalf("day %d: %q", day, got)
		}
		if got := n.Admit("o", "k", fmt.Sprintf("%d/0", max(0, day-3))); got == identity.Other {
			t.Fatalf("day %d: a name of three days ago is forgotten", day)
		}
	}
	if refused != 0 {
		t.Errorf("refused %d", refused)
	}
	if got := n.Admit("o", "k", "0/0"); got != identity.Other {
		t.Error("a name of a month ago is still remembered")
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "ada@acme.example": true, "Prüfung 7": true, "日本": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a\nb": false, "a\x00": false, "\xff": false, " a": false, "a ": false, "a\u202eb": false, "a\u00a0": false,
	} {
		if err := identity.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
