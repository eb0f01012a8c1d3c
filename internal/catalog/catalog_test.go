package catalog_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestSnapshotReadsWhole(t *testing.T) {
	t.Parallel()
	providers, err := catalog.SnapshotProviders()
	if err != nil || len(providers) != 16 {
		t.Fatal(providers, err)
	}
	for _, provider := range providers {
		if models, err := catalog.Snapshot(provider); err != nil || len(models) == 0 {
			t.Errorf("%s: %d models, %v", provider, len(models), err)
		}
	}
	for provider, atLeast := range map[string]int{"openai": 50, "anthropic": 30, "google": 20, "deepseek": 5, "openrouter": 400, "nobody": 0} {
		models, err := catalog.Snapshot(provider)
		if err != nil {
			t.Fatal(err)
		}
		if len(models) < atLeast || provider == "nobody" && models != nil {
			t.Errorf("%s has %d models", provider, len(models))
		}
	}
}

// What a source only guessed is unknown, and what it calls deprecated has an end,
// with or without a date.
func TestSnapshotSettlesWhatItSays(t *testing.T) {
	t.Parallel()
	v, err := catalog.NewView([]catalog.Account{{Name: "openai", Catalog: "openai"}, {Name: "azure", Catalog: "azure"}, {Name: "openrouter", Catalog: "openrouter"}})
	if err != nil {
		t.Fatal(err)
	}
	if e := v.Lookup("openai", "gpt-6-luna"); e == nil || e.Caps.Tools != nil || e.Caps.Reasoning == nil {
		t.Errorf("guessed: %+v", e)
	}
	if e := v.Lookup("openai", "gpt-4o"); e == nil || e.Caps.Tools == nil || !*e.Caps.Tools {
		t.Errorf("known: %+v", e)
	}
	states := map[string]int{}
	for _, e := range v.All() {
		if e.Status == "deprecated" && e.Lifecycle == nil {
			t.Errorf("%s is deprecated and has no end", e.Name())
		}
		if e.Lifecycle != nil && e.Lifecycle.Shutdown == "" && e.Ended(time.Now()) != (e.Lifecycle.State == "retired") {
			t.Errorf("%s: %+v", e.Name(), e.Lifecycle)
		}
		states[e.Status]++
	}
	if states["deprecated"] == 0 {
		t.Error("none of these is deprecated: choose other providers")
	}
}

func TestTierIsTheFirstPatternThatMatches(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]catalog.Tier{
		"claude-opus-4-7": catalog.TierFrontier, "anthropic/claude-sonnet-4.6": catalog.TierBalanced, "us.anthropic.claude-haiku-4-5": catalog.TierFast,
		"gpt-4o-mini": catalog.TierFast, "gpt-4o": catalog.TierBalanced, "text-embedding-3-small": "", "qwen3-coder:free": catalog.TierSpecialist, "whatever": "",
	} {
		if got := catalog.TierOf(id); got != want {
			t.Errorf("TierOf(%s) = %q, want %q", id, got, want)
		}
	}
}

func rate(r catalog.Rate) *catalog.Rate { return &r }

func TestParseRateIsExact(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]catalog.Rate{"0": 0, "2": 2_000_000_000, "0.075": 75_000_000, "1e-3": 1_000_000, "0.000000001": 1, "1.50": 1_500_000_000, "3.0000000000": 3_000_000_000} {
		got, err := catalog.ParseRate(s)
		if err != nil || got != want {
			t.Errorf("ParseRate(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", ".5", "-1", "x", "1.0000000001", "1e99", "99999999999999"} {
		if got, err := catalog.ParseRate(s); err == nil {
			t.Errorf("ParseRate(%q) = %d, want an error", s, got)
		}
	}
}

// The snapshot's sources calculate with floating point; a price that really has
// more digits is refused all the same.
func TestRateOfFloatingPoint(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]catalog.Rate{"0.049999999999999996": 50_000_000, "0.09999999999999999": 100_000_000, "0.30000000000000004": 300_000_000} {
		var got catalog.Rate
		if err := got.UnmarshalJSON([]byte(s)); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"0.0000000001", "0.1234567891", "-0.049999999999999996", "null", "1e400", "{}"} {
		var got catalog.Rate
		if err := got.UnmarshalJSON([]byte(s)); err == nil {
			t.Errorf("%s is taken as %d", s, got)
		}
	}
}

