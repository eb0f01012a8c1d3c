package router_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// manyModels is a view of ten accounts with as many models each.
func manyModels(b testing.TB, each int) *catalog.View {
	b.Helper()
	rate := func(n int) *catalog.Rate { r := catalog.Rate(n); return &r }
	tiers := []catalog.Tier{catalog.TierFast, catalog.TierBalanced, catalog.TierFrontier}
	var in []catalog.Account
	for a := range 10 {
		acct := catalog.Account{Name: fmt.Sprintf("account-%d", a)}
		for i := range each {
			acct.Declared = append(acct.Declared, catalog.Model{
				ID: fmt.Sprintf("vendor-%d/model-%d-instruct", i%40, i), Tier: tiers[i%3], Context: 128_000 + 1000*i,
				Price: &catalog.Price{Input: rate(1000 + i), Output: rate(3000 + i)},
			})
		}
		in = append(in, acct)
	}
	v, err := catalog.NewView(in)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// The default chains are the cheapest models of a tier, in the view's order where
// they cost the same, whatever there is.
func TestDefaultChainsAreTheCheapest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiers := []catalog.Tier{catalog.TierFast, catalog.TierBalanced, catalog.TierFrontier, ""}
		a := catalog.Account{Name: "a"}
		price := map[string]int64{}
		for i := range rapid.IntRange(0, 40).Draw(t, "models") {
			in := rapid.IntRange(0, 5).Draw(t, "price")
			r := catalog.Rate(in)
			m := catalog.Model{ID: fmt.Sprintf("m%02d", i), Tier: rapid.SampledFrom(tiers).Draw(t, "tier"), Price: &catalog.Price{Input: &r, Output: &r}}
			a.Declared, price["a/"+m.ID] = append(a.Declared, m), int64(in)
		}
		v, err := catalog.NewView([]catalog.Account{a})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, e := range v.All() {
			if e.Tier == catalog.TierFrontier {
				want = append(want, e.Name())
			}
		}
		slices.SortStableFunc(want, func(x, y string) int { return cmp.Compare(price[x], price[y]) })
		d, err := router.Plan(&router.Facts{Model: "class/reasoning"}, router.NewRoutes(router.Policy{}, v, time.Now()), router.Now{Time: time.Now()})
		if len(want) == 0 {
			return // others stand in
		}
		if got := names(d); err != nil || !slices.Equal(got, want[:min(8, len(want))]) {
			t.Fatalf("%v, want %v: %v", got, want, err)
		}
	})
}

// Who may not use an account has the chains that there would be without it.
func TestDefaultChainsAreThoseOfUsableAccounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tiers := []catalog.Tier{catalog.TierFast, catalog.TierBalanced, catalog.TierFrontier}
		var all, usable []catalog.Account
		mine := map[string]bool{}
		for i := range rapid.IntRange(1, 4).Draw(t, "accounts") {
			a := catalog.Account{Name: fmt.Sprintf("a%d", i)}
			for j := range rapid.IntRange(0, 12).Draw(t, "models") {
				r := catalog.Rate(rapid.IntRange(0, 5).Draw(t, "price"))
				a.Declared = append(a.Declared, catalog.Model{
					ID: fmt.Sprintf("m%02d", j), Tier: rapid.SampledFrom(tiers).Draw(t, "tier"), Price: &catalog.Price{Input: &r, Output: &r},
					Context: rapid.SampledFrom([]int{100_000, 900_000}).Draw(t, "window"),
				})
			}
			all = append(all, a)
			if mine[a.Name] = rapid.Bool().Draw(t, "mine"); mine[a.Name] {
				usable = append(usable, a)
			}
		}
		chains := func(accounts []catalog.Account, may func(string) bool) (out []string) {
			v, err := catalog.NewView(accounts)
			if err != nil {
				t.Fatal(err)
			}
			routes := router.NewRoutes(router.Policy{May: may}, v, days[1])
			for _, class := range router.Classes {
				d, err := router.Plan(&router.Facts{Model: "class/" + class}, routes, router.Now{Time: days[1]})
				out = append(out, fmt.Sprint(class, names(d), err))
			}
			return out
		}
		if got, want := chains(all, func(a string) bool { return mine[a] }), chains(usable, nil); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func BenchmarkRoutes(b *testing.B) {
	v, now := manyModels(b, 500), time.Now()
	b.Run("no policy", func(b *testing.B) {
		for b.Loop() {
			router.NewRoutes(router.Policy{}, v, now)
		}
	})
	pol := router.Policy{Aliases: map[string][]string{}}
	for i := range 1000 {
		pol.Aliases[fmt.Sprintf("alias-%d", i)] = []string{fmt.Sprintf("account-%d/vendor-%d/model-%d-instruct", i%10, i%40, i%500), "account-1/vendor-1/model-1-instruct"}
	}
	for i := range 200 {
		pol.Workloads = append(pol.Workloads, router.Workload{Name: fmt.Sprint("w", i), Chain: []string{fmt.Sprintf("alias-%d", i), fmt.Sprintf("vendor-%d/model-%d-instruct", i%40, i)}})
	}
	b.Run("1000 aliases, 200 workloads", func(b *testing.B) {
		for b.Loop() {
			router.NewRoutes(pol, v, now)
		}
	})
	lost := router.Policy{Aliases: map[string][]string{}}
	for i := range 10 {
		lost.Aliases[fmt.Sprintf("alias-%d", i)] = []string{fmt.Sprintf("vendor-%d/modell-%d-instrct", i%40, i%500)}
	}
	b.Run("10 unknown names", func(b *testing.B) {
		for b.Loop() {
			router.NewRoutes(lost, v, now)
		}
	})
}

// Whoever has connected one of the great vendors, and nothing else, can name every
// class.
func TestOneVendorIsEnough(t *testing.T) {
	t.Parallel()
	for vendor, models := range map[string][]string{
		"openai": {"gpt-5.4", "gpt-5.4-mini", "gpt-4o"}, "anthropic": {"claude-sonnet-4-6", "claude-haiku-4-5"}, "google": {"gemini-2.5-flash"}, "deepseek": {"deepseek-v4-flash"},
	} {
		a := catalog.Account{Name: vendor, Catalog: vendor}
		for _, id := range models {
			a.Listed = append(a.Listed, wire.ListedModel{ID: id})
		}
		v, err := catalog.NewView([]catalog.Account{a})
		if err != nil {
			t.Fatal(err)
		}
		routes := router.NewRoutes(router.Policy{}, v, days[1])
		for _, class := range router.Classes {
			if d, err := router.Plan(&router.Facts{Model: "class/" + class}, routes, router.Now{Time: days[1]}); err != nil || len(d.Candidates) == 0 {
				t.Errorf("%s: %s: %v", vendor, class, err)
			}
		}
	}
}
