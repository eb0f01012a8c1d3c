package router_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/router/classify"
	"github.com/oidostudio/oido/internal/wire"
)

func rate(dollars string) *catalog.Rate {
	r, err := catalog.ParseRate(dollars)
	if err != nil {
		panic(err)
	}
	return &r
}

// model is one that a configuration declares: its price in dollars a million
// tokens of input, five times that of output; "" is unknown.
func model(id string, tier catalog.Tier, window int, price string, change ...func(*catalog.Model)) catalog.Model {
	yes := true
	m := catalog.Model{ID: id, Tier: tier, Context: window, Caps: catalog.Caps{Tools: &yes, StructuredOutput: &yes}, In: []string{"text", "image"}}
	if price != "" {
		in := rate(price)
		out := *in * 5
		m.Price = &catalog.Price{Input: in, Output: &out}
	}
	for _, f := range change {
		f(&m)
	}
	return m
}

func textOnly(m *catalog.Model) { m.In = []string{"text"} }

func without(m *catalog.Model) {
	no := false
	m.Caps = catalog.Caps{Tools: &no, StructuredOutput: &no}
}

// world is two accounts with models of every kind.
func world(t testing.TB) *catalog.View {
	t.Helper()
	v, err := catalog.NewView([]catalog.Account{
		{Name: "a", Declared: []catalog.Model{
			model("big", catalog.TierFrontier, 200_000, "10"),
			model("mid", catalog.TierBalanced, 200_000, "3"),
			model("small", catalog.TierFast, 32_000, "0.1", textOnly),
			model("plain", catalog.TierFast, 8_000, "0.05", without),
		}},
		{Name: "b", Declared: []catalog.Model{
			model("mid", catalog.TierBalanced, 400_000, "2"),
			model("long", catalog.TierFast, 1_000_000, "0.2"),
			model("free", catalog.TierFast, 32_000, "0", func(m *catalog.Model) { m.Free = catalog.FreeAlways }),
			model("dark", catalog.TierBalanced, 32_000, ""),
			model("bag", "", 32_000, "0.01"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type holds bool

func (h holds) Holds(*router.Facts) bool { return bool(h) }

// health is told by the names of places.
type health map[string]router.Condition

func (h health) Of(account, model string) router.Condition { return h[account+"/"+model] }

func policy() router.Policy {
	return router.Policy{
		Aliases: map[string][]string{
			"best": {"a/big", "mid", "a/mid"}, "mid": {"b/mid", "mid"}, "nested": {"best", "class/high_volume"}, "nowhere": {"c/x"},
		},
		Classes:      map[string][]string{router.ClassReasoning: {"a/big", "b/mid"}},
		DefaultClass: router.ClassInteractive,
		Confidence:   0.8,
		Workloads: []router.Workload{
			{Name: "support", Chain: []string{"a/small", "b/mid"}, Prefer: router.PreferOrder, Escalate: []string{"a/big"}, EscalateOn: []router.Trigger{router.OnFailure}, Timeout: router.Timeout{Idle: time.Second, Total: time.Minute}, Attempts: 3},
			{Name: "coding", Chain: []string{"a/mid", "b/mid", "c/none"}, Switch: []string{"a/big"}, Prefer: router.PreferOrder},
			{Name: "cheap", Chain: []string{"b/dark", "a/big", "a/mid", "b/mid", "a/small"}, Prefer: router.PreferCheap},
			{Name: "fast", Chain: []string{"a/big", "a/mid", "b/mid"}, Prefer: router.PreferFast},
			{Name: "free", Chain: []string{"a/small", "b/free"}, Prefer: router.PreferFree},
			{Name: "research", Class: router.ClassReasoning, Prefer: router.PreferOrder},
			{Name: "review", Inherit: true, Prefer: router.PreferOrder},
			{Name: "ruled", Chain: []string{"a/small"}, Prefer: router.PreferOrder, When: holds(false)},
			{Name: "loop", Chain: []string{"workload/loop", "a/mid"}, Prefer: router.PreferOrder},
		},
	}
}

func names(d router.Decision) (out []string) {
	for _, c := range d.Candidates {
		out = append(out, c.Name())
	}
	return out
}

// chose is the choice of a session's user.
func chose(name string) func() router.Place {
	account, model, _ := strings.Cut(name, "/")
	return func() router.Place { return router.Place{Account: account, Model: model} }
}

// summary is a decision in a line.
func summary(d router.Decision) string {
	s := d.Rule + ": " + strings.Join(names(d), " ")
	for _, x := range d.Excluded {
		s += fmt.Sprintf(", not %s (%s)", x.Name, x.Reason)
	}
	for _, is := range []struct {
		on   bool
		word string
	}{{d.Stayed, "stayed"}, {d.Chosen, "chosen"}, {d.Switched, "switched"}, {d.Escalated != "", "escalated"}} {
		if is.on {
			s += ", " + is.word
		}
	}
	if d.Last {
		s += ", as a last resort"
	}
	if d.ClassBy != "" {
		s += fmt.Sprintf(", %s by %s", d.Class, d.ClassBy)
	}
	return s
}

func TestPlan(t *testing.T) {
	t.Parallel()
	now := router.Now{Time: days[1], Health: health{
		"a/big": {FirstToken: 3 * time.Second}, "b/mid": {FirstToken: time.Second}, "c/x": {Resting: true},
	}}
	worse := func(h health) router.Now { return router.Now{Time: days[1], Health: h} }
	for name, c := range map[string]struct {
		facts router.Facts
		now   router.Now
		want  string
	}{
		"a model at an account":           {router.Facts{Model: "a/mid"}, now, "pinned: a/mid"},
		"named exactly, it need not fit":  {router.Facts{Model: "a/plain", Input: 1_000_000, Needs: router.Needs{Tools: true}}, now, "pinned: a/plain"},
		"a bare id is a chain":            {router.Facts{Model: "long"}, now, "bare: b/long"},
		"an alias":                        {router.Facts{Model: "best"}, now, "alias: a/big b/mid a/mid"},
		"an alias of its own name":        {router.Facts{Model: "mid"}, now, "alias: b/mid a/mid"},
		"an alias of an alias":            {router.Facts{Model: "nested"}, now, "alias: a/big b/mid a/mid b/free a/plain a/small b/long"},
		"a workload":                      {router.Facts{Model: "workload/support"}, now, "workload: a/small b/mid"},
		"what leads nowhere is said":      {router.Facts{Model: "workload/coding"}, now, "workload: a/mid b/mid, not c/none (unknown)"},
		"auto with a workload's label":    {router.Facts{Model: "auto", Workload: "support"}, now, "workload: a/small b/mid"},
		"auto is of the default class":    {router.Facts{Model: "auto"}, now, "class: b/mid a/mid, interactive by by default"},
		"auto with a class's label":       {router.Facts{Model: "auto", Class: "high_volume"}, now, "class: b/free a/plain a/small b/long, high_volume by label"},
		"a configured class":              {router.Facts{Model: "class/reasoning"}, now, "class: a/big b/mid, reasoning by name"},
		"a long prompt":                   {router.Facts{Model: "auto", Input: 300_000}, now, "class: b/long b/mid, long_context by size"},
		"a workload of a class":           {router.Facts{Model: "workload/research"}, now, "workload: a/big b/mid, reasoning by workload"},
		"a loop":                          {router.Facts{Model: "workload/loop"}, now, "workload: a/mid"},
		"too long for one":                {router.Facts{Model: "workload/support", Input: 30_000}, now, "workload: b/mid, not a/small (context)"},
		"an image":                        {router.Facts{Model: "workload/support", Survey: func() wire.Survey { return wire.Survey{Image: true} }}, now, "workload: b/mid, not a/small (image)"},
		"tools and a schema":              {router.Facts{Model: "class/high_volume", Needs: router.Needs{Tools: true, Schema: true}}, now, "class: b/free a/small b/long, not a/plain (tools), high_volume by name"},
		"the cheapest first":              {router.Facts{Model: "workload/cheap", Input: 1000}, now, "workload: a/small b/mid a/mid a/big b/dark"},
		"the fastest first":               {router.Facts{Model: "workload/fast"}, now, "workload: b/mid a/big a/mid"},
		"the free first":                  {router.Facts{Model: "workload/free"}, now, "workload: b/free a/small"},
		"what is free is used up":         {router.Facts{Model: "workload/free"}, worse(health{"b/free": {Dry: true}}), "workload: a/small b/free"},
		"it stays":                        {router.Facts{Model: "workload/coding", Stays: router.Place{Account: "b", Model: "mid"}}, now, "workload: b/mid a/mid, not c/none (unknown), stayed"},
		"it can't stay":                   {router.Facts{Model: "workload/support", Stays: router.Place{Account: "a", Model: "small"}, Input: 30_000}, now, "workload: b/mid, not a/small (context)"},
		"it was elsewhere":                {router.Facts{Model: "workload/support", Stays: router.Place{Account: "a", Model: "big"}}, now, "workload: a/small b/mid"},
		"the cache is cold":               {router.Facts{Model: "workload/coding", Stays: router.Place{Account: "b", Model: "mid"}, Cold: true}, now, "workload: a/mid b/mid, not c/none (unknown)"},
		"cold, and the task goes on":      {router.Facts{Model: "workload/coding", Stays: router.Place{Account: "b", Model: "mid"}, Cold: true, Survey: func() wire.Survey { return wire.Survey{Steps: 1} }}, now, "workload: b/mid a/mid, not c/none (unknown), stayed"},
		"inherited in spite of the cold":  {router.Facts{Model: "workload/review", Stays: router.Place{Account: "a", Model: "big"}, Cold: true}, now, "workload: a/big b/mid a/mid, stayed"},
		"a user chose it":                 {router.Facts{Model: "workload/coding", Chosen: chose("a/big")}, now, "workload: a/big a/mid b/mid, not c/none (unknown), chosen"},
		"a choice before where it was":    {router.Facts{Model: "workload/coding", Chosen: chose("a/big"), Stays: router.Place{Account: "b", Model: "mid"}}, now, "workload: a/big b/mid a/mid, not c/none (unknown), chosen"},
		"a choice of the chain":           {router.Facts{Model: "workload/coding", Chosen: chose("b/mid")}, now, "workload: b/mid a/mid, not c/none (unknown), chosen"},
		"a choice for auto":               {router.Facts{Model: "auto", Chosen: chose("a/big")}, now, "class: a/big b/mid a/mid, chosen, interactive by by default"},
		"a choice for an alias":           {router.Facts{Model: "mid", Chosen: chose("a/big")}, now, "alias: a/big b/mid a/mid, chosen"},
		"a choice before what escalated":  {router.Facts{Model: "workload/support", Task: router.Task{Began: 1, Escalated: router.OnFailure}, Chosen: chose("b/free")}, now, "workload: b/free a/big a/small b/mid, chosen"},
		"a choice and a model's name":     {router.Facts{Model: "b/mid", Chosen: chose("a/big")}, now, "pinned: b/mid"},
		"a choice and a class's name":     {router.Facts{Model: "class/reasoning", Chosen: chose("b/free")}, now, "class: a/big b/mid, reasoning by name"},
		"a choice by an alias's name":     {router.Facts{Model: "best", Workload: "coding", Chosen: chose("b/mid")}, now, "alias: a/big b/mid a/mid, switched"},
		"a choice that rests":             {router.Facts{Model: "workload/support", Chosen: chose("b/free")}, worse(health{"b/free": {Resting: true}}), "workload: a/small b/mid, not b/free (resting)"},
		"a choice that this key may not":  {router.Facts{Model: "workload/support", Chosen: chose("a/big"), MayModel: func(n string) bool { return n != "a/big" }}, now, "workload: a/small b/mid, not a/big (key)"},
		"a choice that isn't connected":   {router.Facts{Model: "workload/support", Chosen: chose("zed/big")}, now, "workload: a/small b/mid, not zed/big (unknown)"},
		"a user chooses":                  {router.Facts{Model: "a/big", Workload: "coding"}, now, "pinned: a/big, switched"},
		"a user names another":            {router.Facts{Model: "a/small", Workload: "coding"}, now, "pinned: a/small"},
		"inherited":                       {router.Facts{Model: "workload/review", Stays: router.Place{Account: "a", Model: "big"}}, now, "workload: a/big b/mid a/mid, stayed"},
		"nothing to inherit":              {router.Facts{Model: "workload/review"}, now, "workload: b/mid a/mid"},
		"escalated":                       {router.Facts{Model: "workload/support", Task: router.Task{Began: 1, Escalated: router.OnFailure}}, now, "workload: a/big a/small b/mid, escalated"},
		"escalated and it stayed below":   {router.Facts{Model: "workload/support", Task: router.Task{Began: 1, Escalated: router.OnFailure}, Stays: router.Place{Account: "a", Model: "small"}}, now, "workload: a/big a/small b/mid, escalated"},
		"escalated as far as it goes":     {router.Facts{Model: "workload/support", Task: router.Task{Began: 1, Escalated: router.OnFailure}, Input: 190_000}, now, "workload: b/mid, not a/big (context), not a/small (context)"},
		"one rests":                       {router.Facts{Model: "workload/support"}, worse(health{"a/small": {Resting: true, Last: llm.KindOverloaded}}), "workload: b/mid, not a/small (resting)"},
		"a key that may use one":          {router.Facts{Model: "best", MayModel: func(n string) bool { return n == "a/mid" }}, now, "alias: a/mid, not a/big (key), not b/mid (key)"},
		"an org that may use one account": {router.Facts{Model: "best", MayAccount: func(n string) bool { return n == "b" }}, now, "alias: b/mid"},
		"an unknown model":                {router.Facts{Model: "nobody"}, now, `not_found: the model "nobody" is not known at any connected provider`},
		"an alias that leads nowhere":     {router.Facts{Model: "nowhere"}, now, `not_found: no model can answer this request for "nowhere":` + "\n" + `- c/x: the model "c/x" is not known at any connected provider`},
		"an unknown workload":             {router.Facts{Model: "workload/x"}, now, `not_found: there is no workload "x": there are cheap, coding, fast, free, loop, research, review, ruled, support`},
		"an unknown class":                {router.Facts{Model: "class/x"}, now, `not_found: there is no class "x": there are high_volume, interactive, reasoning, long_context`},
		"a misspelt workload":             {router.Facts{Model: "workload/suport"}, now, `not_found: there is no workload "suport": did you mean "support"?`},
		"a misspelt workload as a label":  {router.Facts{Model: "auto", Workload: "resaerch"}, now, `not_found: there is no workload "resaerch": did you mean "research"?`},
		"a misspelt class":                {router.Facts{Model: "class/reasonning"}, now, `not_found: there is no class "reasonning": did you mean "reasoning"?`},
		"a misspelt class as a label":     {router.Facts{Model: "auto", Class: "long-contxt"}, now, `not_found: there is no class "long-contxt": did you mean "long_context"?`},
		"too long for all":                {router.Facts{Model: "workload/support", Input: 400_000}, now, "context_length: no model can answer this request for \"workload/support\":\n- a/small: has a window of 32000 tokens, and 441024 are needed for prompt and answer\n- b/mid: has a window of 400000 tokens, and 441024 are needed for prompt and answer"},
		"all rest":                        {router.Facts{Model: "workload/support"}, worse(health{"a/small": {Resting: true, Until: days[1].Add(7 * time.Second)}, "b/mid": {Resting: true, Until: days[1].Add(5 * time.Second)}}), "workload: b/mid, not a/small (resting), as a last resort"},
		"none for the caller":             {router.Facts{Model: "a/mid", MayModel: func(string) bool { return false }}, now, "permission: no model can answer this request for \"a/mid\":\n- a/mid: this key may not use it"},
	} {
		d, err := router.Plan(&c.facts, router.NewRoutes(policy(), world(t), days[1]), c.now)
		got := summary(d)
		if e := llm.AsError(err); e != nil {
			got = string(e.Kind) + ": " + e.Message
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// What the conversation shows decides where that is sure enough.
func TestPlanClassifies(t *testing.T) {
	t.Parallel()
	words := []string{"Prove that the square root of two is irrational, and say where the proof would fail for four."}
	sure := classify.Classify(classify.Input{User: words}).Confidence
	if sure < 0.7 {
		t.Fatalf("%v sure of a proof", sure)
	}
	for asked, want := range map[float64]string{
		sure + 0.01: "class: b/mid a/mid, interactive by by default",
		sure:        "class: a/big b/mid, reasoning by content",
		0:           "class: b/mid a/mid, interactive by by default",
	} {
		pol := policy()
		pol.Confidence = asked
		d, err := router.Plan(&router.Facts{Model: "auto", Survey: says(words...)}, router.NewRoutes(pol, world(t), days[1]), router.Now{Time: days[1]})
		if got := summary(d); err != nil || got != want || d.Sure != sure {
			t.Errorf("%v: %s, %v", asked, got, err)
		}
	}
}

// says is a conversation that ends in a user's words.
func says(words ...string) func() wire.Survey {
	return func() wire.Survey { return wire.Survey{User: words, EndsInUser: true} }
}

// A rule takes a request for auto to its workload, unless a label says more.
func TestPlanFollowsRules(t *testing.T) {
	t.Parallel()
	pol := policy()
	pol.Workloads[7].When = holds(true)
	routes := router.NewRoutes(pol, world(t), days[1])
	for label, want := range map[string]string{"": "ruled", "support": "support"} {
		d, err := router.Plan(&router.Facts{Model: "auto", Workload: label}, routes, router.Now{Time: days[1]})
		if err != nil || d.Workload != want {
			t.Errorf("%+v, %v", d, err)
		}
	}
}

// A newcomer with one key has a model for each class.
func TestEveryClassHasAModel(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"openai", "anthropic", "google", "deepseek", "mistral", "xai", "groq"} {
		routes := router.NewRoutes(router.Policy{}, connect(t, []string{p}, nil), days[1])
		for _, class := range router.Classes {
			d, err := router.Plan(&router.Facts{Model: "class/" + class, Input: 1000}, routes, router.Now{Time: days[1]})
			if err != nil || len(d.Candidates) == 0 {
				t.Errorf("%s, %s: %v", p, class, err)
			}
		}
	}
}

// What rests is kept for when all candidates fail: the one first whose rest ends
// first. A model that stands in both chains of an escalated workload is one.
func TestWhatRestsIsKept(t *testing.T) {
	t.Parallel()
	pol := router.Policy{Workloads: []router.Workload{{Name: "w", Chain: []string{"a/small", "a/big", "b/mid", "a/mid"}, Escalate: []string{"a/big"}}}}
	routes := router.NewRoutes(pol, world(t), days[1])
	resting := func(minutes int) router.Condition {
		return router.Condition{Resting: true, Until: days[1].Add(time.Duration(minutes) * time.Minute)}
	}
	h := health{"a/small": resting(5), "b/mid": resting(1), "a/big": resting(3)}
	f := router.Facts{Model: "workload/w", Task: router.Task{Began: 1, Escalated: router.OnFailure}}
	for _, c := range []struct {
		also         string
		asked, later string
	}{{"", "a/mid", "b/mid a/big a/small"}, {"a/mid", "b/mid", "a/big a/small a/mid"}} {
		if c.also != "" {
			h[c.also] = resting(9)
		}
		d, err := router.Plan(&f, routes, router.Now{Time: days[1], Health: h})
		if err != nil {
			t.Fatal(err)
		}
		var later []string
		for _, r := range d.Resort {
			later = append(later, r.Name())
		}
		if len(d.Candidates) != 1 || d.Candidates[0].Name() != c.asked || strings.Join(later, " ") != c.later || d.Last != (c.also != "") {
			t.Errorf("%v, then %v; last %v", d.Candidates, later, d.Last)
		}
	}
}

// A session stays where it was with a bare id too, which stands for every account
// that lists it, until its beginning is forgotten and another task begins.
func TestABareIDStays(t *testing.T) {
	t.Parallel()
	routes := router.NewRoutes(router.Policy{}, world(t), days[1])
	steps := func(n int) func() wire.Survey { return func() wire.Survey { return wire.Survey{Steps: n} } }
	for want, f := range map[string]router.Facts{
		"bare: a/mid b/mid":                           {},
		"bare: b/mid a/mid, stayed":                   {Stays: router.Place{Account: "b", Model: "mid"}},
		"bare: a/mid b/mid, stayed":                   {Stays: router.Place{Account: "a", Model: "mid"}},
		"bare: b/mid a/mid, stayed, in mid-task":      {Stays: router.Place{Account: "b", Model: "mid"}, Cold: true, Survey: steps(2)},
		"bare: a/mid b/mid, another task":             {Stays: router.Place{Account: "b", Model: "mid"}, Cold: true, Survey: steps(0)},
		"bare: a/mid b/mid, where it was is no other": {Stays: router.Place{Account: "b", Model: "long"}},
	} {
		f.Model = "mid"
		d, err := router.Plan(&f, routes, router.Now{Time: days[1]})
		if got := summary(d); err != nil || !strings.HasPrefix(want, got) || strings.Contains(want, "stayed") != d.Stayed {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
	}
}

// drawn is a request and a world for it.
func drawn(t *rapid.T, view *catalog.View) (router.Facts, *router.Routes, router.Now) {
	var every []string
	for _, e := range view.All() {
		every = append(every, e.Name())
	}
	chain := func(label string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(append(slices.Clone(every), "nobody", "mid", "best", "class/high_volume", "c/x", "a/unheard-of")), 0, 6).Draw(t, label)
	}
	pol := router.Policy{
		Aliases: map[string][]string{"best": chain("best"), "mid": chain("mid")},
		Classes: map[string][]string{router.ClassInteractive: chain("interactive")},
		Workloads: []router.Workload{{
			Name: "w", Chain: chain("chain"), Escalate: chain("up"), Switch: chain("switch"), Inherit: rapid.Bool().Draw(t, "inherit"),
			Prefer:     rapid.SampledFrom([]router.Prefer{router.PreferOrder, router.PreferCheap, router.PreferFast, router.PreferFree}).Draw(t, "prefer"),
			EscalateOn: rapid.SliceOfDistinct(rapid.SampledFrom([]router.Trigger{router.OnComplex, router.OnToolChain, router.OnFailure, router.OnCorrection}), rapid.ID[router.Trigger]).Draw(t, "on"),
		}},
		Confidence: 0.8,
	}
	h := health{}
	for _, name := range every {
		h[name] = router.Condition{
			Resting: rapid.IntRange(0, 3).Draw(t, "resting") == 0, Dry: rapid.Bool().Draw(t, "dry"), Kept: rapid.Bool().Draw(t, "kept"),
			FirstToken: time.Duration(rapid.IntRange(0, 3).Draw(t, "first")) * time.Second,
		}
	}
	needs := router.Needs{
		Tools: rapid.Bool().Draw(t, "tools"), Image: rapid.Bool().Draw(t, "image"), PDF: rapid.Bool().Draw(t, "pdf"),
		Schema: rapid.Bool().Draw(t, "schema"),
	}
	f := router.Facts{
		Model: rapid.SampledFrom(append(slices.Clone(every), "auto", "workload/w", "workload/x", "class/interactive", "class/long_context", "best", "mid", "", "agent/a")).Draw(t, "model"),
		Class: rapid.SampledFrom([]string{"", "reasoning", "none"}).Draw(t, "class"), Workload: rapid.SampledFrom([]string{"", "w"}).Draw(t, "workload"),
		Input: int64(rapid.SampledFrom([]int{0, 100, 30_000, 150_000, 900_000}).Draw(t, "input")), Output: int64(rapid.IntRange(0, 9000).Draw(t, "output")),
		Needs: needs, Task: rapid.SampledFrom([]router.Task{{}, {Began: 1, Escalated: router.OnFailure}, {Began: 1, Failed: true}}).Draw(t, "task"),
	}
	if rapid.Bool().Draw(t, "surveyed") {
		s := wire.Survey{
			User:       []string{rapid.SampledFrom([]string{"", "go on", "no, that is wrong", "Prove that there are infinitely many primes, rigorously.", "hello"}).Draw(t, "text")},
			EndsInUser: rapid.Bool().Draw(t, "ends in user"), ToolCalls: rapid.IntRange(0, 9).Draw(t, "calls"), Steps: rapid.IntRange(0, 9).Draw(t, "steps"),
			ToolFailed: rapid.Bool().Draw(t, "tool failed"), Repeats: rapid.IntRange(0, 1).Draw(t, "repeats"),
		}
		f.Survey = func() wire.Survey { return s }
	}
	if rapid.Bool().Draw(t, "on the way") {
		account, id, _ := strings.Cut(rapid.SampledFrom(every).Draw(t, "place"), "/")
		f.Stays, f.Cold = router.Place{Account: account, Model: id}, rapid.Bool().Draw(t, "cold")
	}
	if rapid.Bool().Draw(t, "chosen") {
		f.Chosen = chose(rapid.SampledFrom(append(slices.Clone(every), "zed/x")).Draw(t, "choice"))
	}
	if rapid.Bool().Draw(t, "restricted") {
		f.MayModel = func(name string) bool { return name != "a/mid" }
		f.MayAccount = func(name string) bool { return name != "b" }
	}
	return f, router.NewRoutes(pol, view, days[1]), router.Now{Time: days[1], Health: h}
}

// A choice that has left or ended is gone on without; where a retired model's
// replacement takes its place, it does for the session too.
func TestChoicesThatHaveEnded(t *testing.T) {
	t.Parallel()
	left := connect(t, []string{"openai"}, func(a *catalog.Account) {
		a.Listed, a.Gone = []wire.ListedModel{{ID: "gpt-5-mini"}}, []string{"gpt-5.1"}
	})
	all := connect(t, []string{"openai"}, nil)
	for name, c := range map[string]struct {
		chosen  string
		view    *catalog.View
		replace bool
		want    string
	}{
		"there":    {"openai/gpt-5.1", all, false, "alias: openai/gpt-5.1 openai/gpt-5-mini, chosen"},
		"left":     {"openai/gpt-5.1", left, false, "alias: openai/gpt-5-mini, not openai/gpt-5.1 (gone)"},
		"ended":    {"openai/gpt-4", all, false, "alias: openai/gpt-5-mini, not openai/gpt-4 (ended)"},
		"replaced": {"openai/gpt-4", all, true, "alias: openai/gpt-5.6-sol openai/gpt-5-mini, chosen"},
	} {
		pol := router.Policy{Aliases: map[string][]string{"best": {"openai/gpt-5-mini"}}, Replace: c.replace}
		d, err := router.Plan(&router.Facts{Model: "best", Chosen: chose(c.chosen)}, router.NewRoutes(pol, c.view, days[1]), router.Now{Time: days[1]})
		if got := summary(d); err != nil || got != c.want {
			t.Errorf("%s: %s, want %s (%v)", name, got, c.want, err)
		}
	}
}

// Whatever is asked: the same plan twice; candidates or a refusal in words; no
// candidate that is excluded, resting, not allowed, or there twice; with prefer:
// cheap none before a cheaper one, but for where the session stays.
func TestPlansAreTotal(t *testing.T) {
	t.Parallel()
	view := world(t)
	rapid.Check(t, func(t *rapid.T) {
		f, routes, now := drawn(t, view)
		d, err := router.Plan(&f, routes, now)
		again, errAgain := router.Plan(&f, routes, now)
		if diff := cmp.Diff(d, again); diff != "" || (err == nil) != (errAgain == nil) {
			t.Fatalf("another plan the second time: %s", diff)
		}
		if err != nil {
			if e := llm.AsError(err); e.Message == "" || len(d.Candidates) > 0 {
				t.Fatalf("%+v with %v", e, names(d))
			}
			return
		}
		seen := map[string]bool{}
		for _, c := range d.Candidates {
			switch name := c.Name(); {
			case seen[name]:
				t.Fatalf("%s stands twice", name)
			case slices.ContainsFunc(d.Excluded, func(x router.Exclusion) bool { return x.Name == name }):
				t.Fatalf("%s is excluded: %+v", name, d)
			case now.Health.Of(c.Account, c.Model).Resting != d.Last:
				t.Fatalf("%s rests", name)
			case f.MayModel != nil && (!f.MayModel(name) || !f.MayAccount(c.Account)):
				t.Fatalf("%s may not be used", name)
			}
			seen[c.Name()] = true
		}
		if len(seen) == 0 {
			t.Fatal("no candidates, and no word of it")
		}
		for _, c := range d.Resort {
			only := func(x router.Exclusion) bool { return x.Name == c.Name() && x.Reason == router.ReasonResting }
			if seen[c.Name()] || !slices.ContainsFunc(d.Excluded, only) {
				t.Fatalf("%s is for when all fail, and doesn't just rest: %+v", c.Name(), d)
			}
			seen[c.Name()] = true
		}
		for _, x := range d.Excluded {
			if x.Reason == router.ReasonResting && !seen[x.Name] {
				t.Fatalf("%s rests, and isn't asked when all fail", x.Name)
			}
		}
		for _, c := range d.Up {
			if name := c.Name(); d.Escalated != "" || d.Chosen || now.Health.Of(c.Account, c.Model).Resting ||
				f.MayModel != nil && (!f.MayModel(name) || !f.MayAccount(c.Account)) {
				t.Fatalf("%s is to be climbed to: %+v", name, d)
			}
		}
		for _, x := range d.Later {
			if !slices.Contains(names(d), x.Name) {
				t.Fatalf("%s comes later, and not at all: %+v", x.Name, d)
			}
		}
		head := d.Candidates[0]
		if d.Stayed && (router.Place{Account: head.Account, Model: head.Model}) != f.Stays || d.Stayed && d.Chosen || d.Chosen && d.Escalated != "" {
			t.Fatalf("it stays at %v: %+v", f.Stays, d)
		}
		if d.Escalated != "" && d.Task.Escalated != d.Escalated {
			t.Fatalf("escalated by %s, and its task by %s", d.Escalated, d.Task.Escalated)
		}
		if d.Prefer != router.PreferCheap || d.Escalated != "" || d.Chosen {
			return
		}
		rest := d.Candidates
		if d.Stayed {
			rest = rest[1:]
		}
		for i := 1; i < len(rest); i++ {
			before, ok := estimate(rest[i-1], &f, now.Time)
			after, ok2 := estimate(rest[i], &f, now.Time)
			if ok2 && (!ok || before > after) {
				t.Fatalf("%s before %s", rest[i-1].Name(), rest[i].Name())
			}
		}
	})
}

func estimate(c router.Candidate, f *router.Facts, at time.Time) (llm.NanoUSD, bool) {
	if c.Entry == nil {
		return 0, false
	}
	return c.Entry.Estimate(f.Input, f.Answer(), at)
}

// A model that no catalog and no list knows is asked where a chain names it, after
// those whose price is known.
func TestAModelThatNobodyKnowsHasNoPrice(t *testing.T) {
	t.Parallel()
	pol := router.Policy{Workloads: []router.Workload{{Name: "w", Chain: []string{"a/unheard-of", "a/big", "b/mid"}, Prefer: router.PreferCheap}}}
	d, err := router.Plan(&router.Facts{Model: "workload/w"}, router.NewRoutes(pol, world(t), days[1]), router.Now{Time: days[1]})
	if diff := cmp.Diff([]string{"b/mid", "a/big", "a/unheard-of"}, names(d)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func BenchmarkPlan50(b *testing.B) {
	var declared []catalog.Model
	var chain []string
	for i := range 50 {
		id := fmt.Sprintf("m%d", i)
		declared = append(declared, model(id, catalog.TierBalanced, 200_000, fmt.Sprintf("%d", i%7+1)))
		chain = append(chain, "a/"+id)
	}
	view, err := catalog.NewView([]catalog.Account{{Name: "a", Declared: declared}})
	if err != nil {
		b.Fatal(err)
	}
	routes := router.NewRoutes(router.Policy{Workloads: []router.Workload{{Name: "w", Chain: chain, Prefer: router.PreferCheap}}}, view, days[1])
	f := &router.Facts{Model: "workload/w", Input: 5000, Needs: router.Needs{Tools: true}, Stays: router.Place{Account: "a", Model: "m40"}, MayModel: func(string) bool { return true }}
	now := router.Now{Time: days[1], Health: health{}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := router.Plan(f, routes, now); err != nil {
			b.Fatal(err)
		}
	}
}
