package provider

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/provider/cloudauth"
)

// values are what the addresses of one account can name.
type values map[string]string

// apiKey is met by any key of the account.
const apiKey = "api_key"

var (
	placeholders = regexp.MustCompile(`\{([a-z_]+)\}`)
	// plainValue is what can stand in an address without changing its meaning.
	plainValue = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)
)

// values returns the options of the account, with their defaults and what follows
// from them.
func (o *Options) values() (values, error) {
	v := values{}
	for _, opt := range o.Profile.Options {
		if text := cmp.Or(o.Settings[opt.Name], opt.Default); text != "" {
			v[opt.Name] = text
		}
	}
	used := o.Profile.named()
	for _, name := range used {
		if text, said := v[name]; said && !plainValue.MatchString(text) {
			return nil, fmt.Errorf("%s holds characters that an address can't carry", name)
		}
	}
	if len(o.Keys) > 0 {
		v[apiKey] = "given"
	}
	for i, d := range o.Profile.Derive {
		if _, done := v[d.Name]; !done && v[d.Of] != "" && o.Profile.derivers[i].MatchString(v[d.Of]) {
			v[d.Name] = v.expand(d.Is)
		}
	}
	return v, nil
}

// named lists the options that addresses name.
func (p *Profile) named() []string {
	var out []string
	add := func(text string) {
		for _, m := range placeholders.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
	}
	for _, e := range p.Endpoints {
		add(e.Base)
		add(e.Suffix)
		for _, q := range e.Query {
			add(q)
		}
	}
	for _, d := range p.Derive {
		out = append(out, d.Of)
	}
	return out
}

// expand puts options in the place of their names in braces.
func (v values) expand(text string) string {
	return placeholders.ReplaceAllStringFunc(text, func(name string) string {
		if value, known := v[strings.Trim(name, "{}")]; known {
			return value
		}
		return name
	})
}

// lacks lists the options that an endpoint needs and that aren't said. Where a
// base_url stands in for the base, what only the base names isn't needed.
func (v values) lacks(e Endpoint, elsewhere bool) []string {
	texts := []string{e.Base}
	if elsewhere {
		texts[0] = e.Suffix
	}
	for _, q := range e.Query {
		texts = append(texts, q)
	}
	var out []string
	for _, text := range texts {
		for _, m := range placeholders.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
	}
	out = append(out, e.Needs...)
	return slices.DeleteFunc(out, func(name string) bool { return v[name] != "" })
}

// Lacks says what an account can't do without and hasn't, as the end of a
// sentence; "" when it has all.
func (o *Options) Lacks() string {
	v, err := o.values()
	if err != nil {
		return "its " + err.Error()
	}
	var ways [][]string
	for _, e := range o.Profile.Endpoints {
		lacks := v.lacks(e, o.BaseURL != "")
		if len(lacks) == 0 {
			if err := new(Account).addEndpoints(*o); err != nil {
				return "its " + err.Error()
			}
			return o.lacksIdentity()
		}
		for i, name := range lacks {
			for _, d := range o.Profile.Derive {
				if d.Name == name {
					lacks[i] = d.Of
				}
			}
		}
		slices.Sort(lacks)
		lacks = slices.Compact(lacks)
		if o.BaseURL == "" && len(v.lacks(e, true)) == 0 {
			lacks[len(lacks)-1] += " or base_url"
		}
		ways = append(ways, lacks)
	}
	return "it has no " + strings.Join(least(ways), ", and no ")
}

// least words those of the ways that ask for no more than another does.
func least(ways [][]string) []string {
	var out []string
	for i, way := range ways {
		more := slices.ContainsFunc(ways, func(other []string) bool {
			return len(other) < len(way) && !slices.ContainsFunc(other, func(name string) bool {
				return !slices.ContainsFunc(way, func(n string) bool { return strings.HasPrefix(name, n) })
			})
		})
		again := slices.ContainsFunc(ways[:i], func(other []string) bool { return slices.Equal(other, way) })
		if !more && !again {
			out = append(out, strings.Join(way, " and "))
		}
	}
	return out
}

// lacksIdentity says what an account could prove itself by where it has nothing.
func (o *Options) lacksIdentity() string {
	groups := cloudauth.Names(o.Profile.Auth.Identity)
	if groups == nil || len(o.Keys) > 0 {
		return ""
	}
	ways := []string{apiKey}
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(name string) bool { return o.Settings[name] == "" }) {
			return ""
		}
		ways = append(ways, strings.Join(group, " with "))
	}
	return "it has nothing to prove itself by: set " + strings.Join(ways, ", or ")
}

// addIdentity takes what the account proves itself by beside its keys into the
// pool of keys.
func (a *Account) addIdentity(o Options) error {
	v, err := o.values()
	if err != nil {
		return err
	}
	auth, name, err := cloudauth.New(cloudauth.Options{
		Kind: o.Profile.Auth.Identity, Scope: o.Profile.Auth.Scope, Setting: v, Transport: a.transport, Now: o.Now,
	})
	if err == nil && auth != nil {
		a.pool.add(name, Key{auth: auth})
	}
	return err
}

// addListing finds where the model list is when it stands apart.
func (a *Account) addListing(o Options, v values) error {
	l := o.Profile.List
	if l.Base == "" {
		return nil
	}
	base := v.expand(l.Base)
	if o.BaseURL != "" {
		base = withSuffix(o.BaseURL, v.expand(l.Suffix))
	}
	ep, err := newEndpoint(base, o)
	if err == nil {
		a.listing = &ep
	}
	return err
}
