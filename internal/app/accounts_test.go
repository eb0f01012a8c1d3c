package app

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
)

// TestEveryTypeHasAReadableCatalog reads what is known of the models of each type:
// an entry that can't be read would take the models of all accounts away.
func TestEveryTypeHasAReadableCatalog(t *testing.T) {
	profiles, err := provider.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if _, err := catalog.NewView([]catalog.Account{{Name: p.Type, Catalog: p.Catalog}}); err != nil {
			t.Errorf("%s: %v", p.Type, err)
		}
	}
}

// loaded reads a file with the types that this server has.
func loaded(t *testing.T, text string, env map[string]string) (*config.Config, []config.Warning, error) {
	t.Helper()
	o, err := ConfigOptions(config.Options{
		File:      "oido.yaml",
		LookupEnv: func(n string) (string, bool) { v, ok := env[n]; return v, ok },
		ReadFile:  func(string, int) ([]byte, error) { return []byte(text), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return config.Load(o)
}

// TestCloudsTakeTheirOptionsFromTheEnvironment has accounts of the clouds said in
// the file, in the environment, and half in each.
func TestCloudsTakeTheirOptionsFromTheEnvironment(t *testing.T) {
	aws := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "t0ken", "AWS_REGION": "eu-west-1"}
	for _, c := range []struct {
		name, text string
		env        map[string]string
		on         string            // the provider that is there; "": none
		settings   map[string]string // of it
		keys       int
		off        string // why one is off
	}{
		{"bedrock named", "providers: {bedrock: {}}", aws, "bedrock", map[string]string{"region": "eu-west-1", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "s3cret", "session_token": "t0ken"}, 0, ""},
		{"the file's key alone", "providers: {bedrock: {api_key: k, region: us-east-1}}", aws, "bedrock", map[string]string{"region": "us-east-1"}, 1, ""},
		{"no key is looked for that isn't meant", "", aws, "", nil, 0, ""},
		{"bedrock by its own key", "", map[string]string{"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_DEFAULT_REGION": "us-east-1"}, "bedrock", map[string]string{"region": "us-east-1"}, 1, ""},
		{"bedrock without a region", "providers: {bedrock: {api_key: k}}", nil, "", nil, 0, "it has no region"},
		{"azure", "", map[string]string{"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://res.openai.azure.com/"}, "azure", map[string]string{}, 1, ""},
		{"azure without an address", "", map[string]string{"AZURE_API_KEY": "k"}, "", nil, 0, "it has no resource"},
		{"azure by Entra", "providers: {azure: {resource: res, tenant_id: t, client_id: c, client_secret: s}}", nil, "azure", map[string]string{"resource": "res", "tenant_id": "t", "client_id": "c", "client_secret": "s"}, 0, ""},
		{"vertex", "", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": "/etc/sa.json", "GOOGLE_CLOUD_PROJECT": "p"}, "google-vertex", map[string]string{"credentials": "/etc/sa.json", "project": "p"}, 0, ""},
		{"vertex without a project", "", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": "/etc/sa.json"}, "", nil, 0, "it has no project"},
	} {
		cfg, _, err := loaded(t, c.text, c.env)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if c.on == "" && len(cfg.Providers) > 0 || (c.off == "") != (len(cfg.ProvidersOff) == 0) || c.off != "" && !strings.Contains(cfg.ProvidersOff[0].Reason, c.off) {
			t.Errorf("%s: on %v, off %v", c.name, cfg.Providers, cfg.ProvidersOff)
		}
		if c.on == "" {
			continue
		}
		p, ok := cfg.Providers.Get(c.on)
		if d := cmp.Diff(c.settings, p.Settings()); !ok || d != "" || len(p.Keys()) != c.keys {
			t.Errorf("%s: %t, %d keys, %s", c.name, ok, len(p.Keys()), d)
		}
		shown, err := config.Show(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"s3cret", "t0ken"} {
			if strings.Contains(string(shown), secret) {
				t.Errorf("%s: shows a secret:\n%s", c.name, shown)
			}
		}
	}
}

func TestAnOptionOfAnotherTypeIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"providers: {anthropic: {api_key: k, region: us-east-1}}":                               "providers.anthropic.region",
		"providers: {bedrock: {api_key: k, region: r, deployments: {a: b}}}":                    "providers.bedrock.deployments",
		`providers: {vertex: {project: p, token: "two words"}}`:                                 "token",
		"providers: {azure: {base_url: 'ftp://res.example', api_key: k}}":                       "base_url",
		"providers: {azure: {resource: res, api_key: k, deployments: {gpt-4o: {not: a name}}}}": "deployments",
		"providers: {vertex: {project: p, location: eu, credentials: x, regoin: y}}":            "regoin",
	} {
		if _, _, err := loaded(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// On the day on which models end, those that replace them are in their places, and
// the log is told of each place once a day.
func TestADayBegins(t *testing.T) {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var clock atomic.Int64
	set := func(at time.Time) time.Time { clock.Store(at.Unix()); return at }
	set(day("2026-10-20"))
	var log bytes.Buffer
	cfg, _, err := loaded(t, "data_dir: "+t.TempDir()+`
keys: [{key: first-key-of-twenty-four-characters, org: acme, user: ada, role: admin}]
providers: {openai: {formats: {chat: "http://127.0.0.1:1/v1"}, api_key: k}}
replace: auto
workloads: {support: {chain: [openai/gpt-4]}}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg, Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return time.Unix(clock.Load(), 0).UTC() }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, _, err := s.PutPolicy(t.Context(), httpapi.PolicyEntry{Org: "acme", Section: "aliases", Name: "old", Settings: []byte(`{"chain":["gpt-4"]}`)}, 0); err != nil {
		t.Fatal(err)
	}
	s.WaitLists(t.Context()) // it can't be read, so the log isn't written meanwhile
	for _, c := range []struct {
		day, model        string
		ofFile, ofOrg     int // how often the log is told of the file's place, and of the org's
		ending, isRetired int
	}{
		{"2026-10-20", "openai/gpt-4", 0, 1, 1, 0},
		{"2026-10-21", "openai/gpt-4", 1, 1, 2, 0},
		{"2026-10-23", "openai/gpt-5.6-sol", 1, 1, 0, 2},
		{"2026-10-23", "openai/gpt-5.6-sol", 0, 0, 0, 0},
	} {
		log.Reset()
		now := set(day(c.day))
		s.newDay()
		st := s.gateway.State()
		for _, name := range []string{"workload/support", "old"} {
			d, err := router.Plan(&router.Facts{Model: name}, st.RoutesOf("acme"), router.Now{Time: now})
			if err != nil || d.Candidates[0].Name() != c.model {
				t.Errorf("%s: %s is %v, %v", c.day, name, d.Candidates, err)
			}
		}
		text := log.String()
		if got := strings.Count(text, "place=workloads.support.chain"); got != c.ofFile {
			t.Errorf("%s: told %d times of the file's place: %s", c.day, got, text)
		}
		if got := strings.Count(text, "org=acme place=aliases.old"); got != c.ofOrg {
			t.Errorf("%s: told %d times of the org's place: %s", c.day, got, text)
		}
		if ending, over := strings.Count(text, "ends soon"), strings.Count(text, "takes its place"); ending != c.ending || over != c.isRetired {
			t.Errorf("%s: %d end, %d are over: %s", c.day, ending, over, text)
		}
	}
}
