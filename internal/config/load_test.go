package config_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/config"
)

var types = map[string]config.ProviderType{
	"openai":    {Type: "openai", Built: true},
	"anthropic": {Type: "anthropic", Built: true},
	"gemini":    {Type: "gemini", Built: true},
	"google":    {Type: "gemini", Built: true},
	"nvidia":    {Type: "nvidia"},
}

// load reads text as the file oido.yaml, with the given environment and files.
func load(text string, env map[string]string, flags map[string]string) (*config.Config, []config.Warning, error) {
	return config.Load(options(text, env, flags))
}

func options(text string, env, flags map[string]string) config.Options {
	return config.Options{
		File:          "oido.yaml",
		LookupEnv:     func(n string) (string, bool) { v, ok := env[n]; return v, ok },
		Flags:         flags,
		ProviderTypes: types,
		EnvProviders: []config.EnvProvider{
			{Name: "openai", Type: "openai", Vars: []string{"OPENAI_API_KEY"}},
			{Name: "google", Type: "google", Vars: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}},
			{Name: "nvidia", Type: "nvidia", Vars: []string{"NVIDIA_API_KEY"}},
		},
		ReadFile: func(path string, _ int) ([]byte, error) {
			switch path {
			case "oido.yaml":
				return []byte(text), nil
			case "key.txt", "/run/secrets/key":
				return []byte("from-a-file-0123456789abcdef\n"), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
}

func mustLoad(t *testing.T, text string, env map[string]string) (*config.Config, []string) {
	t.Helper()
	c, warnings, err := load(text, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, w := range warnings {
		out = append(out, w.String())
	}
	return c, out
}

func TestContractExampleIsAccepted(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"OIDO_ADMIN_KEY": "an-admin-key-of-32-characters-00", "OPENAI_API_KEY": "sk-o",
		"ANTHROPIC_KEY_A": "sk-a", "ANTHROPIC_KEY_B": "sk-b", "GEMINI_API_KEY": "g", "NVIDIA_API_KEY": "n",
	}
	c, warnings := mustLoad(t, string(example), env)
	zero := config.NanoUSD(0)
	tools := true
	want := config.DefaultProvider()
	want.Type, want.BaseURL, want.APIKey = "openai", "http://127.0.0.1:8000/v1", "none"
	want.Formats = config.Formats{{Name: "chat"}}
	want.Models = []config.Model{{ID: "qwen3-coder", Tier: "specialist", Context: 262144, Tools: &tools, Price: &config.Price{Input: &zero, Output: &zero}}}
	got, _ := c.Providers.Get("my-vllm")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("my-vllm (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"openai", "anthropic", "google", "my-vllm"}, c.Providers.Names()); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	anthropic, _ := c.Providers.Get("anthropic")
	if diff := cmp.Diff([]config.Secret{"sk-a", "sk-b"}, anthropic.Keys()); diff != "" {
		t.Errorf("keys of anthropic (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]config.Key{{Key: "an-admin-key-of-32-characters-00", Org: "acme", User: "ada@acme.example", Role: "admin"}}, c.Keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	wantWarnings := []string{
		`oido.yaml:28:3: providers.nvidia: is off: providers of type nvidia aren't built yet`,
		`oido.yaml:42:85: workloads.wiki-ingest.chain[1]: "nvidia/deepseek-ai/deepseek-v4-flash" is skipped: provider nvidia is off, providers of type nvidia aren't built yet`,
	}
	if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	var gaps []string
	for _, g := range c.NotBuilt() {
		gaps = append(gaps, g.Field)
		if g.Fatal {
			t.Errorf("fatal: %s", g)
		}
	}
	if diff := cmp.Diff([]string{"limits"}, gaps); diff != "" {
		t.Errorf("not built (-want +got):\n%s", diff)
	}
}

func TestExampleWithoutAnyKeySaysWhatIsOff(t *testing.T) {
	t.Parallel()
	example, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, warnings := mustLoad(t, string(example), nil)
	if len(c.Keys) != 0 || !c.KeysListed {
		t.Errorf("keys = %v, listed = %v", c.Keys, c.KeysListed)
	}
	off := map[string]string{}
	for _, p := range c.ProvidersOff {
		off[p.Name] = p.Reason
	}
	want := map[string]string{
		"openai":    "its api_key expands to nothing",
		"anthropic": "its api_keys expand to nothing",
		"google":    "its api_key expands to nothing",
		"nvidia":    "providers of type nvidia aren't built yet",
	}
	if diff := cmp.Diff(want, off); diff != "" {
		t.Errorf("off (-want +got):\n%s", diff)
	}
	if all := strings.Join(warnings, "\n"); !strings.Contains(all, "keys[0]: is off: its key expands to nothing") {
		t.Errorf("no warning of the key in:\n%s", all)
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "---\n", "keys:\nproviders:\n"} {
		c, warnings := mustLoad(t, text, nil)
		if len(warnings) > 0 {
			t.Errorf("%q: warnings %v", text, warnings)
		}
		want := config.Default()
		want.ProvidersFromEnv, want.Sources = true, map[string]config.Source{}
		want.Files, want.Digest = c.Files, c.Digest
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	file := "log: {level: debug, format: json}\nlisten: 127.0.0.1:1\ncors_origins: [https://a.example]\n"
	env := map[string]string{"OIDO_LISTEN": "127.0.0.1:2", "OIDO_LOG_LEVEL": "warn", "OIDO_LOG_FORMAT": "", "OIDO_CORS_ORIGINS": "https://b.example, *"}
	c, _, err := load(file, env, map[string]string{"listen": "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	type said struct {
		Listen, Level, Format string
		CORS                  []string
		From                  config.Source
	}
	got := said{c.Listen, c.Log.Level, c.Log.Format, c.CORSOrigins, c.Sources["log.level"]}
	want := said{"127.0.0.1:3", "warn", "json", []string{"https://b.example", "*"}, config.Source{Kind: config.FromEnv, Name: "OIDO_LOG_LEVEL"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExpansion(t *testing.T) {
	t.Parallel()
	env := map[string]string{"KEY": "sk-${OTHER}", "PORT": "9999", "LIMIT": "1MiB"}
	c, _ := mustLoad(t, `
listen: "127.0.0.1:${PORT}"
body_limit: ${LIMIT}
public_url: ""
data_dir: a$${PORT}b$c
keys:
  - {key: "${file:key.txt}", user: ada}
  - {key: "${file:/run/secrets/key}x", user: bob}
providers:
  openai: {api_key: "${KEY}", headers: {X-Team: "${PORT}"}}
`, env)
	openai, _ := c.Providers.Get("openai")
	type said struct {
		Listen, Dir string
		Limit       config.Bytes
		Keys        []config.Key
		API         config.Secret
		Header      string
		Files       []string
	}
	got := said{c.Listen, c.DataDir, c.BodyLimit, c.Keys, openai.APIKey, openai.Headers[0].Value.Reveal(), c.Files}
	want := said{
		"127.0.0.1:9999", "a${PORT}b$c", 1 << 20,
		[]config.Key{
			{Key: "from-a-file-0123456789abcdef", Org: "default", User: "ada", Role: "member"},
			{Key: "from-a-file-0123456789abcdefx", Org: "default", User: "bob", Role: "member"},
		},
		"sk-${OTHER}", "9999",
		[]string{"oido.yaml", "key.txt", "/run/secrets/key"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestProvidersFromEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OPENAI_API_KEY": "sk-1", "GOOGLE_API_KEY": " g ", "NVIDIA_API_KEY": "n"}
	c, warnings := mustLoad(t, "listen: 127.0.0.1:0\n", env)
	var got []string
	for _, p := range c.Providers {
		got = append(got, p.Name+" "+p.Value.Type+" "+p.Value.APIKey.Reveal())
	}
	if diff := cmp.Diff([]string{"openai openai sk-1", "google gemini g"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"NVIDIA_API_KEY: provider nvidia is off: providers of type nvidia aren't built yet"}, warnings); diff != "" {
		t.Error(diff)
	}
	c, _ = mustLoad(t, "providers: {}\n", env)
	if len(c.Providers) != 0 || c.ProvidersFromEnv {
		t.Errorf("a file that names no providers on purpose got %v", c.Providers.Names())
	}
}

func TestProviderShapes(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, `
providers:
  a: {type: openai, base_url: http://h/v1, formats: {chat: "", messages: http://h/anthropic}, timeout: 90s}
  b: {type: openai, base_url: http://h/v1, timeout: {idle: 1m30s}, models_ttl: 1h, discount: 12.5%,
      models: [{id: m, price: {input: 0.15, output: "1.000000001", cache_read: 3}}]}
aliases: {x: a/m, y: [a/m, b/m]}
`, nil)
	a, _ := c.Providers.Get("a")
	b, _ := c.Providers.Get("b")
	def := config.DefaultProvider().Timeout
	wantA, wantB := def, def
	wantA.Total, wantB.Idle = 90*time.Second, 90*time.Second
	if diff := cmp.Diff([]config.Timeout{wantA, wantB}, []config.Timeout{a.Timeout, b.Timeout}); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config.Formats{{Name: "chat"}, {Name: "messages", URL: "http://h/anthropic"}}, a.Formats); diff != "" {
		t.Error(diff)
	}
	in, out, read := config.NanoUSD(150_000_000), config.NanoUSD(1_000_000_001), config.NanoUSD(3_000_000_000)
	if diff := cmp.Diff(&config.Price{Input: &in, Output: &out, CacheRead: &read}, b.Models[0].Price); diff != "" {
		t.Error(diff)
	}
	if b.Discount != 125_000 || b.ModelsTTL != time.Hour {
		t.Errorf("discount %d, ttl %s", b.Discount, b.ModelsTTL)
	}
	want := config.Named[config.Chain]{{Name: "x", Value: config.Chain{"a/m"}}, {Name: "y", Value: config.Chain{"a/m", "b/m"}}}
	if diff := cmp.Diff(want, c.Aliases); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	_, _, err := config.Load(config.Options{File: t.TempDir() + "/none.yaml"})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error = %v", err)
	}
	if _, _, err := config.Load(config.Options{File: t.TempDir()}); err == nil {
		t.Error("a folder was read as a file")
	}
}

func TestPostgresIsFatal(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, "database: postgres://u:p@db/oido\n", nil)
	gaps := c.NotBuilt()
	if len(gaps) != 1 || !gaps[0].Fatal || gaps[0].Field != "database" {
		t.Errorf("gaps = %v", gaps)
	}
}

// TestWhatHasNoEffectIsSaid: a field that is taken and that nobody reads would be
// believed to work.
func TestWhatHasNoEffectIsSaid(t *testing.T) {
	t.Parallel()
	for field, text := range map[string]string{
		"trusted_proxies": "trusted_proxies: [10.0.0.0/8]\n",
		"cors_origins":    "cors_origins: [https://app.example]\n",
		"redis":           "redis: redis://cache\n",
		"capture":         "capture: on\n",
		"media.fetch":     "media: {fetch: on}\n",
		"baseline":        "baseline: openai/gpt-4o\n",
	} {
		c, _ := mustLoad(t, text, nil)
		gaps := c.NotBuilt()
		if len(gaps) != 1 || gaps[0].Field != field || gaps[0].Fatal || gaps[0].Text == "" {
			t.Errorf("%s: %v", field, gaps)
		}
	}
}
