package app

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// connected is one configured account with what the catalog must know of it.
type connected struct {
	account  *provider.Account
	declared []catalog.Model
	lists    *provider.Refresher // reads its model list
}

// ConfigOptions completes what the configuration must know of provider types.
func ConfigOptions(o config.Options) (config.Options, error) {
	profiles, err := provider.Profiles()
	if err != nil {
		return o, err
	}
	o.ProviderTypes = map[string]config.ProviderType{}
	for _, t := range laterTypes {
		for _, name := range t.names {
			o.ProviderTypes[name] = config.ProviderType{Type: t.names[0]}
		}
		if t.env != "" {
			o.EnvProviders = append(o.EnvProviders, config.EnvProvider{Name: t.names[len(t.names)-1], Type: t.names[0], Vars: []string{t.env}})
		}
	}
	for _, p := range profiles {
		for _, name := range append([]string{p.Type}, p.Aliases...) {
			o.ProviderTypes[name] = config.ProviderType{Type: p.Type, Built: true}
		}
		if len(p.Env) > 0 {
			o.EnvProviders = append(o.EnvProviders, config.EnvProvider{Name: p.AccountName(), Type: p.Type, Vars: p.Env})
		}
	}
	return o, nil
}

// laterTypes are accepted in a configuration and in the environment; their
// providers say that they are off. The last of the names is the catalog's.
var laterTypes = []struct {
	names []string
	env   string // the variable that holds a key, where a key is all it takes
}{
	{[]string{"nvidia"}, "NVIDIA_API_KEY"},
	{[]string{"mistral"}, "MISTRAL_API_KEY"},
	{[]string{"xai"}, "XAI_API_KEY"},
	{[]string{"groq"}, "GROQ_API_KEY"},
	{[]string{"together"}, "TOGETHER_API_KEY"},
	{[]string{"moonshot"}, "MOONSHOT_API_KEY"},
	{[]string{"dashscope", "alibaba"}, "DASHSCOPE_API_KEY"},
	{[]string{"azure-openai", "azure"}, ""},
	{[]string{"vertex", "google-vertex"}, ""},
	{[]string{"bedrock"}, ""},
}

// connect makes the accounts of a configuration, in its order; see
// provider.Options for public.
func connect(cfg *config.Config, public bool, now func() time.Time) ([]connected, error) {
	var out []connected
	providers := cfg.Providers
	if cfg.ProvidersFromEnv {
		running, err := local()
		if err != nil {
			return nil, err
		}
		providers = slices.Concat(providers, running)
	}
	for _, e := range providers {
		c, err := connectOne(e, public, now)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// connectOne makes one account.
func connectOne(e config.Entry[config.Provider], public bool, now func() time.Time) (connected, error) {
	p := e.Value
	profile, err := provider.ProfileAt(p.Type, p.BaseURL)
	if err != nil {
		return connected{}, fmt.Errorf("provider %s: %w", e.Name, err)
	}
	o := provider.Options{
		Name: e.Name, Profile: profile, BaseURL: p.BaseURL, Proxy: p.Proxy.Reveal(), CAFile: p.CAFile, Orgs: p.Orgs, Public: public,
		ModelsTTL: p.ModelsTTL, Now: now,
		Timeout: provider.Timeout{Connect: p.Timeout.Connect, FirstByte: p.Timeout.FirstByte, Idle: p.Timeout.Idle, Total: p.Timeout.Total},
	}
	for _, k := range p.Keys() {
		o.Keys = append(o.Keys, k.Reveal())
	}
	for _, h := range p.Headers {
		if o.Headers == nil {
			o.Headers = map[string]string{}
		}
		o.Headers[h.Name] = h.Value.Reveal()
	}
	for _, f := range p.Formats {
		if o.Formats == nil {
			o.Formats = map[llm.Format]string{}
		}
		o.Formats[llm.Format(f.Name)] = f.URL
	}
	a, err := provider.NewAccount(o)
	if err != nil {
		return connected{}, err
	}
	declared, err := declaredModels(p.Models)
	if err != nil {
		return connected{}, fmt.Errorf("provider %s: %w", e.Name, err)
	}
	return connected{account: a, declared: declared}, nil
}

// local are the providers that answer on this machine without a key.
func local() ([]config.Entry[config.Provider], error) {
	profiles, err := provider.Profiles()
	if err != nil {
		return nil, err
	}
	var out []config.Entry[config.Provider]
	for _, p := range profiles {
		if at := p.LocalAddress(); at != "" && answers(at) {
			v := config.DefaultProvider()
			v.Type = p.Type
			out = append(out, config.Entry[config.Provider]{Name: p.AccountName(), Value: v})
		}
	}
	return out, nil
}

// answers says whether something listens at an address.
func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, 300*time.Millisecond) //nolint:noctx // it has its own limit
	if err != nil {
		return false
	}
	return c.Close() == nil
}

func declaredModels(in []config.Model) ([]catalog.Model, error) {
	var out []catalog.Model
	for _, m := range in {
		d := catalog.Model{
			ID: m.ID, Context: int(m.Context), MaxOutput: int(m.MaxOutput), In: m.In, Tier: catalog.Tier(m.Tier),
			Caps: catalog.Caps{Tools: m.Tools, Reasoning: m.Reasoning, StructuredOutput: m.Structured},
		}
		if m.Price != nil {
			d.Price = &catalog.Price{
				Input: rate(m.Price.Input), Output: rate(m.Price.Output), CacheRead: rate(m.Price.CacheRead), CacheWrite: rate(m.Price.CacheWrite),
				CacheWrite1h: rate(m.Price.CacheWrite1h), Reasoning: rate(m.Price.Reasoning), InputAudio: rate(m.Price.InputAudio), OutputAudio: rate(m.Price.OutputAudio),
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func rate(n *config.NanoUSD) *catalog.Rate {
	if n == nil {
		return nil
	}
	r := catalog.Rate(*n)
	return &r
}

// view joins what is known of the accounts' models now.
func view(accounts []connected) (*catalog.View, error) {
	var in []catalog.Account
	for _, c := range accounts {
		a := catalog.Account{Name: c.account.Name, Catalog: c.account.Profile.Catalog, Declared: c.declared}
		if l := c.list(); l != nil {
			a.Listed, a.ListedAt, a.Stale, a.Gone = l.Models, l.FetchedAt, l.Err != nil, l.Gone
		}
		in = append(in, a)
	}
	return catalog.NewView(in)
}

// list is what is known of the account's model list; nil: nothing yet.
func (c *connected) list() *provider.List {
	if c.lists == nil {
		return nil
	}
	return c.lists.List(c.account.Name)
}

// describe names the accounts for the log.
func describe(accounts []connected) string {
	names := map[string]bool{}
	for _, c := range accounts {
		names[c.account.Name] = true
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}
