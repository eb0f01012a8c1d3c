package config

import (
	"reflect"
	"slices"
	"time"
)

// Provider is one upstream account.
type Provider struct {
	Type      string        `yaml:"type" doc:"kind of provider; by default the provider's name when it is one"`
	BaseURL   string        `yaml:"base_url" doc:"overrides the type's address, written as that vendor's own SDK takes it"`
	APIKey    Secret        `yaml:"api_key" doc:"the account's key; none sends no key"`
	APIKeys   []Secret      `yaml:"api_keys" doc:"several keys of the account, used in turn"`
	Formats   Formats       `yaml:"formats" doc:"wire formats that the address speaks: chat, responses, messages, gemini, converse (bedrock); or a map of format to address"`
	Models    []Model       `yaml:"models" doc:"models declared by hand"`
	ModelsTTL time.Duration `yaml:"models_ttl" min:"1000000000" doc:"how long the provider's model list is believed"`
	Headers   Named[Secret] `yaml:"headers" doc:"headers added to every request"`
	Timeout   Timeout       `yaml:"timeout" doc:"limits in time, or one duration for the total"`
	Limits    Quota         `yaml:"limits" doc:"what this account may be asked"`
	Free      Free          `yaml:"free" doc:"what this account gets for nothing"`
	Weight    int           `yaml:"weight" min:"1" max:"1000" doc:"share of this provider where several serve the same model"`
	Proxy     SecretURL     `yaml:"proxy" doc:"HTTP or SOCKS5 proxy for this provider"`
	CAFile    string        `yaml:"ca_file" doc:"file of certificate authorities to trust as well, PEM"`
	Orgs      []string      `yaml:"orgs" doc:"orgs that may use this provider; empty: all"`
	Discount  Fraction      `yaml:"discount" doc:"part of the list price that isn't paid, like 0.15 or 15%"`
	Cloud     `yaml:",inline"`
}

// Cloud holds the options that only the large clouds' types take.
type Cloud struct {
	Resource    string        `yaml:"resource" doc:"azure-openai: name of the resource, the first part of its address"`
	APIVersion  string        `yaml:"api_version" doc:"azure-openai: calls the dated paths in this version instead of the v1 paths"`
	Deployments Named[string] `yaml:"deployments" doc:"azure-openai: deployment by model, where its name isn't the model's"`
	TenantID    string        `yaml:"tenant_id" doc:"azure-openai: directory of an Entra application"`
	ClientID    string        `yaml:"client_id" doc:"azure-openai: id of an Entra application"`
	Secret      Secret        `yaml:"client_secret" doc:"azure-openai: secret of an Entra application"`
	Authority   string        `yaml:"authority" doc:"azure-openai: where Entra is, by default https://login.microsoftonline.com"`

	Project     string `yaml:"project" doc:"vertex: id of the project"`
	Location    string `yaml:"location" doc:"vertex: region, multi-region or global; by default global"`
	Credentials Secret `yaml:"credentials" doc:"vertex: a service account's JSON file, or the path to it"`

	Token     Secret `yaml:"token" doc:"azure-openai, vertex: an access token made elsewhere"`
	TokenFile string `yaml:"token_file" doc:"azure-openai, vertex: file with an access token that another program keeps up to date"`

	Region          string `yaml:"region" doc:"bedrock: AWS region"`
	AccessKeyID     string `yaml:"access_key_id" doc:"bedrock: id of an AWS access key"`
	SecretAccessKey Secret `yaml:"secret_access_key" doc:"bedrock: secret of an AWS access key"`
	SessionToken    Secret `yaml:"session_token" doc:"bedrock: session token of a temporary AWS access key"`
}

// Keys returns the account's keys in order, without empty ones and without the
// word "none", which says that no key is sent.
func (p Provider) Keys() []Secret {
	var keys []Secret
	for _, k := range append([]Secret{p.APIKey}, p.APIKeys...) {
		if k != "" && k != "none" {
			keys = append(keys, k)
		}
	}
	return keys
}

