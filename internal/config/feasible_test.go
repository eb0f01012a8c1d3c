package config_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/config"
)

func TestInfeasibleChains(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"a mistyped provider", "providers: {openai: {api_key: k}}\nworkloads:\n  w: {chain: [opnai/gpt-4o]}\n", []string{
			`oido.yaml:3:14: workloads.w.chain: leads to no model: "opnai/gpt-4o" is of no provider; did you mean "openai/gpt-4o"?`,
		}},
		{"all of several, everywhere", "providers: {openai: {api_key: k}}\naliases: {a: nowhere/m}\nworkloads:\n  w: {chain: openai/m, switch: [opena/m, nowhere/m], escalate: {to: opena/n, on: [failure]}}\n  x: {chain: a}\n", []string{
			`oido.yaml:4:69: workloads.w.escalate.to: leads to no model: "opena/n" is of no provider; did you mean "openai/n"?`,
			`oido.yaml:4:32: workloads.w.switch: leads to no model: "opena/m" is of no provider, nor are the others; did you mean "openai/m"?`,
			`oido.yaml:5:14: workloads.x.chain: leads to no model: "nowhere/m" is of no provider; name one of providers, or add it there`,
		}},
		{"one of several", "providers: {openai: {api_key: k}}\nworkloads: {w: {chain: [opnai/m, openai/m]}}\n", nil},
		{"a provider that could be connected", "providers: {openai: {api_key: k}}\nworkloads: {w: {chain: [anthropic/m]}}\n", nil},
		{"a provider without a key", "providers: {openai: {api_key: k}, mine: {type: openai, api_key: \"${UNSET}\"}}\nworkloads: {w: {chain: [mine/m]}}\n", nil},
		{"other names", "providers: {openai: {api_key: k}}\naliases: {a/b: openai/m}\nworkloads: {w: {chain: a/b}, x: {chain: gpt-4o}, y: {chain: class/reasoning}, z: {chain: workload/chat}, v: {chain: \"arn:aws:x/m\"}}\n", nil},
		{"a declared model", "providers: {openai: {api_key: k, models: [{id: some/model}]}}\nworkloads: {w: {chain: some/model}}\n", nil},
		{"a server that may list such ids", "providers: {openai: {api_key: k}, mine: {type: openai, base_url: \"http://h/v1\"}}\nworkloads: {w: {chain: some/model}}\n", nil},
		{"a type that may list such ids", "providers: {openai: {api_key: k}, nvidia: {api_key: k}}\nworkloads: {w: {chain: some/model}}\n", nil},
		{"providers of the environment", "workloads: {w: {chain: some/model}}\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := options(tt.text, nil, nil)
			o.ProviderTypes = map[string]config.ProviderType{}
			for name, typ := range types {
				typ.ListsPaths = func() bool { return name == "nvidia" }
				o.ProviderTypes[name] = typ
			}
			c, _, err := config.Load(o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range c.Infeasible {
				got = append(got, e.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Aliases that name the next one twice stand for ever more of them, each of which is
// looked at once.
func TestInfeasibleAliasesOfAliases(t *testing.T) {
	t.Parallel()
	text := "providers: {openai: {api_key: k}}\naliases:\n"
	for i := range 60 {
		text += fmt.Sprintf("  a%d: [a%d, a%[2]d]\n", i, i+1)
	}
	text += "  a60: nowhere/m\nworkloads: {w: {chain: a0}}\n"
	o := options(text, nil, nil)
	o.ProviderTypes = map[string]config.ProviderType{}
	for name, typ := range types {
		typ.ListsPaths = func() bool { return false }
		o.ProviderTypes[name] = typ
	}
	c, _, err := config.Load(o)
	if err != nil || len(c.Infeasible) != 1 {
		t.Fatal(err, c)
	}
}
