package router_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// days are before, on and after the day of the snapshot.
var days = []time.Time{day(2026, 6, 1), day(2026, 11, 23), day(2027, 2, 1)}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// connect makes a view with an account, named like it, of each provider.
func connect(t *testing.T, providers []string, change func(*catalog.Account)) *catalog.View {
	t.Helper()
	accounts := make([]catalog.Account, 0, len(providers))
	for _, p := range providers {
		a := catalog.Account{Name: p, Catalog: p}
		if change != nil {
			change(&a)
		}
		accounts = append(accounts, a)
	}
	v, err := catalog.NewView(accounts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func providersOf(t *testing.T) []string {
	t.Helper()
	all, err := catalog.SnapshotProviders()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// outcome is what a name leads to, in a word: its candidates with what answers
// in their place, or the kind of error with what comes after "replacement is".
func outcome(name string, pol router.Policy, view *catalog.View, now time.Time) string {
	res, err := router.Resolve(name, pol, view, now)
	if err != nil {
		e := llm.AsError(err)
		_, instead, _ := strings.Cut(e.Message, "replacement is ")
		return string(e.Kind) + ": " + instead
	}
	var out []string
	for _, c := range res.Candidates {
		s := c.Name()
		if c.Entry != nil && c.Entry.ID != c.Model {
			s += " by " + c.Entry.ID
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// What each described and short name stands for on the three days, with accounts
// of all providers. One entry is for all days.
func TestDescribedNamesOnThreeDays(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"opus":                             {"anthropic/claude-opus-4-7"},
		"sonnet":                           {"anthropic/claude-sonnet-4-6"},
		"haiku":                            {"anthropic/claude-haiku-4-5"},
		"gpt-4o":                           {"azure/gpt-4o, openai/gpt-4o", "azure/gpt-4o, openai/gpt-4o", "azure/gpt-4o"},
		"gpt-4o-mini":                      {"azure/gpt-4o-mini, openai/gpt-4o-mini", "azure/gpt-4o-mini, openai/gpt-4o-mini", "azure/gpt-4o-mini"},
		"gemini-flash":                     {"google/gemini-2.5-flash", "google/gemini-2.5-flash", "google/gemini-2.5-flash by gemini-3.5-flash-lite"},
		"gemini-flash-lite":                {"google/gemini-2.5-flash-lite"},
		"gemini-pro":                       {"google/gemini-2.5-pro", "google/gemini-2.5-pro", "google/gemini-2.5-pro by gemini-3.8-flash"},
		"deepseek-reasoner":                {"deepseek/deepseek-reasoner", "deepseek/deepseek-v4-pro", "deepseek/deepseek-v4-pro"},
		"deepseek-flash":                   {"deepseek/deepseek-flash"},
		"openrouter-free":                  {"openrouter/openrouter/free"},
		"Claude Opus 4.7":                  {"anthropic/claude-opus-4-7"},
		"o3":                               {"azure/o3, openai/o3", "azure/o3, openai/o3", "azure/o3"},
		"o4-mini":                          {"azure/o4-mini, openai/o4-mini", "azure/o4-mini", "azure/o4-mini"},
		"DeepSeek Reasoner R1":             {"deepseek/deepseek-reasoner", "openrouter/deepseek/deepseek-r1", "openrouter/deepseek/deepseek-r1"},
		"Gemini 3 Pro":                     {"google/gemini-3-pro-preview by gemini-3.1-pro-preview"},
		"Claude Sonnet 4.6":                {"anthropic/claude-sonnet-4-6"},
		"GPT-4o":                           {"openai/gpt-4o", "openai/gpt-4o", "not_found: gpt-6-luna"},
		"DeepSeek V3.2":                    {"openrouter/deepseek/deepseek-v3.2"},
		"DeepSeek V4 Flash":                {"deepseek/deepseek-v4-flash by deepseek-flash"},
		"Gemini 2.5 Flash":                 {"google/gemini-2.5-flash", "google/gemini-2.5-flash", "google/gemini-2.5-flash by gemini-3.5-flash-lite"},
		"Gemini 2.5 Pro":                   {"google/gemini-2.5-pro", "google/gemini-2.5-pro", "google/gemini-2.5-pro by gemini-3.8-flash"},
		"Claude Haiku 4.5":                 {"anthropic/claude-haiku-4-5"},
		"GPT-4o Mini":                      {"openai/gpt-4o-mini", "openai/gpt-4o-mini", "not_found: gpt-6-luna"},
		"Gemini 2.5 Flash Lite":            {"google/gemini-2.5-flash-lite"},
		"Qwen Coder (free via NVIDIA, 1M)": {"nvidia/qwen/qwen3-coder-480b-a35b-instruct"},
		"Kimi-K2 Thinking (1M, free)":      {"openrouter/moonshotai/kimi-k2-thinking"},
		"DeepSeek Reasoner 0528":           {"openrouter/deepseek/deepseek-r1-0528"},
		"Qwen 3.5 Plus (Coder)":            {"alibaba/qwen3.5-plus"},
		"Kimi-K2 Instruct":                 {"nvidia/moonshotai/kimi-k2-instruct-0905"},
		"OpenRouter Free":                  {"openrouter/openrouter/free"},
	}
	view := connect(t, providersOf(t), nil)
	names, err := catalog.DescribedNames()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, d := range names {
		for _, now := range days {
			got[d.As] = append(got[d.As], outcome(d.As, router.Policy{}, view, now))
		}
		if len(slices.Compact(slices.Clone(got[d.As]))) == 1 {
			got[d.As] = got[d.As][:1]
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Whatever is connected, and whether there are live lists or not: a described
// name has an answer, or the 404 says what took its place or where it is.
func TestDescribedNamesAreNeverJustUnknown(t *testing.T) {
	t.Parallel()
	all := providersOf(t)
	setups := map[string][]string{"all": all, "none": nil}
	for _, p := range all {
		setups[p] = []string{p}
		setups["all but "+p] = slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == p })
	}
	names, err := catalog.DescribedNames()
	if err != nil {
		t.Fatal(err)
	}
	answers, replaced, elsewhere := 0, 0, 0
	for setup, providers := range setups {
		for _, now := range days {
			// Lists hold what the snapshot has and has not ended; as of a
			// list that can be trusted, and of one that can't.
			listing := func(a *catalog.Account) {
				a.Listed = []wire.ListedModel{}
				models, err := catalog.Snapshot(a.Catalog)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range models {
					if !m.Lifecycle.Retired(now) {
						a.Listed = append(a.Listed, wire.ListedModel{ID: m.ID})
					}
				}
			}
			complete := map[string]bool{}
			for _, p := range all {
				complete[p] = true
			}
			for kind, view := range map[string]*catalog.View{"no lists": connect(t, providers, nil), "lists": connect(t, providers, listing)} {
				for trust, pol := range map[string]router.Policy{"trusted": {Complete: complete}, "not trusted": {}} {
					for _, d := range names {
						res, err := router.Resolve(d.As, pol, view, now)
						e := llm.AsError(err)
						switch {
						case err == nil:
							answers++
							for _, c := range res.Candidates {
								if c.Entry == nil || c.Entry.Ended(now) || c.Entry.Gone {
									t.Errorf("%s, %s, %s, %s: %q leads to %s: %+v", setup, kind, trust, now.Format(time.DateOnly), d.As, c.Name(), c.Entry)
								}
							}
						case e.Kind != llm.KindNotFound:
							t.Errorf("%s, %s, %s: %q: %v", setup, kind, trust, d.As, err)
						case strings.Contains(e.Message, "; its replacement is "):
							replaced++
						case strings.Contains(e.Message, "none of these providers is connected"):
							elsewhere++
							for _, c := range d.Candidates {
								if slices.Contains(providers, c.Provider) || !strings.Contains(e.Message, c.Provider+"/"+c.Model) {
									t.Errorf("%s: %q: %v", setup, d.As, err)
								}
							}
						default:
							t.Errorf("%s, %s, %s, %s: %q: %v", setup, kind, trust, now.Format(time.DateOnly), d.As, err)
						}
					}
				}
			}
		}
	}
	if answers == 0 || replaced == 0 || elsewhere == 0 {
		t.Errorf("%d answers, %d replaced, %d elsewhere: the cases are not all there", answers, replaced, elsewhere)
	}
}

// Every way to write a described name finds it.
func TestDescribedNamesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	view := connect(t, []string{"anthropic", "nvidia"}, nil)
	for name, want := range map[string]string{
		"claude opus 4.7": "anthropic/claude-opus-4-7", "Claude-Opus-4.7": "anthropic/claude-opus-4-7", "CLAUDE_OPUS 4.7": "anthropic/claude-opus-4-7",
		"Qwen Coder": "nvidia/qwen/qwen3-coder-480b-a35b-instruct", "Haiku": "anthropic/claude-haiku-4-5",
		"claude/opus-4.7": "not_found: ", "nvidia/Claude Opus 4.7": "nvidia/Claude Opus 4.7",
	} {
		if got := outcome(name, router.Policy{}, view, days[1]); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// The life of a model, told by the snapshot's dates, by a live list, and by a
// configuration.
func TestLifeOfModels(t *testing.T) {
	t.Parallel()
	listed := func(models ...wire.ListedModel) func(*catalog.Account) {
		return func(a *catalog.Account) { a.Listed = models }
	}
	id := func(s string) wire.ListedModel { return wire.ListedModel{ID: s} }
	tomorrow := days[2].AddDate(0, 0, 1)
	for name, c := range map[string]struct {
		provider string
		change   func(*catalog.Account)
		complete bool
		now      time.Time
		asks     map[string]string
	}{
		"by dates": {"openai", nil, false, days[2], map[string]string{
			"openai/o3":      "not_found: gpt-5.6-sol",
			"openai/gpt-5.1": "openai/gpt-5.1",
			"o3":             "not_found: gpt-5.6-sol",
		}},
		"a live list beats the dates": {"openai", listed(id("o3")), false, days[2], map[string]string{
			"openai/o3": "openai/o3", "o3": "openai/o3",
			"openai/o3-2025-04-16": "openai/o3-2025-04-16", // counts as listed
			"gpt-4":                "not_found: gpt-5.6-sol",
			"openai/gpt-4":         "not_found: gpt-5.6-sol",
			"openai/gpt-5.1":       "openai/gpt-5.1", // may work unlisted
			"gpt-5.1":              "openai/gpt-5.1",
			"openai/who-knows":     "openai/who-knows",
		}},
		"a list says its own end": {"openai", listed(wire.ListedModel{ID: "gpt-5.1", Shutdown: days[1], Replacement: "gpt-6-sol"}, wire.ListedModel{ID: "o3", State: "retired"}, wire.ListedModel{ID: "gpt-6-luna", Shutdown: tomorrow}), false, days[2], map[string]string{
			"gpt-5.1": "not_found: gpt-6-sol", "openai/o3": "not_found: gpt-5.6-sol", "gpt-6-luna": "openai/gpt-6-luna",
		}},
		"a dated version ends by its own date": {"openai", listed(id("gpt-4o")), false, days[1], map[string]string{
			"openai/gpt-4o-2024-05-13": "not_found: gpt-5.6-sol", "gpt-4o-2024-08-06": "openai/gpt-4o-2024-08-06",
		}},
		"a name counts as listed with its dated version": {"anthropic", listed(id("claude-sonnet-4-5-20250929")), true, days[2], map[string]string{
			"claude-sonnet-4-5": "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5": "anthropic/claude-sonnet-4-5",
			"claude-haiku-4-5": "not_found: ",
		}},
		"another name in the list": {"mistral", listed(wire.ListedModel{ID: "mistral-new-1", Aliases: []string{"mistral-newest"}}), true, days[1], map[string]string{
			"mistral-newest": "mistral/mistral-newest",
		}},
		"gone and not retired is tried": {"openai", func(a *catalog.Account) {
			a.Listed, a.Gone = []wire.ListedModel{id("gpt-6-luna")}, []string{"o3", "gpt-4o", "gpt-4"}
		}, false, days[1], map[string]string{
			"openai/o3": "openai/o3", "o3": "openai/o3", "gpt-4o": "openai/gpt-4o", "openai/gpt-4": "not_found: gpt-5.6-sol",
			"chain": "openai/gpt-6-luna", "dead": "not_found: gpt-5.6-sol",
		}},
		"redirected by date": {"google", nil, false, days[2], map[string]string{
			"gemini-2.5-pro": "google/gemini-2.5-pro by gemini-3.8-flash", "google/gemini-2.5-pro": "google/gemini-2.5-pro by gemini-3.8-flash",
		}},
		"redirected and not in a complete list": {"deepseek", listed(id("deepseek-flash")), true, days[1], map[string]string{
			"deepseek/deepseek-v4-flash": "deepseek/deepseek-v4-flash by deepseek-flash", "deepseek-v4-flash": "deepseek/deepseek-v4-flash by deepseek-flash",
			"deepseek/deepseek-v4-pro": "not_found: ", "deepseek-chat": "not_found: deepseek-flash (thinking disabled)",
		}},
		"the replacement has ended too": {"moonshot", nil, false, days[2], map[string]string{
			"kimi-k2-0711-preview": "not_found: kimi-k2.6, by now replaced by kimi-k3.1-pro",
		}},
		"declared is there": {"openai", func(a *catalog.Account) { a.Declared = []catalog.Model{{ID: "o3"}} }, false, days[2], map[string]string{"o3": "openai/o3"}},
	} {
		view := connect(t, []string{c.provider}, c.change)
		pol := router.Policy{Aliases: map[string][]string{"chain": {"o3", "openai/gpt-4o", "gpt-6-luna"}, "dead": {"openai/o3"}}}
		if c.complete {
			pol.Complete = map[string]bool{c.provider: true}
		}
		for _, ask := range slices.Sorted(maps.Keys(c.asks)) {
			if got := outcome(ask, pol, view, c.now); got != c.asks[ask] {
				t.Errorf("%s: %q: %s, want %s", name, ask, got, c.asks[ask])
			}
		}
	}
}

// Where a model is gone at one account and there at another, the chain has the
// other; where it is gone at all of them, it is tried at one.
func TestGoneModelsAreOutOfChains(t *testing.T) {
	t.Parallel()
	gone := func(name string) catalog.Account {
		return catalog.Account{Name: name, Listed: []wire.ListedModel{{ID: "other"}}, Gone: []string{"m"}}
	}
	for want, accounts := range map[string][]catalog.Account{
		"b/m": {gone("a"), {Name: "b", Listed: []wire.ListedModel{{ID: "m"}}}, gone("c")},
		"a/m": {gone("a"), gone("b")},
	} {
		view, err := catalog.NewView(accounts)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome("m", router.Policy{}, view, days[0]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where the configuration says so, a retired model's replacement takes its place,
// if it is one model and there.
func TestReplacementsTakeTheirPlace(t *testing.T) {
	t.Parallel()
	pol := router.Policy{Replace: true, Aliases: map[string][]string{"old": {"openai/gpt-4", "o3"}}}
	view := connect(t, []string{"openai", "moonshot", "deepseek", "google"}, nil)
	for name, want := range map[string]string{
		"openai/gpt-4": "openai/gpt-5.6-sol", "gpt-4": "openai/gpt-5.6-sol", "GPT-4o": "openai/gpt-6-luna", "old": "openai/gpt-5.6-sol",
		"kimi-k2-0711-preview":   "moonshot/kimi-k3.1-pro",                         // by way of kimi-k2.6, which has ended too
		"kimi-k2-thinking":       "not_found: kimi-k2.6 or kimi-k3",                // which of them is not ours to say; the first has ended
		"openai/gpt-5-pro":       "not_found: gpt-5.6-sol with reasoning.mode=pro", // it means more than another name
		"deepseek/deepseek-chat": "not_found: deepseek-flash (thinking disabled)",  //
		"openai/gpt-4.1-nano":    "not_found: ",                                    // none is named
		"google/gemini-2.5-pro":  "google/gemini-2.5-pro by gemini-3.8-flash",      // is redirected all the same
		"openai/gpt-5.1":         "openai/gpt-5.1",                                 // has not ended
	} {
		if got := outcome(name, pol, view, days[2]); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	res, err := router.Resolve("gpt-4", pol, view, days[2])
	if err != nil || res.Rule != "replaced" {
		t.Errorf("%+v, %v", res, err)
	}
	// The replacement must be there.
	view = connect(t, []string{"openai"}, func(a *catalog.Account) { a.Listed, a.Gone = []wire.ListedModel{{ID: "o3"}}, []string{"gpt-5.6-sol"} })
	if got := outcome("gpt-4", pol, view, days[2]); got != "not_found: gpt-5.6-sol" {
		t.Error(got)
	}
}

// The configuration's own names are looked over for models that end, wherever they
// stand.
func TestEndings(t *testing.T) {
	t.Parallel()
	view := connect(t, []string{"openai", "google", "anthropic"}, func(a *catalog.Account) {
		if a.Name == "anthropic" {
			a.Listed, a.Gone = []wire.ListedModel{{ID: "claude-haiku-4-5"}}, []string{"claude-sonnet-4-6"}
		}
	})
	pol := router.Policy{
		Aliases: map[string][]string{
			"default": {"haiku", "openai/o3"}, "o3": {"o3"}, "old": {"openai/gpt-4", "gpt-4.1"},
			"fine": {"anthropic/claude-haiku-4-5", "nowhere/x", "old", "workload/support"}, "my next": {"gemini-2.5-pro"},
		},
		Classes: map[string][]string{"reasoning": {"openai/o3"}},
		Workloads: []router.Workload{
			{Name: "support", Chain: []string{"anthropic/claude-haiku-4-5", "gpt-4"}, Escalate: []string{"openai/o3"}, Switch: []string{"openai/o3", "o3", "class/reasoning"}},
			{Name: "gone", Chain: []string{"anthropic/claude-sonnet-4-6"}},
			{Name: "default", Class: "interactive"},
		},
	}
	old := "the model openai/gpt-4 is retired since 2026-10-23; its replacement is gpt-5.6-sol"
	o3 := func(path, target string) router.Ending {
		return router.Ending{Path: path, Target: target, Model: "openai/o3", Ends: "2026-12-11", Replacement: "gpt-5.6-sol"}
	}
	left := "the model anthropic/claude-sonnet-4-6 has left its provider's list"
	want := []router.Ending{
		o3("aliases.default[1]", "openai/o3"),
		{Path: `aliases."my next"`, Target: "gemini-2.5-pro", Model: "google/gemini-2.5-pro", Ends: "2026-12-01", Replacement: "gemini-3.8-flash"},
		o3("aliases.o3", "o3"),
		{Path: "aliases.old[0]", Target: "openai/gpt-4", Model: "openai/gpt-4", Why: old, Replacement: "gpt-5.6-sol"},
		o3("classes.reasoning.chain", "openai/o3"),
		{Path: "workloads.support.chain[1]", Target: "gpt-4", Model: "openai/gpt-4", Why: old, Replacement: "gpt-5.6-sol"},
		o3("workloads.support.escalate.to", "openai/o3"),
		o3("workloads.support.switch[0]", "openai/o3"),
		{Path: "workloads.gone.chain", Target: "anthropic/claude-sonnet-4-6", Model: "anthropic/claude-sonnet-4-6", Why: left + "; its provider names no replacement"},
	}
	for i := range want {
		want[i].Section, want[i].Name, _ = strings.Cut(want[i].Path, ".")
		want[i].Name, _, _ = strings.Cut(strings.Trim(strings.TrimSuffix(want[i].Name, "[0]"), `"`), ".")
		want[i].Name = strings.TrimSuffix(want[i].Name, "[1]")
	}
	got := router.NewRoutes(pol, view, days[1]).Endings(days[1], 30*24*time.Hour, nil)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Where replacements take their places, it says so; of others' accounts nothing is said.
	pol.Replace = true
	for i := range want {
		if want[i].Why == old {
			want[i].Replaced = "openai/gpt-5.6-sol"
		}
	}
	want = slices.DeleteFunc(want, func(e router.Ending) bool { return !strings.HasPrefix(e.Model, "openai/") })
	got = router.NewRoutes(pol, view, days[1]).Endings(days[1], 30*24*time.Hour, func(account string) bool { return account == "openai" })
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var says []string
	for _, e := range []router.Ending{want[1], want[2]} {
		says = append(says, e.String())
	}
	says = append(says, router.Ending{Target: "a/x", Model: "a/x", Ends: "2026-12-01"}.String(), router.Ending{Target: "a/x", Model: "a/x", Why: left}.String())
	if d := cmp.Diff([]string{
		"o3 (openai/o3) ends on 2026-12-11; its replacement is gpt-5.6-sol",
		"openai/gpt-4 is retired, and openai/gpt-5.6-sol takes its place: name that one",
		"a/x ends on 2026-12-01; its provider names no replacement", left,
	}, says); d != "" {
		t.Error(d)
	}
}

// A retired model of a chain is out of it with its reason, or its replacement is in
// its place.
func TestRetiredModelsOfChains(t *testing.T) {
	t.Parallel()
	view := connect(t, []string{"openai", "anthropic"}, nil)
	for _, c := range []struct {
		replace bool
		first   string
		reason  router.Reason
		says    string
	}{
		{false, "anthropic/claude-haiku-4-5", router.ReasonEnded, "is retired since 2026-10-23; its replacement is gpt-5.6-sol"},
		{true, "openai/gpt-5.6-sol", router.ReasonReplaced, "is retired, and its replacement openai/gpt-5.6-sol takes its place"},
	} {
		pol := router.Policy{Replace: c.replace, Workloads: []router.Workload{{Name: "support", Chain: []string{"openai/gpt-4", "anthropic/claude-haiku-4-5"}, Prefer: router.PreferOrder}}}
		d, err := router.Plan(&router.Facts{Model: "workload/support"}, router.NewRoutes(pol, view, days[1]), router.Now{Time: days[1]})
		if err != nil {
			t.Fatal(err)
		}
		told, err := router.Tell(d.Encode(""))
		if err != nil {
			t.Fatal(err)
		}
		x := told.Excluded[0]
		if d.Candidates[0].Name() != c.first || x.Reason != c.reason || x.Name != "openai/gpt-4" || x.String() != c.says {
			t.Errorf("replace %t: %v, %s %s (%s)", c.replace, d.Candidates, x.Name, x, x.Reason)
		}
		if text := told.Explain(router.Asked{Model: "workload/support", Workload: "support"}); !strings.Contains(text, "Not openai/gpt-4: it "+c.says+".") {
			t.Error(text)
		}
	}
}
