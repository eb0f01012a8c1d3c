package provider_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// row is a type as people meet it: its names, its variables, and what it speaks.
type row struct {
	names   []string // the type and its aliases
	account string   // what an account from the environment is called
	env     []string
	// speaks are the formats, richest first; nil for a cloud, whose accounts speak
	// what their options give an address for (see TestCloudsAreCalledWhereTheyAre).
	speaks []llm.Format
}

var types = []row{
	{[]string{"openai"}, "openai", []string{"OPENAI_API_KEY"}, []llm.Format{llm.FormatResponses, llm.FormatChat}},
	{[]string{"anthropic"}, "anthropic", []string{"ANTHROPIC_API_KEY"}, []llm.Format{llm.FormatMessages}},
	{[]string{"gemini", "google"}, "google", []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, []llm.Format{llm.FormatGemini}},
	{[]string{"deepseek"}, "deepseek", []string{"DEEPSEEK_API_KEY"}, []llm.Format{llm.FormatChat, llm.FormatMessages, llm.FormatResponses}},
	{[]string{"openrouter"}, "openrouter", []string{"OPENROUTER_API_KEY"}, []llm.Format{llm.FormatChat, llm.FormatMessages, llm.FormatResponses}},
	{[]string{"nvidia"}, "nvidia", []string{"NVIDIA_API_KEY"}, []llm.Format{llm.FormatChat}},
	{[]string{"mistral"}, "mistral", []string{"MISTRAL_API_KEY"}, []llm.Format{llm.FormatChat}},
	{[]string{"xai"}, "xai", []string{"XAI_API_KEY"}, []llm.Format{llm.FormatResponses}},
	{[]string{"groq"}, "groq", []string{"GROQ_API_KEY"}, []llm.Format{llm.FormatChat}},
	{[]string{"together"}, "together", []string{"TOGETHER_API_KEY"}, []llm.Format{llm.FormatChat}},
	{[]string{"moonshot"}, "moonshot", []string{"MOONSHOT_API_KEY"}, []llm.Format{llm.FormatChat, llm.FormatMessages}},
	{[]string{"dashscope", "alibaba"}, "alibaba", []string{"DASHSCOPE_API_KEY"}, []llm.Format{llm.FormatChat, llm.FormatResponses, llm.FormatMessages}},
	{[]string{"azure-openai", "azure"}, "azure", []string{"AZURE_OPENAI_API_KEY", "AZURE_API_KEY"}, nil},
	{[]string{"vertex", "google-vertex"}, "google-vertex", []string{"GOOGLE_VERTEX_API_KEY"}, nil},
	{[]string{"bedrock"}, "bedrock", []string{"AWS_BEARER_TOKEN_BEDROCK"}, nil},
	{[]string{"ollama"}, "ollama", nil, []llm.Format{llm.FormatChat, llm.FormatResponses}},
	{[]string{"openai-compatible"}, "openai-compatible", nil, []llm.Format{llm.FormatChat, llm.FormatResponses, llm.FormatMessages}},
}

var formats = []llm.Format{llm.FormatChat, llm.FormatResponses, llm.FormatMessages, llm.FormatGemini}

func keyed(t *testing.T, typ, base string, formats map[llm.Format]string) *provider.Account {
	t.Helper()
	p, err := provider.ProfileOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{Name: "p", Profile: p, BaseURL: base, Keys: []string{"secret"}, Formats: formats})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// spoken are the formats of an account, in the order of formats.
func spoken(a *provider.Account) (out []llm.Format) {
	for _, f := range formats {
		if a.Speaks(f) {
			out = append(out, f)
		}
	}
	return out
}

