package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// ParseProvider reads one provider that is not of the file: the options as a JSON
// object, under a name. Nothing in them expands or is filled in, since whoever sends
// them must not read this machine's files and variables. The error is an [Errors].
func ParseProvider(name string, options []byte, types map[string]ProviderType) (Provider, error) {
	l := &loader{opts: Options{ProviderTypes: types, LookupEnv: noVariable}, cfg: Default()}
	l.cfg.Sources = map[string]Source{}
	d := &decoder{expander: &expander{verbatim: true}, sources: l.cfg.Sources, open: map[*yaml.Node]bool{}}
	root, err := parse(options)
	if err != nil {
		return Provider{}, Errors{yamlError("", err)}
	}
	entry := &yaml.Node{Kind: yaml.MappingNode}
	if root != nil {
		entry.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, root}
	}
	var all Named[Provider]
	all.decodeNode(d, "providers", entry, "")
	l.problems = d.problems
	p := DefaultProvider()
	if len(all) > 0 {
		p = all[0].Value
	}
	l.checkProvider(name, &p)
	if t, known := types[p.Type]; known && len(l.problems) == 0 {
		at := join("providers", quoteName(name))
		if !t.Built {
			l.fail(at, notBuiltType(p.Type), "")
		} else if t.Lacks != nil && t.Lacks(p) != "" {
			l.fail(at, "can't be used: "+t.Lacks(p), "")
		}
	}
	if len(l.problems) == 0 {
		return p, nil
	}
	for _, e := range l.problems { // there is no file that a line could be of
		e.File, e.Line, e.Column = "", 0, 0
		e.Field = strings.TrimPrefix(e.Field, "providers.")
	}
	return Provider{}, l.problems
}

// noVariable finds no variable of this machine.
func noVariable(string) (string, bool) { return "", false }
