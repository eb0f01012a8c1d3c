package router_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

func TestResolveFollowsTheOrderOfNames(t *testing.T) {
	t.Parallel()
	view, err := catalog.NewView([]catalog.Account{
		{Name: "openai", Catalog: "openai"},
		{Name: "router", Listed: []wire.ListedModel{{ID: "gpt-4o"}, {ID: "meta/llama"}}},
		{Name: "local", Listed: []wire.ListedModel{{ID: "qwen"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pol := router.Policy{
		Aliases:  map[string][]string{"default": {"openai/gpt-4o"}, "gpt-4o": {"nowhere/x", "gpt-4o", "local/qwen"}, "broken": {"nowhere"}, "usual": {"default", "local/qwen"}, "round": {"about"}, "about": {"round", "local/qwen"}},
		Complete: map[string]bool{"local": true},
	}
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		want []string
		rule string
		kind llm.Kind
		says string
	}{
		{name: "default", want: []string{"openai/gpt-4o"}, rule: "alias"},
		{name: "gpt-4o", want: []string{"openai/gpt-4o", "router/gpt-4o", "local/qwen"}, rule: "alias"},
		{name: "usual", want: []string{"openai/gpt-4o", "local/qwen"}, rule: "alias"},
		{name: "round", want: []string{"local/qwen"}, rule: "alias"},
		{name: "gpt-4.1", want: []string{"openai/gpt-4.1"}, rule: "bare"},
		{name: "router/meta/llama", want: []string{"router/meta/llama"}, rule: "pinned"},
		{name: "meta/llama", want: []string{"router/meta/llama"}, rule: "bare"},
		{name: "router/never-listed", want: []string{"router/never-listed"}, rule: "pinned"},
		{name: "local/qwem", kind: llm.KindNotFound, says: "local/qwen"},
		{name: "gpt-4.1-mimi", kind: llm.KindNotFound, says: "gpt-4.1-mini"},
		{name: "openai/gpt-4", kind: llm.KindNotFound, says: "its replacement is gpt-5.6-sol"},
		{name: "broken", kind: llm.KindNotFound, says: "leads nowhere"},
		{name: "auto", kind: llm.KindNotBuilt, says: "\"auto\" is no model by itself: name one here, like provider/model-id"},
		{name: "workload/support", kind: llm.KindNotBuilt, says: "\"workload/support\" is no model by itself: name one here, like provider/model-id"},
		{name: "agent/helpdesk", kind: llm.KindNotBuilt, says: "agents are not built yet: name a model, a workload or a class"},
		{name: "", kind: llm.KindBadRequest, says: "names no model"},
	} {
		res, err := router.Resolve(c.name, pol, view, now)
		if c.kind != "" {
			e := llm.AsError(err)
			if e == nil || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
				t.Errorf("%q: %v, want %s with %q", c.name, err, c.kind, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.name, err)
			continue
		}
		var names []string
		for _, cand := range res.Candidates {
			names = append(names, cand.Name())
		}
		if d := cmp.Diff(c.want, names); d != "" || res.Rule != c.rule {
			t.Errorf("%q by %s: %s", c.name, res.Rule, d)
		}
	}
}

func TestResolveLeavesOutAccountsOfOtherOrgs(t *testing.T) {
	t.Parallel()
	view, err := catalog.NewView([]catalog.Account{{Name: "theirs", Listed: []wire.ListedModel{{ID: "m"}, {ID: "secret-model"}}}, {Name: "ours", Listed: []wire.ListedModel{{ID: "m"}}}})
	if err != nil {
		t.Fatal(err)
	}
	pol := router.Policy{May: func(a string) bool { return a == "ours" }}
	res, err := router.Resolve("m", pol, view, time.Now())
	if err != nil || len(res.Candidates) != 1 || res.Candidates[0].Account != "ours" {
		t.Errorf("bare: %+v, %v", res, err)
	}
	if _, err := router.Resolve("theirs/m", pol, view, time.Now()); err == nil {
		t.Error("a pinned account of another org is used")
	}
	// Nor are they told what others have.
	for _, name := range []string{"secret-modal", "theirs/secret-modal"} {
		if _, err := router.Resolve(name, pol, view, time.Now()); err == nil || strings.Contains(err.Error(), "secret-model") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
