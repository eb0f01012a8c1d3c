package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/sim"
)

// vendors are providers of every type with models of described names, and clouds
// those that go on with models which their makers have ended; all of them are
// played by the simulator below an address.
const (
	vendors = `
  anthropic: {base_url: %[1]s/anthropic, api_key: k}
  openai: {formats: {chat: %[1]s/openai/v1}, api_key: k}
  google: {base_url: %[1]s/gemini, api_key: k}
  deepseek: {base_url: %[1]s/deepseek, api_key: k}
  moonshot: {base_url: %[1]s/moonshot/v1, api_key: k}
  alibaba: {base_url: %[1]s/dashscope/compatible-mode/v1, api_key: k}
  openrouter: {base_url: %[1]s/openrouter/api/v1, api_key: k}
  nvidia: {base_url: %[1]s/nvidia/v1, api_key: k}
  mistral: {base_url: %[1]s/mistral/v1, api_key: k}
  xai: {base_url: %[1]s/xai/v1, api_key: k}
  groq: {base_url: %[1]s/groq/openai/v1, api_key: k}
  together: {base_url: %[1]s/together/v1, api_key: k}
  ollama: {base_url: %[1]s/ollama}`
	clouds = `
  azure: {base_url: %[1]s/azure, api_key: k}
  google-vertex: {base_url: %[1]s/vertex, api_key: k}
  bedrock: {base_url: %[1]s/bedrock, region: us-east-1, api_key: k}`
)

// world is a gateway with its providers, all of which go by one clock.
type world struct {
	*gateway
	vendors *sim.Server
}

func newWorld(t *testing.T, date, providers string) *world {
	t.Helper()
	now, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	w := &world{vendors: sim.New(sim.Options{Now: clock})}
	internet := httptest.NewServer(w.vendors)
	t.Cleanup(internet.Close)
	cfg, err := load(t, t.TempDir(), fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:", firstKey)+fmt.Sprintf(providers, internet.URL))
	if err != nil {
		t.Fatal(err)
	}
	w.gateway = serve(t, cfg, app.Options{Log: slog.New(slog.DiscardHandler), Version: "test", Now: clock})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w.WaitLists(ctx)
	return w
}

// stands is what a name stands for: the model that was called with what answered
// under its name, or the words of a 404 in which a replacement is named.
func (w *world) stands(t *testing.T, name string) string {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, name)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+firstKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	err = json.Unmarshal(raw, &answer)
	_, instead, named := strings.Cut(answer.Error.Message, "; its replacement is ")
	switch {
	case resp.StatusCode == http.StatusNotFound && named:
		return "404: " + instead
	case err != nil || resp.StatusCode != http.StatusOK || len(answer.Choices) != 1 || answer.Choices[0].Message.Content == "":
		return fmt.Sprintf("%d %s", resp.StatusCode, raw)
	}
	called := resp.Header.Get("X-Oido-Model")
	received := w.vendors.Requests()
	if by := received[len(received)-1].Model; by != called {
		called += " by " + by
	}
	return resp.Header.Get("X-Oido-Provider") + "/" + called
}

