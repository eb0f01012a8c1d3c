package provider_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

func TestProfilesSayWhatFamiliesNeed(t *testing.T) {
	for _, c := range []struct {
		typ, base, model string
		format           llm.Format
		profile          string
		rename           map[string]string
		replay           string
	}{
		{"openai", "", "gpt-4o", llm.FormatChat, "openai", nil, ""},
		{"openai", "", "gpt-5.4", llm.FormatChat, "openai", map[string]string{"max_tokens": "max_completion_tokens"}, ""},
		{"openai", "https://api.openai.com/v1", "gpt-5.4", llm.FormatResponses, "openai", nil, "tools"},
		{"openai", "http://127.0.0.1:8000/v1", "qwen3-coder", llm.FormatChat, "openai-compatible", map[string]string{"max_completion_tokens": "max_tokens"}, ""},
		{"openai", "http://relay.example/v1", "gpt-5.4", llm.FormatResponses, "openai-compatible", nil, "tools"},
		{"openai", "http://relay.example/v1", "gpt-5.4", llm.FormatChat, "openai-compatible", map[string]string{"max_tokens": "max_completion_tokens"}, ""},
		{"anthropic", "", "claude-sonnet-4-5", llm.FormatMessages, "anthropic", nil, "tools"},
	} {
		p, err := provider.ProfileAt(c.typ, c.base)
		if err != nil || p.Type != c.profile {
			t.Errorf("%s at %q: %v %v", c.typ, c.base, p, err)
			continue
		}
		a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, BaseURL: c.base})
		if err != nil {
			t.Fatal(err)
		}
		target := a.Target(c.model, c.format, provider.Key{})
		if d := cmp.Diff(c.rename, target.Rename); d != "" || target.Reasoning.Replay != c.replay {
			t.Errorf("%+v: replay %q %s", c, target.Reasoning.Replay, d)
		}
		if want := (llm.Origin{Provider: "p", Model: c.model}); target.Origin != want {
			t.Errorf("origin %+v", target.Origin)
		}
		a.Close()
	}
}

// TestARelayPassesWhatTheVendorTakes asks for a vendor's models at a server of its
// format elsewhere: what the models refuse there, they refuse here.
func TestARelayPassesWhatTheVendorTakes(t *testing.T) {
	reject := func(base, model string, f llm.Format) []string {
		p, err := provider.ProfileAt("openai", base)
		if err != nil {
			t.Fatal(err)
		}
		a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		return a.Target(model, f, provider.Key{}).Reject
	}
	for _, model := range []string{"gpt-4o", "gpt-5.4", "gpt-5.4-mini", "gpt-5-chat-latest", "o3", "o4-mini", "qwen3-coder"} {
		for _, f := range []llm.Format{llm.FormatChat, llm.FormatResponses} {
			if d := cmp.Diff(reject("", model, f), reject("http://relay.example/v1", model, f)); d != "" {
				t.Errorf("%s in %s (-vendor +relay):\n%s", model, f, d)
			}
		}
	}
}
