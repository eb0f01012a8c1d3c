package config

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v4"
)

// Show writes the effective configuration as YAML: defaults, file,
// environment and flags together, secrets masked. What came from flag or
// environment has a comment that says so.
func Show(c *Config) ([]byte, error) {
	s := shower{sources: c.Sources}
	out, err := yaml.Dump(s.node("", reflect.ValueOf(*c), false))
	if err != nil {
		return nil, fmt.Errorf("write the configuration as YAML: %w", err)
	}
	return out, nil
}

type shower struct{ sources map[string]Source }

// node is a value as YAML. The fields of list elements and named entries are
// left out when they are zero; sections show theirs, so that a reader sees
// every setting there is.
func (s shower) node(path string, v reflect.Value, element bool) *yaml.Node {
	switch x := v.Interface().(type) {
	case Formats:
		return s.formats(x)
	case interface{ entries() []namedValue }:
		m := &yaml.Node{Kind: yaml.MappingNode}
		for _, e := range x.entries() {
			m.Content = append(m.Content, text(e.name), s.node(join(path, quoteName(e.name)), e.value, true))
		}
		return m
	}
	if isScalar(v.Type()) {
		n := text(scalarText(v))
		switch v.Kind() {
		case reflect.Bool, reflect.Int, reflect.Int64:
			n.Tag, n.Style = "", 0
		}
		if src, ok := s.sources[path]; ok && src.Kind == FromEnv {
			n.LineComment = "# from " + src.Name
		} else if ok && src.Kind == FromFlag {
			n.LineComment = "# from --" + src.Name
		}
		return n
	}
	switch v.Kind() {
	case reflect.Pointer:
		return s.node(path, v.Elem(), element)
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			item := s.node(fmt.Sprintf("%s[%d]", path, i), v.Index(i), true)
			n.Content = append(n.Content, item)
		}
		if v.Len() == 0 || isScalar(v.Type().Elem()) {
			n.Style = yaml.FlowStyle
		}
		return n
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v.Type()) {
		fv := v.FieldByIndex(f.index)
		if element && fv.IsZero() {
			continue
		}
		n.Content = append(n.Content, text(f.name), s.node(join(path, f.name), fv, element))
	}
	return n
}

func (s shower) formats(fs Formats) *yaml.Node {
	list, urls := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}, &yaml.Node{Kind: yaml.MappingNode}
	withURL := false
	for _, f := range fs {
		withURL = withURL || f.URL != ""
		list.Content = append(list.Content, text(f.Name))
		urls.Content = append(urls.Content, text(f.Name), text(f.URL))
	}
	if withURL {
		return urls
	}
	return list
}

// text is a scalar that reads back as a text, whatever it looks like.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// namedValue is an [Entry] whose type doesn't matter.
type namedValue struct {
	name  string
	value reflect.Value
}

func (n Named[T]) entries() []namedValue {
	out := make([]namedValue, len(n))
	for i, e := range n {
		out[i] = namedValue{e.Name, reflect.ValueOf(e.Value)}
	}
	return out
}