// The cost is the exact sum, rounded once, half to even.
func TestCostIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := func(name string) int64 { return rapid.Int64Range(0, 200_000_000_000).Draw(t, name) }
		n := func(name string) int64 { return rapid.Int64Range(0, 1<<40).Draw(t, name) }
		rates, tokens := []int64{r("i"), r("o"), r("r"), r("w"), r("h")}, []int64{n("ti"), n("to"), n("tr"), n("tw"), n("th")}
		p := catalog.Price{Input: rate(catalog.Rate(rates[0])), Output: rate(catalog.Rate(rates[1])), CacheRead: rate(catalog.Rate(rates[2])), CacheWrite: rate(catalog.Rate(rates[3])), CacheWrite1h: rate(catalog.Rate(rates[4]))}
		got := p.Cost(llm.Usage{Input: tokens[0], Output: tokens[1], CacheRead: tokens[2], CacheWrite: tokens[3], CacheWrite1h: tokens[4], Quality: llm.QualityExact})
		sum := new(big.Int)
		for i := range rates {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(rates[i]), big.NewInt(tokens[i])))
		}
		quo, rem := new(big.Int).QuoRem(sum, big.NewInt(1_000_000), new(big.Int))
		if c := rem.Cmp(big.NewInt(500_000)); c > 0 || c == 0 && quo.Bit(0) == 1 {
			quo.Add(quo, big.NewInt(1))
		}
		if quo.IsInt64() && (got == nil || int64(*got) != quo.Int64()) {
			t.Fatalf("cost %v, want %v", got, quo)
		}
	})
}