// TestEveryTypeIsInTheTable holds the profiles to the table above: no type is
// without a row, none without sources for what it claims.
func TestEveryTypeIsInTheTable(t *testing.T) {
	all, err := provider.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		i := slices.IndexFunc(types, func(r row) bool { return r.names[0] == p.Type })
		if i < 0 {
			t.Errorf("%s is not in the table", p.Type)
			continue
		}
		r := types[i]
		for _, name := range r.names {
			if got, err := provider.ProfileOf(name); err != nil || got != p {
				t.Errorf("%s: %v", name, err)
			}
		}
		if d := cmp.Diff(r.env, p.Env) + cmp.Diff(r.names[1:], p.Aliases, cmp.Transformer("", func(s []string) int { return len(s) })); d != "" || p.AccountName() != r.account {
			t.Errorf("%s: named %s, %s", p.Type, p.AccountName(), d)
		}
		if p.Source == "" {
			t.Errorf("%s: no source", p.Type)
		}
		for _, f := range p.Families {
			if f.Source == "" {
				t.Errorf("%s %s: no source", p.Type, f.Match)
			}
		}
		for _, e := range p.Errors {
			if e.Source == "" {
				t.Errorf("%s: %q: no source", p.Type, e.Match)
			}
		}
		want := slices.Clone(r.speaks)
		slices.SortFunc(want, func(x, y llm.Format) int { return slices.Index(formats, x) - slices.Index(formats, y) })
		if (r.speaks == nil) != (p.Options != nil) {
			t.Errorf("%s speaks %v: only where a cloud's accounts are depends on their options", p.Type, r.speaks)
		}
		if r.speaks == nil {
			continue
		}
		a := keyed(t, p.Type, "", nil)
		if d := cmp.Diff(want, spoken(a)); d != "" || a.Format(llm.FormatGemini, "m") != r.speaks[0] {
			t.Errorf("%s: richest %s, %s", p.Type, a.Format(llm.FormatGemini, "m"), d)
		}
	}
	if len(all) != len(types) {
		t.Errorf("%d types, %d in the table", len(all), len(types))
	}
}

// TestRequestsGoWhereTheTypeSpeaksTheirFormat: at the vendor's own address, at
// another region's or workspace's, at somebody else's, and where the
// configuration says.
func TestRequestsGoWhereTheTypeSpeaksTheirFormat(t *testing.T) {
	const chats, messages, responses = llm.FormatChat, llm.FormatMessages, llm.FormatResponses
	type said = map[llm.Format]string
	for _, c := range []struct {
		typ, base string
		formats   said
		want      said // the address of each format that is spoken
	}{
		{"nvidia", "", nil, said{chats: "https://integrate.api.nvidia.com/v1"}},
		{"mistral", "", nil, said{chats: "https://api.mistral.ai/v1"}},
		{"groq", "", nil, said{chats: "https://api.groq.com/openai/v1"}},
		{"together", "", nil, said{chats: "https://api.together.xyz/v1"}},
		{"together", "https://api.together.ai/v1", nil, said{chats: "https://api.together.ai/v1"}},
		{"xai", "", nil, said{responses: "https://api.x.ai/v1"}},
		{"xai", "", said{chats: "", responses: ""}, said{chats: "https://api.x.ai/v1", responses: "https://api.x.ai/v1"}},
		{"xai", "http://relay.example/v1", nil, said{responses: "http://relay.example/v1"}},
		{"moonshot", "", nil, said{chats: "https://api.moonshot.ai/v1", messages: "https://api.moonshot.ai/anthropic/v1"}},
		{"moonshot", "https://api.moonshot.cn/v1", nil, said{chats: "https://api.moonshot.cn/v1", messages: "https://api.moonshot.cn/anthropic/v1"}},
		{"moonshot", "https://api.moonshot.cn/v1", said{chats: ""}, said{chats: "https://api.moonshot.cn/v1"}},
		{"moonshot", "http://relay.example/v1", nil, said{chats: "http://relay.example/v1"}},
		{"moonshot", "http://relay.example/v1", said{chats: "", messages: "http://relay.example/anthropic"}, said{chats: "http://relay.example/v1", messages: "http://relay.example/anthropic/v1"}},
		{"dashscope", "", nil, said{
			chats:     "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
			responses: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
			messages:  "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1",
		}},
		{"alibaba", "https://dashscope-us.aliyuncs.com/compatible-mode/v1", nil, said{
			chats:     "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
			responses: "https://dashscope-us.aliyuncs.com/compatible-mode/v1",
			messages:  "https://dashscope-us.aliyuncs.com/apps/anthropic/v1",
		}},
		{"dashscope", "https://dashscope.aliyuncs.com/apps/anthropic", said{messages: ""}, said{messages: "https://dashscope.aliyuncs.com/apps/anthropic/v1"}},
		{"dashscope", "https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1", nil, said{
			chats:     "https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
			responses: "https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
			messages:  "https://ws-1.ap-southeast-1.maas.aliyuncs.com/apps/anthropic/v1",
		}},
		{"dashscope", "https://dashscope.aliyuncs.com.relay.example/v1", nil, said{chats: "https://dashscope.aliyuncs.com.relay.example/v1"}},
		{"ollama", "http://gpu.example:11434", nil, said{chats: "http://gpu.example:11434/v1", responses: "http://gpu.example:11434/v1"}},
		{"ollama", "http://gpu.example:11434/v1", said{chats: ""}, said{chats: "http://gpu.example:11434/v1"}},
		{"openai-compatible", "http://gpu.example/v1", nil, said{chats: "http://gpu.example/v1", responses: "http://gpu.example/v1"}},
	} {
		a := keyed(t, c.typ, c.base, c.formats)
		got := said{}
		for _, f := range spoken(a) {
			got[f] = a.Address(f)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s at %q with %v: %s", c.typ, c.base, c.formats, d)
		}
	}
}