// Every name of a described model is answered by the model that it stands for, or
// with a 404 that names a replacement, which answers: over HTTP, with providers of
// every type, by a clock of three days. One entry is for all of them.
func TestDescribedModelsOnThreeDays(t *testing.T) {
	dates := []string{"2026-06-01", "2026-11-23", "2027-02-01"}
	everywhere := map[string][]string{
		"opus":                             {"anthropic/claude-opus-4-7"},
		"sonnet":                           {"anthropic/claude-sonnet-4-6"},
		"haiku":                            {"anthropic/claude-haiku-4-5"},
		"gpt-4o":                           {"openai/gpt-4o", "openai/gpt-4o", "azure/gpt-4o"},
		"gpt-4o-mini":                      {"openai/gpt-4o-mini", "openai/gpt-4o-mini", "azure/gpt-4o-mini"},
		"gemini-flash":                     {"google/gemini-2.5-flash", "google/gemini-2.5-flash", "google/gemini-2.5-flash by gemini-3.5-flash-lite"},
		"gemini-flash-lite":                {"google/gemini-2.5-flash-lite"},
		"gemini-pro":                       {"google/gemini-2.5-pro", "google/gemini-2.5-pro", "google/gemini-2.5-pro by gemini-3.8-flash"},
		"deepseek-reasoner":                {"deepseek/deepseek-reasoner", "deepseek/deepseek-v4-pro", "deepseek/deepseek-v4-pro"},
		"deepseek-flash":                   {"deepseek/deepseek-flash"},
		"openrouter-free":                  {"openrouter/openrouter/free"},
		"Claude Opus 4.7":                  {"anthropic/claude-opus-4-7"},
		"o3":                               {"openai/o3", "openai/o3", "azure/o3"},
		"o4-mini":                          {"openai/o4-mini", "azure/o4-mini", "azure/o4-mini"},
		"DeepSeek Reasoner R1":             {"deepseek/deepseek-reasoner", "openrouter/deepseek/deepseek-r1", "openrouter/deepseek/deepseek-r1"},
		"Gemini 3 Pro":                     {"google/gemini-3-pro-preview by gemini-3.1-pro-preview"},
		"Claude Sonnet 4.6":                {"anthropic/claude-sonnet-4-6"},
		"GPT-4o":                           {"openai/gpt-4o", "openai/gpt-4o", "404: gpt-6-luna"},
		"DeepSeek V3.2":                    {"openrouter/deepseek/deepseek-v3.2"},
		"DeepSeek V4 Flash":                {"deepseek/deepseek-v4-flash", "deepseek/deepseek-v4-flash by deepseek-flash", "deepseek/deepseek-v4-flash by deepseek-flash"},
		"Gemini 2.5 Flash":                 {"google/gemini-2.5-flash", "google/gemini-2.5-flash", "google/gemini-2.5-flash by gemini-3.5-flash-lite"},
		"Gemini 2.5 Pro":                   {"google/gemini-2.5-pro", "google/gemini-2.5-pro", "google/gemini-2.5-pro by gemini-3.8-flash"},
		"Claude Haiku 4.5":                 {"anthropic/claude-haiku-4-5"},
		"GPT-4o Mini":                      {"openai/gpt-4o-mini", "openai/gpt-4o-mini", "404: gpt-6-luna"},
		"Gemini 2.5 Flash Lite":            {"google/gemini-2.5-flash-lite"},
		"Qwen Coder (free via NVIDIA, 1M)": {"nvidia/qwen/qwen3-coder-480b-a35b-instruct"},
		"Kimi-K2 Thinking (1M, free)":      {"openrouter/moonshotai/kimi-k2-thinking"},
		"DeepSeek Reasoner 0528":           {"openrouter/deepseek/deepseek-r1-0528"},
		"Qwen 3.5 Plus (Coder)":            {"alibaba/qwen3.5-plus"},
		"Kimi-K2 Instruct":                 {"nvidia/moonshotai/kimi-k2-instruct-0905"},
		"OpenRouter Free":                  {"openrouter/openrouter/free"},
	}
	// Without the clouds, names of models that their makers have ended lead nowhere.
	withoutClouds := maps.Clone(everywhere)
	for name, is := range map[string][]string{
		"gpt-4o":      {"openai/gpt-4o", "openai/gpt-4o", "404: gpt-6-luna"},
		"gpt-4o-mini": {"openai/gpt-4o-mini", "openai/gpt-4o-mini", "404: gpt-6-luna"},
		"o3":          {"openai/o3", "openai/o3", "404: gpt-5.6-sol"},
		"o4-mini":     {"openai/o4-mini", "404: gpt-5.6-terra", "404: gpt-5.6-terra"},
	} {
		withoutClouds[name] = is
	}
	names, err := catalog.DescribedNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, setup := range []struct {
		providers string
		want      map[string][]string
	}{{vendors + clouds, everywhere}, {vendors, withoutClouds}} {
		got := map[string][]string{}
		for _, date := range dates {
			w := newWorld(t, date, setup.providers)
			for _, d := range names {
				is := w.stands(t, d.As)
				got[d.As] = append(got[d.As], is)
				if instead, refused := strings.CutPrefix(is, "404: "); refused {
					if by := w.stands(t, instead); by != "openai/"+instead {
						t.Errorf("%s: %q is to be replaced by %q: %s", date, d.As, instead, by)
					}
				}
			}
		}
		for name, days := range got {
			if len(slices.Compact(slices.Clone(days))) == 1 {
				got[name] = days[:1]
			}
		}
		if d := cmp.Diff(setup.want, got); d != "" {
			t.Error(d)
		}
	}
}
