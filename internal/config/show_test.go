package config_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v4"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/router/rule"
)

func TestShowMasksEverySecretAndNamesSources(t *testing.T) {
	t.Parallel()
	c, _, err := load(`
database: postgres://ada:hunter2@db/oido?sslpassword=hunter2
redis: redis://:hunter2@cache
secret_key: hunter2
keys: [{key: hunter2-hunter2-hunter2-x, user: ada}]
providers:
  openai: {api_keys: [hunter2, hunter2b], headers: {X-Key: hunter2}, proxy: "http://u:hunter2@p:1"}
`, map[string]string{"OIDO_LOG_LEVEL": "warn"}, map[string]string{"listen": ":0"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := config.Show(c)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("hunter2")) {
		t.Errorf("a secret is shown:\n%s", out)
	}
	for _, line := range []string{
		`database: postgres://ada:***@db/oido?***`, `level: warn # from OIDO_LOG_LEVEL`, `listen: :0 # from --listen`, `body_limit: 32MiB`, `raw_days: 30`,
	} {
		if !strings.Contains(string(out), line) {
			t.Errorf("no %s in:\n%s", line, out)
		}
	}
}

func TestSecretIsMaskedHoweverItIsPrinted(t *testing.T) {
	t.Parallel()
	k := config.Key{Key: "hunter2", User: "ada"}
	p := config.Provider{APIKeys: []config.Secret{"hunter2"}, Proxy: "http://u:hunter2@h"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k.Key, "proxy", p.Proxy, "all", k)
	raw, err := json.Marshal([]any{k, p.APIKeys, p.Proxy})
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(raw)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb+verb+verb, k, p, k.Key)
	}
	if strings.Contains(all, "hunter2") || strings.Contains(all, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("a secret is printed: %s", all)
	}
}

// withoutSecrets is a configuration that uses every shape, so that what Show
// writes reads back as the same.
const withoutSecrets = `
listen: ":8081"
trusted_proxies: [10.0.0.0/8, "::1"]
cors_origins: ["*"]
capture: on
ledger: {sync: 1s, on_full: serve}
providers:
  a: {type: openai, base_url: http://h/v1, formats: {chat: "", messages: http://h/m}, timeout: {idle: 90s}, orgs: [acme],
      discount: 15%, models: [{id: "1.5", tools: false, price: {input: 0.15, output: 0}}]}
  b: {type: openai, base_url: http://h/v1, formats: [chat]}
aliases: {"off": a/m, "gpt-4.1": [a/m, b/m], "with space": b/m}
classes: {reasoning: {chain: a/m}}
workloads:
  w: {class: reasoning, chain: [a/m], timeout: 5m, retry: {attempts: 2}, escalate: {to: [b/m], on: [failure]}, when: 'agent == "b"'}
limits: [{org: acme, usd_per_day: 20.5, tokens_per_minute: 10}]
`

func TestShowReadsBack(t *testing.T) {
	t.Parallel()
	first, _ := mustLoad(t, withoutSecrets, nil)
	out, err := config.Show(first)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := load(string(out), nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	same := cmp.Options{
		cmpopts.IgnoreFields(config.Config{}, "Sources", "Digest"),
		cmpopts.EquateEmpty(), cmpopts.EquateComparable(config.Network{}),
		cmp.Comparer(func(a, b *rule.Rule) bool { return a.String() == b.String() }),
	}
	if diff := cmp.Diff(first, second, same); diff != "" {
		t.Errorf("(-first +second):\n%s\n%s", diff, out)
	}
}

func TestSchemaAcceptsWhatLoads(t *testing.T) {
	t.Parallel()
	resolved, err := config.Schema().Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := config.Show(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(example), withoutSecrets, string(shown)} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(v); err != nil {
			t.Errorf("refused: %v\n%s", err, text)
		}
	}
	for _, text := range []string{"listne: x", "log: {level: loud}", "retention: {raw_days: 0}", "keys: {}", "providers: {a: {timeout: soon}}", "limits: [{usd: 3}]"} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(v); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
	raw, err := config.SchemaJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"default": "127.0.0.1:8080"`, `"description": "address to serve on, HOST:PORT"`, `"default": true`} {
		if !strings.Contains(string(raw), part) {
			t.Errorf("no %s in the schema", part)
		}
	}
}

func TestScalarsCoverTheFile(t *testing.T) {
	t.Parallel()
	byPath, flags := map[string]config.Scalar{}, map[string]bool{}
	for _, s := range config.Scalars() {
		byPath[s.Path] = s
		if flags[s.Flag] {
			t.Errorf("flag %s twice", s.Flag)
		}
		flags[s.Flag] = true
		if s.Help == "" {
			t.Errorf("%s has no help", s.Path)
		}
	}
	type said struct{ Env, Flag, Default string }
	for path, want := range map[string]said{
		"listen":             {"OIDO_LISTEN", "listen", "127.0.0.1:8080"},
		"log.level":          {"OIDO_LOG_LEVEL", "log-level", "info"},
		"tls.cert":           {"OIDO_TLS_CERT", "tls-cert", ""},
		"retention.raw_days": {"OIDO_RETENTION_RAW_DAYS", "retention-raw-days", "30"},
		"body_limit":         {"OIDO_BODY_LIMIT", "body-limit", "32MiB"},
		"auto.confidence":    {"OIDO_AUTO_CONFIDENCE", "auto-confidence", "0.8"},
		"ledger.sync":        {"OIDO_LEDGER_SYNC", "ledger-sync", "off"},
		"cors_origins":       {"OIDO_CORS_ORIGINS", "cors-origins", ""},
	} {
		s, ok := byPath[path]
		if got := (said{s.Env, s.Flag, s.Default}); !ok || got != want {
			t.Errorf("%s = %+v, want %+v", path, got, want)
		}
	}
	// The default of every scalar, said as a flag, is the default.
	given := map[string]string{}
	for _, s := range config.Scalars() {
		given[s.Flag] = s.Default
	}
	c, _, err := load("", nil, given)
	if err != nil {
		t.Fatal(err)
	}
	if got := config.RestartNeeded(config.Default(), c); len(got) > 0 {
		t.Errorf("changed: %v", got)
	}
}

func TestRestartNeeded(t *testing.T) {
	t.Parallel()
	a, _ := mustLoad(t, "", nil)
	b, _ := mustLoad(t, "listen: :1\nlog: {level: debug, format: json}\nledger: {sync: always}\nretention: {raw_days: 1, reasoning_days: 1}\n", nil)
	if diff := cmp.Diff([]string{"listen", "log.format", "retention.raw_days", "retention.reasoning_days", "ledger.sync"}, config.RestartNeeded(a, b)); diff != "" {
		t.Error(diff)
	}
}