// TestTargetsSayWhatModelsTake asks for what is told of one model of each family.
func TestTargetsSayWhatModelsTake(t *testing.T) {
	effort := func(takes ...llm.Effort) wire.ReasoningStyle {
		return wire.ReasoningStyle{Control: "effort", Efforts: takes}
	}
	always := func(s wire.ReasoningStyle) wire.ReasoningStyle { s.CannotDisable = true; return s }
	replayed := func(s wire.ReasoningStyle, what string) wire.ReasoningStyle { s.Replay = what; return s }
	in := func(s wire.ReasoningStyle, field string) wire.ReasoningStyle { s.Field = field; return s }
	flips := func(field, budget string) wire.ReasoningStyle {
		return wire.ReasoningStyle{Control: "switch", Switch: field, BudgetField: budget}
	}
	none := wire.ReasoningStyle{Control: "none"}
	low, medium, high, most, off := llm.EffortLow, llm.EffortMedium, llm.EffortHigh, llm.EffortMax, llm.EffortNone
	words := effort(off, medium)
	words.Words = map[llm.Effort]string{medium: "default"}
	flash := replayed(wire.ReasoningStyle{Control: "toggle", Efforts: []llm.Effort{low, medium, high, most}, Words: map[llm.Effort]string{medium: "high"}}, "always")
	nemotron := flips("chat_template_kwargs.enable_thinking", "reasoning_budget")
	nemotron.MaxBudget = 32768
	const chats, messages, responses = llm.FormatChat, llm.FormatMessages, llm.FormatResponses
	for _, c := range []struct {
		typ, model string
		format     llm.Format
		reasoning  wire.ReasoningStyle
		refuses    string // a field, "" for none
		takes      string // a field
	}{
		{"nvidia", "meta/llama-3.3-70b-instruct", chats, none, "", "temperature"},
		{"nvidia", "openai/gpt-oss-120b", chats, always(effort(low, medium, high)), "", "stop"},
		{"nvidia", "nvidia/nemotron-3-super-120b-a12b", chats, nemotron, "", "stop"},
		{"nvidia", "qwen/qwen3-next-80b-a3b-thinking", chats, flips("chat_template_kwargs.enable_thinking", ""), "", "stop"},
		{"nvidia", "deepseek-ai/deepseek-v4-pro", chats, flips("chat_template_kwargs.thinking", ""), "", "stop"},
		{"mistral", "mistral-large-2512", chats, none, "stream_options", "temperature"},
		{"mistral", "mistral-small-latest", chats, effort(off, high), "messages.reasoning_content", "stop"},
		{"mistral", "mistral-medium-2604", chats, effort(off, high), "store", "n"},
		{"mistral", "mistral-large-4-0", chats, effort(low, medium, high), "user", "n"},
		{"mistral", "magistral-medium-latest", chats, always(none), "logprobs", "n"},
		{"xai", "grok-4.7", responses, always(replayed(effort(low, medium, high), "always")), "", "temperature"},
		{"xai", "grok-4.3", responses, replayed(effort(off, low, medium, high), "always"), "", "temperature"},
		{"xai", "grok-4.20-0309-reasoning", responses, replayed(none, "always"), "", "temperature"},
		{"xai", "grok-4.20-0309-reasoning", chats, none, "stop", "temperature"},
		{"xai", "grok-4.20-0309-non-reasoning", chats, none, "messages.name", "stop"},
		{"xai", "grok-3-mini", chats, effort(low, high), "presence_penalty", "temperature"},
		{"groq", "llama-3.3-70b-versatile", chats, in(none, "reasoning"), "logit_bias", "stop"},
		{"groq", "openai/gpt-oss-20b", chats, always(in(effort(low, medium, high), "reasoning")), "logprobs", "stop"},
		{"groq", "qwen/qwen3-32b", chats, in(words, "reasoning"), "messages.name", "stop"},
		{"together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", chats, none, "", "stop"},
		{"together", "openai/gpt-oss-120b", chats, always(in(effort(low, medium, high), "reasoning")), "", "stop"},
		{"together", "deepseek-ai/DeepSeek-V4-Pro", chats, in(flips("reasoning.enabled", ""), "reasoning"), "", "stop"},
		{"moonshot", "moonshot-v1-128k", chats, none, "", "temperature"},
		{"moonshot", "kimi-k2.6", chats, replayed(wire.ReasoningStyle{Control: "toggle"}, "always"), "temperature", "stop"},
		{"moonshot", "kimi-k2.6", messages, replayed(wire.ReasoningStyle{Control: "toggle"}, "always"), "output_config.effort", "stop_sequences"},
		{"moonshot", "kimi-k2.7-code", chats, always(replayed(none, "always")), "n", "stop"},
		{"moonshot", "kimi-k3", chats, always(replayed(effort(low, high, most), "always")), "top_p", "stop"},
		{"moonshot", "kimi-k3", messages, always(replayed(effort(low, high, most), "always")), "temperature", "output_config.effort"},
		{"dashscope", "qwen3-coder-plus", chats, none, "", "temperature"},
		{"dashscope", "qwen3.7-plus", chats, flips("enable_thinking", "thinking_budget"), "", "temperature"},
		{"dashscope", "qwq-plus", chats, always(none), "", "temperature"},
		{"deepseek", "deepseek-v4-pro", chats, in(flash, "reasoning_content"), "", "temperature"},
		{"deepseek", "deepseek-v4-pro", messages, flash, "", "output_config.effort"},
		{"gemini", "gemini-2.5-flash", llm.FormatGemini, wire.ReasoningStyle{Control: "budget", Replay: "tools", MaxBudget: 24576}, "", "temperature"},
		{"gemini", "gemini-2.5-flash-lite", llm.FormatGemini, wire.ReasoningStyle{Control: "budget", Replay: "tools", MinBudget: 512, MaxBudget: 24576}, "", "temperature"},
		{"vertex", "gemini-2.5-flash-lite", llm.FormatGemini, wire.ReasoningStyle{Control: "budget", Replay: "tools", MinBudget: 512, MaxBudget: 24576}, "", "temperature"},
	} {
		got := keyed(t, c.typ, "", map[llm.Format]string{chats: "", messages: "", responses: "", llm.FormatGemini: ""}).Target(c.model, c.format, provider.Key{})
		if d := cmp.Diff(c.reasoning, got.Reasoning); d != "" {
			t.Errorf("%s/%s in %s: %s", c.typ, c.model, c.format, d)
		}
		if c.refuses != "" && !slices.Contains(got.Reject, c.refuses) || slices.Contains(got.Reject, c.takes) {
			t.Errorf("%s/%s in %s refuses %v", c.typ, c.model, c.format, got.Reject)
		}
	}
	for model, only := range map[string]bool{"qwen3-32b": true, "qwq-plus": true, "qwen3-next-80b-a3b-thinking": true, "qwen3.7-plus": false, "qwen3-max": false, "qwen3-coder-30b-a3b-instruct": false} {
		if got := keyed(t, "dashscope", "", nil).Target(model, chats, provider.Key{}); got.StreamOnly != only {
			t.Errorf("%s: streams alone: %t", model, got.StreamOnly)
		}
	}
	for model, want := range map[string]wire.ReasoningStyle{
		"sonnet-by-way-of-a-relay": {Replay: "tools"},
		"claude-sonnet-4-5":        {Control: "budget", Replay: "tools"},
	} {
		if d := cmp.Diff(want, keyed(t, "anthropic", "", nil).Target(model, messages, provider.Key{}).Reasoning); d != "" {
			t.Errorf("%s: %s", model, d)
		}
	}
	if got := keyed(t, "mistral", "", nil).Target("mistral-large-2512", chats, provider.Key{}); got.ToolID != wire.ShapeMistral || got.StreamUsage || got.Rename["seed"] != "random_seed" {
		t.Errorf("%+v", got)
	}
	if got := keyed(t, "together", "", nil).Target("m", chats, provider.Key{}); got.Set["context_length_exceeded_behavior"] != "error" || !got.InlineThinking {
		t.Errorf("%+v", got)
	}
	if got := keyed(t, "xai", "", map[llm.Format]string{chats: ""}).Target("m", chats, provider.Key{}); !got.ReasoningOnTop {
		t.Errorf("%+v", got)
	}
}