func TestCostIsUnknownWhenANeededRateIs(t *testing.T) {
	t.Parallel()
	p := &catalog.Price{Input: rate(1_000_000_000), Tiers: []catalog.PriceTier{{Above: 100, Price: catalog.Price{Input: rate(2_000_000_000)}}}}
	for _, c := range []struct {
		name  string
		price *catalog.Price
		usage llm.Usage
		want  string
	}{
		{"only what is priced", p, llm.Usage{Input: 100, Quality: llm.QualityExact}, "0.000100000"},
		{"large input has its own rate", p, llm.Usage{Input: 101, Quality: llm.QualityExact}, "0.000202000"},
		{"output has no rate", p, llm.Usage{Input: 1, Output: 1, Quality: llm.QualityExact}, "unknown"},
		{"cache read has no rate", p, llm.Usage{CacheRead: 1, Quality: llm.QualityExact}, "unknown"},
		{"no price", nil, llm.Usage{Input: 1, Quality: llm.QualityExact}, "unknown"},
		{"no usage", p, llm.Usage{}, "unknown"},
		{"reasoning is billed as output", &catalog.Price{Output: rate(1_000_000_000)}, llm.Usage{Output: 10, ReasoningOfOutput: 4, Quality: llm.QualityExact}, "0.000010000"},
		{"reasoning at its own rate", &catalog.Price{Output: rate(1_000_000_000), Reasoning: rate(2_000_000_000)}, llm.Usage{Output: 10, ReasoningOfOutput: 4, Quality: llm.QualityExact}, "0.000014000"},
	} {
		got := "unknown"
		if n := c.price.Cost(c.usage); n != nil {
			got = n.String()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPriceOfTheHour(t *testing.T) {
	t.Parallel()
	m := catalog.Model{
		Price:   &catalog.Price{Input: rate(1)},
		Windows: []catalog.PriceWindow{{From: "01:00", To: "04:00", Days: "mon-fri", Price: catalog.Price{Input: rate(2)}}},
		Future:  []catalog.FuturePrice{{From: "2027-01-01", Price: catalog.Price{Input: rate(3)}}},
	}
	for at, want := range map[string]catalog.Rate{
		"2026-11-23T02:00:00Z": 2, "2026-11-23T04:00:00Z": 1, "2026-11-22T02:00:00Z": 1, "2027-01-02T12:00:00Z": 3,
	} {
		when, _ := time.Parse(time.RFC3339, at)
		if got := *m.PriceAt(when).Input; got != want {
			t.Errorf("%s: %d, want %d", at, got, want)
		}
	}
}

func TestViewJoinsSnapshotListAndDeclared(t *testing.T) {
	t.Parallel()
	v, err := catalog.NewView([]catalog.Account{
		{Name: "work", Catalog: "openai", Listed: []wire.ListedModel{{ID: "gpt-4o"}, {ID: "gpt-4o-2024-08-06"}, {ID: "new-one", Context: 5}}, Gone: []string{"gpt-4"}},
		{Name: "vllm", Declared: []catalog.Model{{ID: "gpt-4o", Context: 99, Tier: catalog.TierFast}}},
		{Name: "anthropic", Catalog: "anthropic"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if e := v.Lookup("work", "gpt-4o-2024-08-06"); e == nil || e.Context != 128_000 || !e.Listed {
		t.Errorf("a dated version has not its base's facts: %+v", e)
	}
	if e := v.Lookup("work", "new-one"); e == nil || e.Context != 5 {
		t.Errorf("a listed model that the snapshot doesn't know is lost: %+v", e)
	}
	if e := v.Lookup("work", "gpt-4"); e == nil || !e.Gone {
		t.Errorf("a model that left the list is not gone: %+v", e)
	}
	if e := v.Lookup("work", "gpt-4.1"); e == nil || e.Listed || !e.Unlisted || e.Context != 1_047_576 {
		t.Errorf("what a list lacks and the snapshot knows is not marked unlisted: %+v", e)
	}
	if found := v.ByID("gpt-4.1"); found != nil {
		t.Errorf("the snapshot stands in although there is a list: %+v", found)
	}
	if e := v.Lookup("anthropic", "claude-sonnet-4-6-20260101"); e == nil || e.Name() != "anthropic/claude-sonnet-4-6-20260101" {
		t.Errorf("a dated version does not count with its base: %+v", e)
	}
	var names []string
	for _, e := range v.ByID("gpt-4o") {
		names = append(names, e.Name())
	}
	if d := cmp.Diff([]string{"work/gpt-4o", "vllm/gpt-4o"}, names); d != "" {
		t.Error(d)
	}
	if got := v.Nearest("claude-sonet-4-6", 1, func(*catalog.Entry) bool { return true }); len(got) != 1 || got[0] != "claude-sonnet-4-6" {
		t.Errorf("nearest: %v", got)
	}
}

// TestWhatALiveListTells: when a model came out, where the snapshot doesn't know.
func TestWhatALiveListTells(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)
	v, err := catalog.NewView([]catalog.Account{{Name: "work", Catalog: "openai", Listed: []wire.ListedModel{
		{ID: "new-one", Created: created}, {ID: "undated"}, {ID: "gpt-4o", Created: created},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"new-one": "2026-11-20", "undated": "", "gpt-4o": "2024-05-13"} {
		if got := v.Lookup("work", id).Released; got != want {
			t.Errorf("%s came out on %q, want %q", id, got, want)
		}
	}
}

// An id that leads to another model has that one's facts and prices, unless it has
// its own.
func TestAnotherWayToAModelCostsTheSame(t *testing.T) {
	t.Parallel()
	const way = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"
	v, err := catalog.NewView([]catalog.Account{{Name: "aws", Catalog: "bedrock", Listed: []wire.ListedModel{
		{ID: "amazon.nova-lite-v1:0"},
		{ID: "us.amazon.nova-lite-v1:0", Of: "amazon.nova-lite-v1:0"},
		{ID: way, Of: "anthropic.claude-opus-4-7"},
		{ID: "global.amazon.nova-2-lite-v1:0"},
		{ID: "eu.unknown", Of: "unknown"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for id, of := range map[string]string{"us.amazon.nova-lite-v1:0": "amazon.nova-lite-v1:0", way: "anthropic.claude-opus-4-7"} {
		e, base := v.Lookup("aws", id), v.Lookup("aws", of)
		if base == nil {
			base = v.Unlisted(of)[0]
		}
		if e.ID != id || e.Context != base.Context || e.PriceAt(now) == nil || *e.PriceAt(now).Input != *base.PriceAt(now).Input {
			t.Errorf("%s: %+v, want as %+v", id, e.Model, base.Model)
		}
	}
	for _, id := range []string{"global.amazon.nova-2-lite-v1:0", "eu.unknown"} {
		if e := v.Lookup("aws", id); e.ID != id || e.PriceAt(now) != nil {
			t.Errorf("%s has the price %v", id, e.PriceAt(now))
		}
	}
}

// What a model gives is told by its list, else by its id: catalogs say that
// everything writes text.
func TestModelsThatEmbedDoNotGenerate(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	var listed []wire.ListedModel
	want := map[string]string{}
	for gives, ids := range map[string][]string{
		catalog.OutEmbedding: {
			"gemini-embedding-001", "text-embedding-3-large", "nomic-embed-text:latest", "nvidia/NV-Embed-v1", "BAAI/bge-m3", "bge-large:335m", "intfloat/e5-mistral-7b-instruct",
			"intfloat/multilingual-e5-large-instruct", "thenlper/gte-large", "Alibaba-NLP/gte-modernbert-base", "voyage-3.5", "all-minilm", "sentence-transformers/all-MiniLM-L6-v2",
			"WhereIsAI/UAE-Large-V1", "togethercomputer/m2-bert-80M-8k-retrieval", "paraphrase-multilingual", "snowflake-arctic-embed2", "embeddinggemma:300m", "mistral-embed",
		},
		catalog.OutRanking: {"BAAI/bge-reranker-v2-m3", "nvidia/rerank-qa-mistral-4b"},
		"text":             {"gemini-2.5-flash", "whatever", "gemma-3n-e4b-it", "llama-3.3-70b", "qwen3:8b", "stellar-7b", "large-e5000"},
	} {
		for _, id := range ids {
			listed = append(listed, wire.ListedModel{ID: id})
			want[id] = gives
		}
	}
	listed = append(
		listed, wire.ListedModel{ID: "vectors", Chat: &no, Embeds: true}, wire.ListedModel{ID: "embed-and-chat", Chat: &yes}, wire.ListedModel{ID: "bge-of-another", Chat: &no},
		wire.ListedModel{ID: "whisper-large-v3", Chat: &no}, wire.ListedModel{ID: "omni", Chat: &yes, Embeds: true},
	)
	want["vectors"], want["embed-and-chat"], want["bge-of-another"], want["omni"] = catalog.OutEmbedding, "text", catalog.OutEmbedding, "text"
	v, err := catalog.NewView([]catalog.Account{{Name: "a", Listed: listed}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range v.All() {
		for _, kind := range []string{"text", catalog.OutEmbedding, catalog.OutRanking} {
			if e.Gives(kind) {
				got[e.ID] += kind
			}
		}
		if e.Generates() != (want[e.ID] == "text") {
			t.Errorf("%s generates: %v", e.ID, e.Generates())
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// The snapshot's own are told apart as well, and what takes no text isn't asked.
	if v, err = catalog.NewView([]catalog.Account{{Name: "nvidia", Catalog: "nvidia"}, {Name: "openai", Catalog: "openai"}, {Name: "groq", Catalog: "groq"}}); err != nil {
		t.Fatal(err)
	}
	for name, gives := range map[string]string{
		"nvidia/baai/bge-m3": catalog.OutEmbedding, "nvidia/nvidia/nv-embed-v1": catalog.OutEmbedding, "nvidia/nvidia/rerank-qa-mistral-4b": catalog.OutRanking,
		"openai/text-embedding-ada-002": catalog.OutEmbedding, "openai/gpt-image-1": "image", "groq/whisper-large-v3": "text",
	} {
		account, id, _ := strings.Cut(name, "/")
		if e := v.Lookup(account, id); e == nil || !e.Gives(gives) || e.Generates() {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// A model that a list has under several names is one model with other names,
// whichever way the list says so.
func TestModelsThatAreListedTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		listed []wire.ListedModel
		shown  []string
		names  map[string]string // what they stand for
	}{
		"by their name": {
			[]wire.ListedModel{{ID: "m-latest", Name: "m-2512"}, {ID: "m-2512", Name: "m-2512"}, {ID: "m", Name: "m-2512"}},
			[]string{"m-2512"},
			map[string]string{"m-latest": "m-2512", "m": "m-2512", "m-2512": "m-2512"},
		},
		"by aliases": {
			[]wire.ListedModel{{ID: "m-2512", Aliases: []string{"m-latest", "m-old"}}, {ID: "m-latest", Aliases: []string{"m-2512", "m-new"}}, {ID: "n"}},
			[]string{"m-2512", "n"},
			map[string]string{"m-latest": "m-2512", "m-old": "m-2512", "m-new": "m-2512"},
		},
		"by both": {
			[]wire.ListedModel{{ID: "m-latest", Name: "m-2512", Aliases: []string{"m-2512", "m"}}, {ID: "m-2512", Name: "m-2512", Aliases: []string{"m-latest", "m"}}},
			[]string{"m-2512"},
			map[string]string{"m-latest": "m-2512", "m": "m-2512"},
		},
		"in a circle": {
			[]wire.ListedModel{{ID: "a", Name: "b", Aliases: []string{"b", "a"}}, {ID: "b", Name: "c"}, {ID: "c", Name: "a"}},
			[]string{"c"},
			map[string]string{"a": "c", "b": "c"},
		},
		"a name that is nobody's id": {
			[]wire.ListedModel{{ID: "m-1", Name: "The M"}, {ID: "m-2", Name: "The M"}},
			[]string{"m-1", "m-2"},
			map[string]string{"The M": ""},
		},
		"of a model that doesn't write": {
			[]wire.ListedModel{{ID: "voice", Name: "voice", Chat: new(bool)}, {ID: "voice-latest", Name: "voice", Chat: new(bool), Aliases: []string{"v"}}},
			nil,
			map[string]string{"voice": "", "voice-latest": "", "v": ""},
		},
	} {
		v, err := catalog.NewView([]catalog.Account{{Name: "a", Listed: c.listed}})
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, e := range v.All() {
			shown = append(shown, e.ID)
		}
		if d := cmp.Diff(c.shown, shown); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		for asked, want := range c.names {
			e := v.Lookup("a", asked)
			if (e != nil) != (want != "") || e != nil && (e.ID != asked || !e.Listed) {
				t.Errorf("%s: %q: %+v, want %q", name, asked, e, want)
			}
		}
	}
}

// A list that tells what a model costs knows whether it is free.
func TestFreeByItsListsPrice(t *testing.T) {
	t.Parallel()
	cost := func(in, out string) map[string]string { return map[string]string{"input": in, "output": out} }
	v, err := catalog.NewView([]catalog.Account{{Name: "openrouter", Catalog: "openrouter", Listed: []wire.ListedModel{
		{ID: "new/model:free", PricePerMillion: cost("0", "0")},
		{ID: "new/model", PricePerMillion: cost("0", "1")},
		{ID: "openrouter/free", PricePerMillion: cost("1", "1")},
		{ID: "qwen/qwen3-coder:free"},
	}}, {Name: "google", Catalog: "google", Listed: []wire.ListedModel{{ID: "gemini-2.5-pro", PricePerMillion: cost("0", "0")}, {ID: "gemini-2.5-flash", PricePerMillion: cost("1", "2")}}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range v.All() {
		if got[e.ID] = e.Free; e.Free == catalog.FreeAlways && e.Quota == nil {
			t.Errorf("%s: no quota", e.ID)
		}
	}
	if d := cmp.Diff(map[string]string{
		"new/model:free": "always", "new/model": "", "openrouter/free": "", "qwen/qwen3-coder:free": "always", "gemini-2.5-pro": "tier", "gemini-2.5-flash": "tier",
	}, got); d != "" {
		t.Error(d)
	}
}

// What changed at one account leaves the others' entries as they are.
func TestRenewTakesOverWhatIsTheSame(t *testing.T) {
	t.Parallel()
	accounts := []catalog.Account{
		{Name: "a", Listed: []wire.ListedModel{{ID: "m"}, {ID: "leaves"}}},
		{Name: "b", Listed: []wire.ListedModel{{ID: "m"}}},
		{Name: "c", Catalog: "anthropic"},
	}
	old, err := catalog.NewView(accounts)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(accounts)
	changed[0].Listed, changed[0].Gone = []wire.ListedModel{{ID: "m"}}, []string{"leaves"}
	renewed, err := old.Renew(changed)
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Lookup("b", "m") != old.Lookup("b", "m") || renewed.Lookup("c", "claude-haiku-4-5") != old.Lookup("c", "claude-haiku-4-5") {
		t.Error("an account that is the same is joined anew")
	}
	fresh, err := catalog.NewView(changed)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fresh.All(), renewed.All()); d != "" {
		t.Error(d)
	}
	var left []string
	for _, e := range renewed.LeftSince(old) {
		left = append(left, e.Name())
	}
	if d := cmp.Diff([]string{"a/leaves"}, left); d != "" || fresh.LeftSince(nil) != nil || renewed.LeftSince(fresh) != nil {
		t.Errorf("%s, %v, %v", d, fresh.LeftSince(nil), renewed.LeftSince(fresh))
	}
	for name, change := range map[string]func(*catalog.Account){
		"list": func(a *catalog.Account) { a.Listed = []wire.ListedModel{{ID: "m", Context: 7}} }, "no list": func(a *catalog.Account) { a.Listed = nil },
		"declared": func(a *catalog.Account) { a.Declared = []catalog.Model{{ID: "m", Context: 7}} }, "stale": func(a *catalog.Account) { a.Stale = true },
		"catalog": func(a *catalog.Account) { a.Catalog = "openai" }, "free": func(a *catalog.Account) { a.Free = &catalog.Quota{RequestsPerDay: 1} },
		"empty list": func(a *catalog.Account) { a.Listed = []wire.ListedModel{} },
	} {
		one := slices.Clone(accounts)
		change(&one[1])
		got, err := old.Renew(one)
		if err != nil {
			t.Fatal(err)
		}
		want, err := catalog.NewView(one)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.All(), got.All()); d != "" || want.Stale("b") != got.Stale("b") {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Under a retired name another model answers: its abilities and its price count.
func TestRedirectedNamesCostWhatAnswers(t *testing.T) {
	t.Parallel()
	v, err := catalog.NewView([]catalog.Account{{Name: "google", Catalog: "google"}})
	if err != nil {
		t.Fatal(err)
	}
	e := v.Lookup("google", "gemini-2.5-pro")
	usage := llm.Usage{Input: 1_000_000, Quality: llm.QualityExact}
	for day, want := range map[string]string{
		"2026-11-30": "2.500000000", // more than 200,000 tokens of input
		"2026-12-01": "0.750000000", // gemini-3.8-flash, promotional
		"2027-02-01": "1.500000000", // its price from 2027 on
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Answering(e, at).Cost(usage, at); got == nil || got.String() != want {
			t.Errorf("%s: %v, want %s", day, got, want)
		}
	}
}

func TestPriceWindowOverMidnightAndItsTiers(t *testing.T) {
	t.Parallel()
	tiers := []catalog.PriceTier{{Above: 10, Price: catalog.Price{Input: rate(9_000_000)}}}
	m := catalog.Model{
		Price:   &catalog.Price{Input: rate(1_000_000)},
		Windows: []catalog.PriceWindow{{From: "22:00", To: "02:00", Price: catalog.Price{Input: rate(2_000_000), Tiers: tiers}}},
	}
	for at, want := range map[string]string{
		"2026-11-23T21:59:00Z": "0.000000020", "2026-11-23T22:00:00Z": "0.000000180", "2026-11-24T01:59:00Z": "0.000000180", "2026-11-24T02:00:00Z": "0.000000020",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Cost(llm.Usage{Input: 20, Quality: llm.QualityExact}, when); got == nil || got.String() != want {
			t.Errorf("%s: %v, want %s", at, got, want)
		}
	}
}

func TestQuotasOfWhatIsFree(t *testing.T) {
	t.Parallel()
	own := &catalog.Quota{RequestsPerDay: 1000}
	v, err := catalog.NewView([]catalog.Account{{Name: "openrouter", Catalog: "openrouter"}, {Name: "nvidia", Catalog: "nvidia"}, {Name: "google", Catalog: "google"}, {Name: "mine", Catalog: "google", Free: own}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		kind           string
		minute, perDay int64
	}{
		"openrouter/openrouter/free":                 {catalog.FreeAlways, 20, 50},
		"openrouter/deepseek/deepseek-r1":            {"", 0, 0},
		"nvidia/qwen/qwen3-coder-480b-a35b-instruct": {catalog.FreeTrial, 40, 0},
		"google/gemini-2.5-flash":                    {catalog.FreeTier, 0, 0},
		"mine/gemini-2.5-flash":                      {catalog.FreeTier, 0, 1000},
	} {
		account, id, _ := strings.Cut(name, "/")
		e := v.Lookup(account, id)
		if e == nil || e.Free != want.kind {
			t.Errorf("%s: %+v", name, e)
			continue
		}
		var minute, perDay int64
		if e.Quota != nil {
			minute, perDay = e.Quota.RequestsPerMinute, e.Quota.RequestsPerDay
		}
		if minute != want.minute || perDay != want.perDay {
			t.Errorf("%s: %d a minute, %d a day", name, minute, perDay)
		}
	}
}

// What the configuration says of what is free goes over what is known of the
// vendor, whose way to count stays; where no model is known to be free it is for
// all of the account's.
func TestConfiguredQuotas(t *testing.T) {
	t.Parallel()
	own := &catalog.Quota{RequestsPerDay: 1000}
	v, err := catalog.NewView([]catalog.Account{
		{Name: "openrouter", Catalog: "openrouter", Free: own},
		{Name: "google", Catalog: "google", Free: own},
		{Name: "groq", Catalog: "groq", Free: own, Declared: []catalog.Model{{ID: "m"}}},
		{Name: "mine", Free: own, Declared: []catalog.Model{{ID: "m"}}},
		{Name: "other", Declared: []catalog.Model{{ID: "m"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]*catalog.Quota{
		"openrouter/openrouter/free":      {RequestsPerMinute: 20, RequestsPerDay: 1000, Configured: true, Counting: catalog.Counting{Day: "UTC", Requests: catalog.ByItsTime}},
		"openrouter/deepseek/deepseek-r1": nil,
		"google/gemini-2.5-flash":         {RequestsPerDay: 1000, Configured: true, Counting: catalog.Counting{Per: catalog.PerModel, Day: "America/Los_Angeles"}},
		"google/gemini-3-pro-image":       nil,
		"groq/m":                          {RequestsPerDay: 1000, Configured: true, Counting: catalog.Counting{Per: catalog.PerModel, Day: catalog.Rolling, Requests: catalog.OfDay, Tokens: catalog.OfMinute}},
		"mine/m":                          {RequestsPerDay: 1000, Configured: true},
		"other/m":                         nil,
	} {
		account, id, _ := strings.Cut(name, "/")
		var got *catalog.Quota
		if e := v.Lookup(account, id); e != nil && e.Quota != nil {
			got = new(*e.Quota)
			got.Source = ""
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestRetiredByDateOrState(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	life := &catalog.Lifecycle{State: "deprecated", Shutdown: "2026-12-11"}
	if life.Retired(at("2026-12-10")) || !life.Retired(at("2026-12-11")) {
		t.Error("the shutdown date does not decide")
	}
	if !(&catalog.Lifecycle{State: "retired"}).Retired(at("2020-01-01")) || (*catalog.Lifecycle)(nil).Retired(at("2020-01-01")) {
		t.Error("the state does not decide where there is no date")
	}
}

func BenchmarkViewOfTenTimes500(b *testing.B) {
	var accounts []catalog.Account
	for i := range 10 {
		a := catalog.Account{Name: string(rune('a' + i)), Catalog: "openrouter"}
		models, err := catalog.Snapshot("openrouter")
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range models {
			a.Listed = append(a.Listed, wire.ListedModel{ID: m.ID})
		}
		accounts = append(accounts, a)
	}
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := catalog.NewView(accounts); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("nothing known", func(b *testing.B) {
		b.ReportAllocs()
		unknown := slices.Clone(accounts)
		for i := range unknown {
			unknown[i].Listed = nil
			for n := range 500 {
				unknown[i].Listed = append(unknown[i].Listed, wire.ListedModel{ID: fmt.Sprintf("maker/model-%d-%d", i, n)})
			}
		}
		for b.Loop() {
			if _, err := catalog.NewView(unknown); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one list came", func(b *testing.B) {
		b.ReportAllocs()
		v, err := catalog.NewView(accounts)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			accounts[0].Listed = slices.Clone(accounts[0].Listed)
			if v, err = v.Renew(accounts); err != nil {
				b.Fatal(err)
			}
		}
	})
}
