package config

import "slices"

// Gap is something that the configuration asks for and this version doesn't
// do yet.
type Gap struct {
	// Field is the field that asks for it.
	Field string
	// Text says in a sentence what happens instead.
	Text string
	// Fatal says that a server must not start: it would work on the wrong
	// data or let through what it was told to stop.
	Fatal bool
}

// String is one line: field and sentence.
func (g Gap) String() string { return g.Field + ": " + g.Text }

// gaps is the one list of what isn't built yet. A feature that gets built
// loses its line here.
var gaps = []struct {
	Gap
	used func(*Config) bool
}{
	{
		Gap{"database", "PostgreSQL isn't built yet, and no server starts with it; set database: sqlite", true},
		func(c *Config) bool { return c.Database != "sqlite" },
	},
	{
		Gap{"trusted_proxies", "believing X-Forwarded-… headers isn't built yet; they are ignored", false},
		func(c *Config) bool { return len(c.TrustedProxies) > 0 },
	},
	{
		Gap{"cors_origins", "answering pages of other origins isn't built yet; browsers keep the answers of /v1 from them", false},
		func(c *Config) bool { return len(c.CORSOrigins) > 0 },
	},
	{
		Gap{"redis", "sharing limits and health between nodes isn't built yet; this node works by itself", false},
		func(c *Config) bool { return c.Redis != "" },
	},
	{
		Gap{"capture", "keeping prompts and answers isn't built yet; none are kept", false},
		func(c *Config) bool { return bool(c.Capture) },
	},
	{
		Gap{"media.fetch", "fetching image URLs isn't built yet; providers that can't fetch them get none", false},
		func(c *Config) bool { return bool(c.Media.Fetch) },
	},
	{
		Gap{"baseline", "savings aren't built yet; none are shown", false},
		func(c *Config) bool { return c.Baseline != "" },
	},
	{
		Gap{"limits", "limits and budgets aren't built yet; nothing is refused because of them", false},
		func(c *Config) bool { return len(c.Limits) > 0 },
	},
	{
		Gap{"keys", "limits of keys aren't built yet; nothing is refused because of them", false},
		func(c *Config) bool {
			return slices.ContainsFunc(c.Keys, func(k Key) bool { return k.Limits != Quota{} })
		},
	},
	{
		Gap{"providers", "limits, weight and discount of providers aren't built yet; requests go out and cost as without them", false},
		func(c *Config) bool {
			return slices.ContainsFunc(c.Providers, func(e Entry[Provider]) bool {
				p := e.Value
				return p.Limits != Quota{} || p.Weight != DefaultProvider().Weight || p.Discount != 0
			})
		},
	},
}

// NotBuilt lists what this configuration asks for and this version doesn't do
// yet, to be told when the server starts. Providers whose type isn't built are
// in ProvidersOff.
func (c *Config) NotBuilt() []Gap {
	var out []Gap
	for _, g := range gaps {
		if g.used(c) {
			out = append(out, g.Gap)
		}
	}
	return out
}
