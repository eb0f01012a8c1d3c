package config

import (
	"crypto/sha256"
	"time"

	"github.com/oidostudio/oido/internal/router/rule"
)

// Config is the whole configuration. Each field's name in the file, meaning,
// allowed values and bounds stand in its tags; its default in [Default].
//
// Tags: yaml is the name; doc the meaning; enum the allowed values; min and max
// the bounds of a number; restart:"true" marks what a running server can't
// change. A Config is not changed once [Load] has returned it.
type Config struct {
	Listen         string          `yaml:"listen" restart:"true" doc:"address to serve on, HOST:PORT"`
	PublicURL      string          `yaml:"public_url" doc:"how browsers reach this server; needed behind a proxy"`
	TLS            TLS             `yaml:"tls" doc:"certificate to serve with"`
	TrustedProxies []Network       `yaml:"trusted_proxies" doc:"addresses whose X-Forwarded-… headers are believed"`
	DataDir        string          `yaml:"data_dir" restart:"true" doc:"folder of the embedded database, the spool and generated keys"`
	Database       SecretURL       `yaml:"database" restart:"true" doc:"sqlite, or postgres://user:pass@host/db"`
	Redis          SecretURL       `yaml:"redis" restart:"true" doc:"redis://…: limits and health shared by several nodes"`
	Log            Log             `yaml:"log" doc:"logging"`
	OpsListen      string          `yaml:"ops_listen" restart:"true" doc:"address of a port of their own for /metrics and pprof, HOST:PORT; without it /metrics needs a key"`
	SecretKey      Secret          `yaml:"secret_key" restart:"true" doc:"seals provider keys at rest; generated in the data folder when empty"`
	TimeZone       string          `yaml:"time_zone" restart:"true" doc:"time zone in which days are cut, like Europe/Berlin; fixed once turns exist"`
	BodyLimit      Bytes           `yaml:"body_limit" min:"1024" max:"536870912" doc:"largest request body"`
	Retention      Retention       `yaml:"retention" doc:"how long rows are kept; totals stay for good"`
	Responses      Responses       `yaml:"responses" doc:"the OpenAI Responses format"`
	Capture        Switch          `yaml:"capture" doc:"keep prompts and answers for the turn view"`
	Media          Media           `yaml:"media" doc:"images named by URL"`
	CORSOrigins    []string        `yaml:"cors_origins" doc:"origins whose pages may call /v1, like https://app.example; * for any"`
	Ledger         Ledger          `yaml:"ledger" doc:"how turns are kept"`
	Baseline       string          `yaml:"baseline" doc:"model against which savings are measured; empty: the strongest connected one of the same chain or class"`
	Keys           []Key           `yaml:"keys" doc:"static keys, for GitOps and tests"`
	Providers      Named[Provider] `yaml:"providers" doc:"upstream accounts; order matters where several list the same model"`
	Aliases        Named[Chain]    `yaml:"aliases" doc:"names for a model or a chain; may shadow a model's own name"`
	Classes        Named[Class]    `yaml:"classes" doc:"the chains of classes; by default the connected models of the class's tier, cheapest first"`
	Auto           Auto            `yaml:"auto" doc:"requests without a model"`
	Replace        string          `yaml:"replace" enum:"auto,warn,off" doc:"move to a retired model's named replacement: auto, warn or off"`
	Workloads      Named[Workload] `yaml:"workloads" doc:"named kinds of work"`
	Limits         []Limit         `yaml:"limits" doc:"limits and budgets"`

	// KeysListed says whether the file lists any key, those that are off
	// included: then no first-run key is made.
	KeysListed bool `yaml:"-"`
	// ProvidersOff are the providers of the file that are left out of
	// Providers, and why.
	ProvidersOff []ProviderOff `yaml:"-"`
	// ProvidersFromEnv says that the file has no providers section, so that
	// Providers are those found in the environment.
	ProvidersFromEnv bool `yaml:"-"`
	// Rules are the compiled when of workloads, by their names.
	Rules map[string]*rule.Rule `yaml:"-"`
	// Infeasible are chains that can lead to no model, unless a provider that isn't
	// in the configuration is connected too. Who knows that there is none refuses
	// the configuration with them.
	Infeasible Errors `yaml:"-"`
	// Sources says where each field that is not a default was said, by its
	// path ("log.level", "keys[0].role", "providers.openai.api_key").
	Sources map[string]Source `yaml:"-"`
	// Files are the files that were read: the configuration and what
	// ${file:…} names.
	Files []string `yaml:"-"`
	// Digest is a hash over the contents of Files as they were read.
	Digest [sha256.Size]byte `yaml:"-"`
}

// TLS names the certificate to serve with; both or neither.
type TLS struct {
	Cert string `yaml:"cert" restart:"true" doc:"file of the TLS certificate chain, PEM"`
	Key  string `yaml:"key" restart:"true" doc:"file of the TLS private key, PEM"`
}

// On says whether a certificate is configured.
func (t TLS) On() bool { return t.Cert != "" && t.Key != "" }

// Log says how the server logs.
type Log struct {
	Level  string `yaml:"level" enum:"debug,info,warn,error" doc:"least level that is logged: debug, info, warn or error"`
	Format string `yaml:"format" enum:"text,json" restart:"true" doc:"text or json"`
}

// Retention says for how many days rows are kept. Totals stay for good.
type Retention struct {
	RawDays       int `yaml:"raw_days" restart:"true" min:"1" max:"36500" doc:"days that single turns are kept"`
	ResponsesDays int `yaml:"responses_days" min:"1" max:"36500" doc:"days that answers are kept for previous_response_id"`
	ReasoningDays int `yaml:"reasoning_days" restart:"true" min:"1" max:"36500" doc:"days that sealed reasoning is kept for conversations that return"`
}

// Responses configures the OpenAI Responses format.
type Responses struct {
	Store bool `yaml:"store" doc:"keep answers for previous_response_id; off: such calls get 400"`
}

// Media configures what is done with images named by URL.
type Media struct {
	Fetch Switch `yaml:"fetch" doc:"fetch image URLs for providers that can't: public addresses only, 20 MB, 10 s"`
}

// Ledger configures how turns are kept.
type Ledger struct {
	Sync   SyncMode `yaml:"sync" restart:"true" doc:"when the spool is flushed to disk: off (survives process death), a duration like 1s, or always (survives power loss)"`
	OnFull string   `yaml:"on_full" enum:"refuse,serve" doc:"while the spool is at its cap: refuse (503), or serve (answer; unrecorded turns are counted and logged)"`
}

// Location returns the time zone in which days are cut.
func (c *Config) Location() *time.Location {
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		// Load has refused zones that don't load; only a Config built by hand gets here.
		return time.UTC
	}
	return loc
}