// Secrets returns all that nobody may see of the account.
func (p Provider) Secrets() []Secret {
	out := p.Keys()
	for _, s := range []Secret{p.Secret, p.Token, p.SecretAccessKey, p.SessionToken} {
		if s != "" {
			out = append(out, s)
		}
	}
	for _, h := range p.Headers {
		if h.Value != "" {
			out = append(out, h.Value)
		}
	}
	return out
}

// IsSecret says whether an option of a provider holds what nobody may see.
func IsSecret(option string) bool {
	return slices.ContainsFunc(fieldsOf(reflect.TypeFor[Provider]()), func(f field) bool {
		return f.name == option && f.typ == reflect.TypeFor[Secret]()
	})
}

// ProviderOff is a provider that the file names but that can't be used.
type ProviderOff struct {
	Name, Type string
	// Reason is a sentence's end, like "its api_key expands to nothing".
	Reason string
}

// Model is a model declared by hand, where the provider's list or the catalog
// doesn't know it or is wrong. A field that isn't given is taken from there.
type Model struct {
	ID         string   `yaml:"id" doc:"the model's id as the provider takes it"`
	Tier       string   `yaml:"tier" enum:"frontier,balanced,fast,specialist" doc:"tier: frontier, balanced, fast or specialist"`
	Context    int64    `yaml:"context" min:"1" doc:"context window in tokens"`
	MaxOutput  int64    `yaml:"max_output" min:"1" doc:"most output tokens"`
	Tools      *bool    `yaml:"tools" doc:"can call tools"`
	Reasoning  *bool    `yaml:"reasoning" doc:"can reason before it answers"`
	Structured *bool    `yaml:"structured_output" doc:"can be held to a JSON schema"`
	In         []string `yaml:"in" enum:"text,image,pdf,audio,video" doc:"what it reads: text, image, pdf, audio, video"`
	Price      *Price   `yaml:"price" doc:"prices in USD per 1,000,000 tokens"`
}

// Price is a model's price in [NanoUSD] per 1,000,000 tokens. A price that
// isn't given is nil: unknown, not zero.
type Price struct {
	Input        *NanoUSD `yaml:"input" doc:"input tokens"`
	Output       *NanoUSD `yaml:"output" doc:"output tokens"`
	CacheRead    *NanoUSD `yaml:"cache_read" doc:"input tokens read from the provider's cache"`
	CacheWrite   *NanoUSD `yaml:"cache_write" doc:"input tokens written to the provider's cache for 5 minutes"`
	CacheWrite1h *NanoUSD `yaml:"cache_write_1h" doc:"input tokens written to the provider's cache for an hour"`
	Reasoning    *NanoUSD `yaml:"reasoning" doc:"reasoning tokens, where they cost other than output"`
	InputAudio   *NanoUSD `yaml:"input_audio" doc:"audio input tokens"`
	OutputAudio  *NanoUSD `yaml:"output_audio" doc:"audio output tokens"`
}

// Timeout limits an attempt in time; zero is no limit of its own.
type Timeout struct {
	Connect   time.Duration `yaml:"connect" doc:"until the connection stands"`
	FirstByte time.Duration `yaml:"first_byte" doc:"until the answer begins"`
	Idle      time.Duration `yaml:"idle" doc:"between two pieces of a streamed answer"`
	Total     time.Duration `yaml:"total" doc:"until the answer is whole"`
}

// Free is what an account gets for nothing; zero is not given.
type Free struct {
	RequestsPerMinute int64 `yaml:"requests_per_minute" min:"0" doc:"requests a minute"`
	RequestsPerDay    int64 `yaml:"requests_per_day" min:"0" doc:"requests a day"`
	TokensPerMinute   int64 `yaml:"tokens_per_minute" min:"0" doc:"tokens a minute"`
	TokensPerDay      int64 `yaml:"tokens_per_day" min:"0" doc:"tokens a day"`
}

// Settings returns the options of [Cloud] that are said, by their names in the
// file. Deployments are no text and left out.
func (p Provider) Settings() map[string]string {
	out := map[string]string{}
	v := reflect.ValueOf(p.Cloud)
	for _, f := range fieldsOf(v.Type()) {
		if text := v.FieldByIndex(f.index); text.Kind() == reflect.String && text.String() != "" {
			out[f.name] = text.String()
		}
	}
	return out
}
