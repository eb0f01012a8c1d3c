package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"
)

// The sections that can be added to beside the file.
const (
	SectionAliases   = "aliases"
	SectionClasses   = "classes"
	SectionWorkloads = "workloads"
)

// maxAddedChain bounds the names of one chain that isn't of the file.
const maxAddedChain = 64

// Added is an alias, class or workload that is not of the file.
type Added struct {
	// Section is one of the sections above.
	Section, Name string
	// Value is a JSON object: for a workload or a class with the fields that it has in
	// the file, for an alias with its chain.
	Value []byte
}

// ErrInFile is why something that was added isn't in force whose name the file has.
var ErrInFile = errors.New("the configuration has this name, and wins")

// WithAdded lays what was added over a configuration, one after the other, and says
// of each why it isn't in force: nil where it is, [ErrInFile], or the [Errors] that
// the file would be refused with. What isn't in force is as if it weren't there.
// Nothing in it expands: whoever sends it must not read this machine's files and
// variables.
func (c *Config) WithAdded(added []Added) (*Config, []error) {
	out := *c
	out.Aliases, out.Classes, out.Workloads = slices.Clip(c.Aliases), slices.Clip(c.Classes), slices.Clip(c.Workloads)
	out.Rules = maps.Clone(c.Rules)
	off := make([]error, len(added))
	edges := edgesOf(&out)
	read, all := make([]*Config, len(added)), maps.Clone(edges)
	for i, a := range added {
		if c.has(a.Section, a.Name) {
			off[i] = ErrInFile
			continue
		}
		var errs Errors
		if read[i], errs = a.read(); len(errs) > 0 {
			off[i] = errs
			continue
		}
		maps.Copy(all, edgesOf(read[i]))
	}
	whole := &loader{cfg: Default()}
	whole.checkLoops(all, slices.Sorted(maps.Keys(all)))
	for i, one := range read {
		if off[i] != nil {
			continue
		}
		if len(whole.problems) > 0 { // which of them closes a loop takes a walk from each
			maps.Copy(edges, edgesOf(one))
			l := &loader{cfg: one}
			if l.checkLoops(edges, l.starts()); len(l.problems) > 0 {
				delete(edges, l.starts()[0])
				off[i] = unplaced(l.problems)
				continue
			}
		}
		out.Aliases = append(out.Aliases, one.Aliases...)
		out.Classes = append(out.Classes, one.Classes...)
		out.Workloads = append(out.Workloads, one.Workloads...)
		if len(one.Rules) > 0 && out.Rules == nil {
			out.Rules = one.Rules
		}
		maps.Copy(out.Rules, one.Rules)
	}
	return &out, off
}

// has says whether the configuration names an entry of a section.
func (c *Config) has(section, name string) bool {
	var in bool
	switch section {
	case SectionAliases:
		_, in = c.Aliases.Get(name)
	case SectionClasses:
		_, in = c.Classes.Get(name)
	case SectionWorkloads:
		_, in = c.Workloads.Get(name)
	}
	return in
}

// read is what was added as the one entry of a configuration.
func (a Added) read() (*Config, Errors) {
	l := &loader{opts: Options{LookupEnv: noVariable}, cfg: Default()}
	l.cfg.Sources = map[string]Source{}
	d := &decoder{expander: &expander{verbatim: true}, sources: l.cfg.Sources, open: map[*yaml.Node]bool{}}
	root, err := parse(a.Value)
	if err != nil {
		return nil, unplaced(Errors{yamlError("", err)})
	}
	at := join(a.Section, quoteName(a.Name))
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, Errors{{Field: at, Problem: "is not a JSON object", Suggestion: `write its fields, like {"chain": ["provider/model"]}`}}
	}
	entry := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: a.Name}, root}}
	switch a.Section {
	case SectionAliases:
		var chains Named[Class]
		chains.decodeNode(d, a.Section, entry, "")
		for _, e := range chains {
			l.cfg.Aliases = append(l.cfg.Aliases, Entry[Chain]{e.Name, e.Value.Chain})
		}
	case SectionClasses:
		l.cfg.Classes.decodeNode(d, a.Section, entry, "")
	case SectionWorkloads:
		l.cfg.Workloads.decodeNode(d, a.Section, entry, "")
	default:
		return nil, Errors{{Field: at, Problem: "there is no such section"}}
	}
	l.problems = d.problems
	if len(l.problems) == 0 {
		l.checkRouting()
		for _, c := range chainsOf(l.cfg) {
			if n := len(c.names); n > maxAddedChain {
				l.fail(c.at, fmt.Sprintf("has %d names: at most %d", n, maxAddedChain), "")
			}
		}
	}
	return l.cfg, unplaced(l.problems)
}

// unplaced takes the lines out of problems of what no file holds.
func unplaced(es Errors) Errors {
	for _, e := range es {
		e.File, e.Line, e.Column = "", 0, 0
	}
	return es
}

// Settings are the fields of an alias, class or workload of the configuration by
// their names in the file, as a JSON document can have them; an alias has its chain.
// False: there is no such entry.
func (c *Config) Settings(section, name string) (map[string]any, bool, error) {
	var v any
	switch section {
	case SectionAliases:
		chain, in := c.Aliases.Get(name)
		if !in {
			return nil, false, nil
		}
		v = Class{chain}
	case SectionClasses:
		class, in := c.Classes.Get(name)
		if !in {
			return nil, false, nil
		}
		v = class
	case SectionWorkloads:
		w, in := c.Workloads.Get(name)
		if !in {
			return nil, false, nil
		}
		v = w
	default:
		return nil, false, nil
	}
	out := map[string]any{}
	if err := (shower{}).node("", reflect.ValueOf(v), true).Decode(&out); err != nil {
		return nil, true, fmt.Errorf("show %s.%s: %w", section, name, err)
	}
	return out, true, nil
}
