package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/nearest"
)

// checkFeasible finds the workloads' chains that can lead to no model, whatever the
// providers list: all that they name are providers that nobody knows. What is merely
// off or not connected may be connected any day, so it isn't among them.
func (l *loader) checkFeasible() {
	if len(l.problems) > 0 || l.opts.ProviderTypes == nil || l.listsPaths() {
		return
	}
	check := func(at string, chain Chain) {
		if len(chain) == 0 || slices.ContainsFunc(chain, l.mayLead) {
			return
		}
		name := l.end(chain[0])
		first, rest, _ := strings.Cut(name, "/")
		e := l.at(at)
		e.Problem = fmt.Sprintf("leads to no model: %q is of no provider", name)
		if len(chain) > 1 {
			e.Problem += ", nor are the others"
		}
		e.Suggestion = "name one of providers, or add it there"
		if near := nearest.To(first, slices.Concat(l.cfg.Providers.Names(), l.knownProviders())); near != "" {
			e.Suggestion = fmt.Sprintf("did you mean %q?", near+"/"+rest)
		}
		l.cfg.Infeasible = append(l.cfg.Infeasible, e)
	}
	for _, w := range l.cfg.Workloads {
		at := join("workloads", quoteName(w.Name))
		check(at+".chain", w.Value.Chain)
		check(at+".escalate.to", w.Value.Escalate.To)
		check(at+".switch", w.Value.Switch)
	}
}

// end is the first name that is no alias on the way of one that leads nowhere.
func (l *loader) end(name string) string {
	if chain, alias := l.cfg.Aliases.Get(name); alias {
		return l.end(chain[0])
	}
	return name
}

// knownProviders are the names that a provider may get by itself.
func (l *loader) knownProviders() []string {
	var out []string
	for name := range l.opts.ProviderTypes {
		out = append(out, name)
	}
	for _, e := range l.opts.EnvProviders {
		out = append(out, e.Name)
	}
	slices.Sort(out)
	return out
}

// listsPaths says whether a provider may list models whose ids have slashes: any
// name of a chain may be such an id then.
func (l *loader) listsPaths() bool {
	if l.cfg.ProvidersFromEnv {
		return true // one may be found running
	}
	paths := func(p Provider) bool {
		t, known := l.opts.ProviderTypes[p.Type]
		return !known || p.BaseURL != "" || len(p.Formats) > 0 || t.ListsPaths == nil || t.ListsPaths()
	}
	return slices.ContainsFunc(l.cfg.Providers, func(e Entry[Provider]) bool { return paths(e.Value) }) ||
		slices.ContainsFunc(l.cfg.ProvidersOff, func(p ProviderOff) bool { return paths(Provider{Type: p.Type}) })
}

// mayLead says whether a name of a chain can lead to a model.
func (l *loader) mayLead(name string) bool {
	if chain, alias := l.cfg.Aliases.Get(name); alias {
		leads, been := l.leads[name]
		if !been {
			if l.leads == nil {
				l.leads = map[string]bool{}
			}
			leads = slices.ContainsFunc(chain, l.mayLead)
			l.leads[name] = leads
		}
		return leads
	}
	first, _, slash := strings.Cut(name, "/")
	if !slash || !providerName(first) || slices.Contains(reserved, first) || slices.Contains(l.knownProviders(), first) {
		return true
	}
	if slices.ContainsFunc(l.cfg.ProvidersOff, func(p ProviderOff) bool { return p.Name == first }) {
		return true
	}
	return slices.ContainsFunc(l.cfg.Providers, func(e Entry[Provider]) bool {
		return e.Name == first || slices.ContainsFunc(e.Value.Models, func(m Model) bool { return m.ID == name })
	})
}
