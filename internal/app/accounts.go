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
	free     *catalog.Quota      // nil: the configuration says nothing
	lists    *provider.Refresher // reads its model list
}

// ConfigOptions completes what the configuration must know of provider types.
func ConfigOptions(o config.Options) (config.Options, error) {
	profiles, err := provider.Profiles()
	if err != nil {
		return o, err
	}
	o.ProviderTypes = map[string]config.ProviderType{}
	for _, p := range profiles {
		t := config.ProviderType{Type: p.Type, Built: true, ListsPaths: func() bool { return listsPaths(p) }}
		for _, opt := range p.Options {
			t.Options = append(t.Options, config.TypeOption{Name: opt.Name, Env: opt.Env, Identity: opt.Identity})
		}
		if len(p.Options) > 0 {
			t.Lacks = func(c config.Provider) string {
				made := options("", p, c)
				return made.Lacks()
			}
		}
		for _, name := range append([]string{p.Type}, p.Aliases...) {
			o.ProviderTypes[name] = t
		}
		if len(p.Env) > 0 {
			o.EnvProviders = append(o.EnvProviders, config.EnvProvider{Name: p.AccountName(), Type: p.Type, Vars: p.Env, Signs: p.EnvSigns})
		}
	}
	return o, nil
}

// listsPaths says whether models of a type may have slashes in their ids: where the
// catalog has such, doesn't know the type, or ids are paths in the format.
func listsPaths(p *provider.Profile) bool {
	models, err := catalog.Snapshot(p.Catalog)
	return err != nil || len(models) == 0 ||
		slices.ContainsFunc(p.Endpoints, func(e provider.Endpoint) bool { return e.Format == llm.FormatGemini }) ||
		slices.ContainsFunc(models, func(m catalog.Model) bool { return strings.Contains(m.ID, "/") })
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
	o := options(e.Name, profile, p)
	o.Public, o.Now = public, now
	a, err := provider.NewAccount(o)
	if err != nil {
		return connected{}, err
	}
	declared, err := declaredModels(p)
	if err != nil {
		return connected{}, fmt.Errorf("provider %s: %w", e.Name, err)
	}
	return connected{account: a, declared: declared, free: free(p.Free)}, nil
}

// options are those of an account of a configured provider.
func options(name string, profile *provider.Profile, p config.Provider) provider.Options {
	o := provider.Options{
		Name: name, Profile: profile, BaseURL: p.BaseURL, Proxy: p.Proxy.Reveal(), CAFile: p.CAFile, Orgs: p.Orgs,
		ModelsTTL: p.ModelsTTL, Settings: p.Settings(),
		Timeout: provider.Timeout{Connect: p.Timeout.Connect, FirstByte: p.Timeout.FirstByte, Idle: p.Timeout.Idle, Total: p.Timeout.Total},
	}
	for _, k := range p.Keys() {
		o.Keys = append(o.Keys, k.Reveal())
	}
	for _, s := range p.Secrets() {
		o.Secrets = append(o.Secrets, s.Reveal())
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
	for _, d := range p.Deployments {
		if o.Deployments == nil {
			o.Deployments = map[string]string{}
		}
		o.Deployments[d.Name] = d.Value
	}
	return o
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

// declaredModels are the models that a provider is said to have: described, or
// deployed.
func declaredModels(p config.Provider) ([]catalog.Model, error) {
	in := slices.Clone(p.Models)
	for _, d := range p.Deployments {
		if !slices.ContainsFunc(in, func(m config.Model) bool { return m.ID == d.Name }) {
			in = append(in, config.Model{ID: d.Name})
		}
	}
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

func free(f config.Free) *catalog.Quota {
	if f == (config.Free{}) {
		return nil
	}
	return &catalog.Quota{RequestsPerMinute: f.RequestsPerMinute, RequestsPerDay: f.RequestsPerDay, TokensPerMinute: f.TokensPerMinute, TokensPerDay: f.TokensPerDay}
}

func rate(n *config.NanoUSD) *catalog.Rate {
	if n == nil {
		return nil
	}
	r := catalog.Rate(*n)
	return &r
}

// view joins what is known of the accounts' models now; older is the view before.
func view(accounts []connected, older *catalog.View) (*catalog.View, error) {
	var in []catalog.Account
	for _, c := range accounts {
		a := catalog.Account{Name: c.account.Name, Catalog: c.account.Profile.Catalog, Declared: c.declared, Free: c.free}
		if l := c.list(); l != nil {
			a.Listed, a.Stale, a.Gone = l.Models, l.Err != nil, l.Gone
		}
		in = append(in, a)
	}
	return older.Renew(in)
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