// TestLimitsOfEachVendorAreOneForm reads the headers of three vendors, and waits
// for what is used up.
func TestLimitsOfEachVendorAreOneForm(t *testing.T) {
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		header http.Header
		want   provider.Limits
		wait   time.Duration
	}{
		"durations": {
			header("x-ratelimit-limit-requests", "14400", "x-ratelimit-remaining-requests", "14370", "x-ratelimit-reset-requests", "2m59.56s",
				"x-ratelimit-limit-tokens", "18000", "x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "7.66s"),
			provider.Limits{
				Requests: provider.Limit{Known: true, Limit: 14400, Remaining: 14370, Reset: 2*time.Minute + 59560*time.Millisecond},
				Tokens:   provider.Limit{Known: true, Limit: 18000, Reset: 7660 * time.Millisecond},
			},
			7660 * time.Millisecond,
		},
		"times": {
			header("anthropic-ratelimit-input-tokens-limit", "10", "anthropic-ratelimit-input-tokens-remaining", "0", "anthropic-ratelimit-input-tokens-reset", "2026-11-25T10:00:30Z"),
			provider.Limits{InputTokens: provider.Limit{Known: true, Limit: 10, Reset: 30 * time.Second}},
			30 * time.Second,
		},
		"seconds, and a count that is none": {
			header("x-ratelimit-remaining-requests", "-1", "x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "5"),
			provider.Limits{Tokens: provider.Limit{Known: true, Reset: 5 * time.Second}},
			5 * time.Second,
		},
		"a time in milliseconds, of an allowance without a name": {
			header("X-RateLimit-Limit", "20", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(now.Add(41*time.Second).UnixMilli(), 10)),
			provider.Limits{Requests: provider.Limit{Known: true, Limit: 20, Reset: 41 * time.Second}},
			41 * time.Second,
		},
		"nonsense": {header("x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "NaN"), provider.Limits{Tokens: provider.Limit{Known: true}}, 0},
		"nothing":  {nil, provider.Limits{}, 0},
	} {
		got := provider.LimitsIn(c.header, now)
		if d := cmp.Diff(c.want, got); d != "" || got.Wait() != c.wait {
			t.Errorf("%s: wait %s, %s", name, got.Wait(), d)
		}
	}
	e := keyed(t, "groq", "", nil).Judge(&llm.Error{Kind: llm.KindRateLimit, Status: 429}, header("x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-tokens", "7s"))
	if e.RetryAfter != 7*time.Second {
		t.Errorf("%+v", e)
	}
}

// A format that not every server of a type has is left where the server hasn't: by
// itself, but not where the configuration says that it is spoken.
func TestAFormatThatIsOnlyAssumedIsLeft(t *testing.T) {
	for _, typ := range []string{"ollama", "openai-compatible"} {
		a := keyed(t, typ, "http://gpu.example/v1", nil)
		if got := a.Format(llm.FormatResponses, "m"); got != llm.FormatResponses {
			t.Errorf("%s: at first %s", typ, got)
		}
		if a.Refused(llm.FormatResponses, http.StatusBadRequest) || !a.Refused(llm.FormatResponses, http.StatusNotFound) || a.Format(llm.FormatResponses, "m") != llm.FormatChat {
			t.Errorf("%s: goes on with what isn't there", typ)
		}
		sure := keyed(t, typ, "http://gpu.example/v1", map[llm.Format]string{llm.FormatResponses: ""})
		if sure.Refused(llm.FormatResponses, http.StatusNotFound) || !sure.Speaks(llm.FormatResponses) {
			t.Errorf("%s: leaves what the configuration says", typ)
		}
	}
}

// A type without a list is no failure: its models are known from elsewhere.
func TestATypeWithoutAListIsWell(t *testing.T) {
	vendor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked for %s", r.URL) }))
	defer vendor.Close()
	a := keyed(t, "dashscope", vendor.URL+"/v1", nil)
	r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatChat: chat.Format{}}, nil, slog.New(slog.DiscardHandler), func() {})
	if err := r.Refresh(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if l := r.List(a.Name); l == nil || l.Err != nil || l.Models != nil {
		t.Errorf("%+v", l)
	}
}

// A key that a vendor refuses in its own way is named as such where the list is
// read.
func TestAListsRefusalIsInTheVendorsWords(t *testing.T) {
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		if _, err := w.Write([]byte(`{"code":"Client specified an invalid argument","error":"Incorrect API key provided: se***et."}`)); err != nil {
			t.Error(err)
		}
	}))
	defer vendor.Close()
	a := keyed(t, "xai", vendor.URL+"/v1", nil)
	r := provider.NewRefresher([]*provider.Account{a}, map[llm.Format]wire.Lister{llm.FormatChat: chat.Format{}}, nil, slog.New(slog.DiscardHandler), func() {})
	var e *llm.Error
	if err := r.Refresh(t.Context(), a); !errors.As(err, &e) || e.Kind != llm.KindAuth {
		t.Errorf("%v", err)
	}
}
