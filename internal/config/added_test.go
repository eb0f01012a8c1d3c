package config_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/config"
)

func fileOf(t *testing.T, text string) *config.Config {
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

const ofFile = `
providers: {up: {type: openai, api_key: k}}
aliases: {mine: up/a, over: [later, up/a]}
classes: {reasoning: {chain: [up/a]}}
workloads: {support: {chain: [up/a, workload/next], timeout: 5s, retry: {attempts: 2}, escalate: {to: [up/b], on: [failure]}}}
`

// What is added is held against the same as the file, with what is in force.
func TestWhatIsAddedIsCheckedAsTheFileIs(t *testing.T) {
	cfg := fileOf(t, ofFile)
	many := `{"chain":["` + strings.Repeat(`up/a","`, 64) + `up/a"]}`
	for _, c := range []struct {
		section, name, value string
		want                 string // "": it is in force
	}{
		{"aliases", "new", `{"chain":"up/a"}`, ""},
		{"aliases", "new", `{"chain":["up/a","mine"]}`, ""},
		{"aliases", "mine", `{"chain":"up/b"}`, config.ErrInFile.Error()},
		{"aliases", "new", `{"chain":[]}`, "aliases.new: names no model; write provider/model, or a list of them"},
		{"aliases", "new", `{}`, "aliases.new: names no model; write provider/model, or a list of them"},
		{"aliases", "new", `{"chain":[""]}`, "aliases.new: is empty; write provider/model"},
		{"aliases", "new", `{"chian":["up/a"]}`, "aliases.new.chian: there is no such field; did you mean \"chain\"?"},
		{"aliases", "new", `["up/a"]`, "aliases.new: is not a JSON object; write its fields, like {\"chain\": [\"provider/model\"]}"},
		{"aliases", "workload/x", `{"chain":"up/a"}`, "can't be an alias"},
		{"aliases", "auto", `{"chain":"up/a"}`, "can't be an alias"},
		{"aliases", " new", `{"chain":"up/a"}`, "begins or ends with a space"},
		{"aliases", strings.Repeat("n", 129), `{"chain":"up/a"}`, "is longer than 128 bytes"},
		{"aliases", "new", `{"chain":"new"}`, "aliases.new: leads back to itself: new → new; write provider/model at one of these places"},
		{"aliases", "later", `{"chain":"over"}`, "aliases.later: leads back to itself: later → over → later; write provider/model at one of these places"},
		{"aliases", "new", many, "aliases.new: has 65 names: at most 64"},
		{"aliases", "new", `{"chain":"${HOME}"}`, ""},
		{"classes", "interactive", `{"chain":["up/a"]}`, ""},
		{"classes", "reasoning", `{"chain":["up/a"]}`, config.ErrInFile.Error()},
		{"classes", "quick", `{"chain":["up/a"]}`, "classes.quick: is not a class"},
		{"workloads", "own", `{"class":"reasoning","prefer":"cheap","timeout":{"total":"30s"},"retry":{"attempts":3}}`, ""},
		{"workloads", "own", `{"class":"clever"}`, `workloads.own.class: "clever" is not a value of this field`},
		{"workloads", "own", `{"prefer":"nice"}`, "workloads.own.prefer"},
		{"workloads", "own", `{"timeout":"soon"}`, "workloads.own.timeout"},
		{"workloads", "own", `{"retry":{"attempts":99}}`, "workloads.own.retry.attempts"},
		{"workloads", "own", `{"escalate":{"on":["failure"]}}`, "workloads.own.escalate: says when, but not to which models"},
		{"workloads", "own", `{"when":"input_tokens > 1000 && !tools"}`, ""},
		{"workloads", "own", `{"when":"inptu_tokens > 1000"}`, `workloads.own.when: there is no variable "inptu_tokens" (at 1:1 of the expression); did you mean "input_tokens"?`},
		{"workloads", "own/x", `{"class":"reasoning"}`, "has a slash in its name"},
		{"workloads", "next", `{"chain":["workload/support"]}`, "workloads.next: leads back to itself: workload/next → workload/support → workload/next"},
		{"workloads", "own", `{"chain":[`, "is not YAML"},
		{"limits", "own", `{}`, "there is no such section"},
	} {
		merged, off := cfg.WithAdded([]config.Added{{Section: c.section, Name: c.name, Value: []byte(c.value)}})
		got := ""
		if off[0] != nil {
			got = off[0].Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: %q, want %q", c.section, c.name, c.value, got, c.want)
		}
		before := len(cfg.Aliases) + len(cfg.Classes) + len(cfg.Workloads)
		if rule := merged.Rules[c.name]; (rule != nil) != (c.want == "" && strings.Contains(c.value, `"when"`)) || cfg.Rules != nil {
			t.Errorf("%s %s %s: compiled to %v beside %v", c.section, c.name, c.value, rule, cfg.Rules)
		}
		if after := len(merged.Aliases) + len(merged.Classes) + len(merged.Workloads); (after == before+1) != (c.want == "") {
			t.Errorf("%s %s %s: %d entries are %d", c.section, c.name, c.value, before, after)
		}
	}
}

// What can't be in force is as if it weren't there, and the others are.
func TestWhatIsAddedIsInForceOneByOne(t *testing.T) {
	cfg := fileOf(t, ofFile)
	merged, off := cfg.WithAdded([]config.Added{
		{Section: "aliases", Name: "a", Value: []byte(`{"chain":["b","up/a"]}`)},
		{Section: "aliases", Name: "b", Value: []byte(`{"chain":["a"]}`)},
		{Section: "aliases", Name: "c", Value: []byte(`{"chain":["b","a"]}`)},
		{Section: "workloads", Name: "support", Value: []byte(`{}`)},
	})
	if d := cmp.Diff(config.Named[config.Chain]{
		{Name: "mine", Value: config.Chain{"up/a"}},
		{Name: "over", Value: config.Chain{"later", "up/a"}},
		{Name: "a", Value: config.Chain{"b", "up/a"}},
		{Name: "c", Value: config.Chain{"b", "a"}},
	}, merged.Aliases); d != "" {
		t.Error(d)
	}
	var problems config.Errors
	if off[0] != nil || !errors.As(off[1], &problems) || problems[0].Field != "aliases.b" || problems[0].Line != 0 || off[2] != nil || !errors.Is(off[3], config.ErrInFile) {
		t.Error(off)
	}
	if d := cmp.Diff(fileOf(t, ofFile), cfg, cmpopts.IgnoreFields(config.Config{}, "Sources")); d != "" {
		t.Errorf("the file's own configuration is another one: %s", d)
	}
}

func TestSettingsAreAsInTheFile(t *testing.T) {
	cfg := fileOf(t, ofFile)
	for _, c := range []struct {
		section, name string
		want          map[string]any
	}{
		{"aliases", "mine", map[string]any{"chain": []any{"up/a"}}},
		{"classes", "reasoning", map[string]any{"chain": []any{"up/a"}}},
		{"workloads", "support", map[string]any{
			"chain": []any{"up/a", "workload/next"}, "prefer": "order", "timeout": map[string]any{"total": "5s"}, "retry": map[string]any{"attempts": 2},
			"escalate": map[string]any{"to": []any{"up/b"}, "on": []any{"failure"}},
		}},
		{"workloads", "none", nil},
		{"limits", "none", nil},
	} {
		got, in, err := cfg.Settings(c.section, c.name)
		if d := cmp.Diff(c.want, got); d != "" || err != nil || in != (c.want != nil) {
			t.Errorf("%s %s: %v %s", c.section, c.name, err, d)
		}
	}
}

// BenchmarkWithAdded is as much as an org can add, each naming as many others as it
// can.
func BenchmarkWithAdded(b *testing.B) {
	var added []config.Added
	for i := range 1000 {
		chain := `"openai/gpt-4o"`
		for j := max(0, i-63); j < i; j++ {
			chain += fmt.Sprintf(`,"alias-%d"`, j)
		}
		added = append(added, config.Added{Section: config.SectionAliases, Name: fmt.Sprintf("alias-%d", i), Value: []byte(`{"chain":[` + chain + `]}`)})
	}
	for b.Loop() {
		if _, off := config.Default().WithAdded(added); off[999] != nil {
			b.Fatal(off[999])
		}
	}
}
