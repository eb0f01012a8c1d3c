package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/nearest"
	"github.com/oidostudio/oido/internal/router"
)

// checkRouting holds what says where requests go against what is possible: that of
// the file, and each that is added beside it by itself.
func (l *loader) checkRouting() {
	l.checkAliasNames()
	l.checkClassNames()
	l.checkWorkloads()
	l.checkRules()
	l.checkLoops(edgesOf(l.cfg), l.starts())
	l.checkChains()
	l.checkFeasible()
}

func (l *loader) checkAliasNames() {
	for _, a := range l.cfg.Aliases {
		at := join("aliases", quoteName(a.Name))
		l.checkName(at, a.Name)
		if first, _, _ := strings.Cut(a.Name, "/"); slices.Contains(reserved, first) {
			l.fail(at, fmt.Sprintf("%q can't be an alias: names that begin with %q mean something else", a.Name, first), "choose another name")
		}
		if len(a.Value) == 0 {
			l.fail(at, "names no model", "write provider/model, or a list of them")
		}
	}
}

func (l *loader) checkClassNames() {
	for _, c := range l.cfg.Classes {
		if !slices.Contains(router.Classes, c.Name) {
			l.fail(join("classes", quoteName(c.Name)), "is not a class", didYouMean(c.Name, router.Classes))
		}
	}
}

func (l *loader) checkWorkloads() {
	for _, w := range l.cfg.Workloads {
		at := join("workloads", quoteName(w.Name))
		l.checkName(at, w.Name)
		if strings.Contains(w.Name, "/") {
			l.fail(at, "has a slash in its name", "choose another name")
		}
		if len(w.Value.Escalate.On) > 0 && len(w.Value.Escalate.To) == 0 {
			l.fail(at+".escalate", "says when, but not to which models", "add to: [provider/model]")
		}
		if len(w.Value.Escalate.To) > 0 && len(w.Value.Escalate.On) == 0 {
			l.fail(at+".escalate", "says to which models, but not when", "add on: [failure, user_correction], or complex, tool_chain")
		}
	}
}

// edgesOf returns, for every name that stands for other names, what it stands
// for: aliases under their own name, workloads and classes as clients write
// them.
func edgesOf(cfg *Config) map[string]Chain {
	out := map[string]Chain{}
	for _, c := range cfg.Classes {
		out["class/"+c.Name] = c.Value.Chain
	}
	for _, w := range cfg.Workloads {
		out["workload/"+w.Name] = slices.Concat(w.Value.Chain, w.Value.Escalate.To)
	}
	for _, a := range cfg.Aliases {
		out[a.Name] = a.Value
	}
	return out
}

// checkLoops refuses names that lead back to themselves, on the ways from some.
func (l *loader) checkLoops(edges map[string]Chain, starts []string) {
	done, at := map[string]bool{}, map[string]int{}
	var way []string
	var walk func(name string) bool
	walk = func(name string) bool {
		if i, on := at[name]; on {
			loop := append(slices.Clone(way[i:]), name)
			l.fail(pathOf(name), "leads back to itself: "+strings.Join(loop, " → "), "write provider/model at one of these places")
			return false
		}
		if done[name] {
			return true
		}
		at[name] = len(way)
		way = append(way, name)
		for _, next := range edges[name] {
			if _, more := edges[next]; more && !walk(next) {
				return false
			}
		}
		way = way[:len(way)-1]
		delete(at, name)
		done[name] = true
		return true
	}
	for _, name := range starts {
		if !walk(name) {
			return
		}
	}
}

// starts are the keys of edges in the file's order.
func (l *loader) starts() []string {
	var out []string
	out = append(out, l.cfg.Aliases.Names()...)
	for _, n := range l.cfg.Classes.Names() {
		out = append(out, "class/"+n)
	}
	for _, n := range l.cfg.Workloads.Names() {
		out = append(out, "workload/"+n)
	}
	return out
}

func pathOf(name string) string {
	if n, ok := strings.CutPrefix(name, "class/"); ok {
		return join("classes", quoteName(n))
	}
	if n, ok := strings.CutPrefix(name, "workload/"); ok {
		return join("workloads", quoteName(n))
	}
	return join("aliases", quoteName(name))
}

// placed is a chain and where it is said.
type placed struct {
	at    string
	names Chain
}

// chainsOf are the chains of a configuration's names.
func chainsOf(cfg *Config) []placed {
	var out []placed
	for _, a := range cfg.Aliases {
		out = append(out, placed{join("aliases", quoteName(a.Name)), a.Value})
	}
	for _, c := range cfg.Classes {
		out = append(out, placed{join("classes", quoteName(c.Name)) + ".chain", c.Value.Chain})
	}
	for _, w := range cfg.Workloads {
		at := join("workloads", quoteName(w.Name))
		out = append(out, placed{at + ".chain", w.Value.Chain}, placed{at + ".escalate.to", w.Value.Escalate.To}, placed{at + ".switch", w.Value.Switch})
	}
	if cfg.Baseline != "" {
		out = append(out, placed{"baseline", Chain{cfg.Baseline}})
	}
	return out
}

// checkChains warns of entries that can't be tried because their provider
// isn't connected. Whether a model exists is not known here.
func (l *loader) checkChains() {
	for _, c := range chainsOf(l.cfg) {
		for i, name := range c.names {
			here := fmt.Sprintf("%s[%d]", c.at, i)
			if _, said := l.cfg.Sources[here]; !said {
				here = c.at
			}
			if name == "" {
				l.fail(here, "is empty", "write provider/model")
				continue
			}
			if problem := l.unconnected(name); problem != "" {
				l.warn(here, problem)
			}
		}
	}
}

// unconnected says why a name of a chain can't be tried, or "".
func (l *loader) unconnected(name string) string {
	first, rest, slash := strings.Cut(name, "/")
	if _, alias := l.cfg.Aliases.Get(name); alias || !slash {
		return ""
	}
	switch first {
	case "workload":
		if _, ok := l.cfg.Workloads.Get(rest); !ok {
			return fmt.Sprintf("%q is skipped: there is no workload %q in the file", name, rest)
		}
		return ""
	case "class", "agent":
		return ""
	}
	if _, on := l.cfg.Providers.Get(first); on {
		return ""
	}
	for _, off := range l.cfg.ProvidersOff {
		if off.Name == first {
			return fmt.Sprintf("%q is skipped: provider %s is off, %s", name, first, off.Reason)
		}
	}
	problem := fmt.Sprintf("%q is skipped: no provider %q is connected", name, first)
	if near := nearest.To(first, l.cfg.Providers.Names()); near != "" {
		problem += fmt.Sprintf("; did you mean %q?", near+"/"+rest)
	}
	return problem
}
