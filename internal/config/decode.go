package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxNodes bounds the work of a file whose anchors are used over and over.
const maxNodes = 100_000

// maxProblems is how many problems are told at once.
const maxProblems = 100

// decoder carries a YAML document over into Go values, strictly. It goes on
// after a problem, so that one run shows them all.
type decoder struct {
	file     string
	expander *expander
	sources  map[string]Source
	problems Errors
	nodes    int
	open     map[*yaml.Node]bool // anchors on the way down, to find loops
}

// nodeDecoder is implemented by types with more than one shape in YAML.
type nodeDecoder interface {
	decodeNode(d *decoder, path string, n *yaml.Node, tag reflect.StructTag)
}

func (d *decoder) fail(n *yaml.Node, path, problem, suggestion string) {
	if len(d.problems) >= maxProblems {
		return
	}
	d.problems = append(d.problems, &Error{
		File: d.file, Line: n.Line, Column: n.Column, Field: path, Problem: problem, Suggestion: suggestion,
	})
}

// value decodes n into v. null is the same as not written.
func (d *decoder) value(path string, n *yaml.Node, v reflect.Value, tag reflect.StructTag) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fail(n, path, fmt.Sprintf("the file has more than %d values when its anchors are followed", maxNodes), "")
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		if d.open[n.Alias] {
			d.fail(n, path, fmt.Sprintf("*%s is inside of what it names", n.Value), "write the value out")
			return
		}
		d.value(path, n.Alias, v, tag)
		return
	}
	if n.Anchor != "" {
		d.open[n] = true
		defer delete(d.open, n)
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return
	}
	// A named entry is known already, by the place of its name.
	if _, known := d.sources[path]; !known && path != "" {
		d.sources[path] = Source{Kind: FromFile, Name: d.file, Line: n.Line, Column: n.Column}
	}
	if nd, ok := v.Addr().Interface().(nodeDecoder); ok {
		nd.decodeNode(d, path, n, tag)
		return
	}
	switch {
	case isScalar(v.Type()):
		d.scalar(path, n, v, tag)
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(path, n, v.Elem(), tag)
	case v.Kind() == reflect.Struct:
		d.structure(path, n, v)
	case v.Kind() == reflect.Slice:
		d.list(path, n, v, tag)
	}
}

func (d *decoder) scalar(path string, n *yaml.Node, v reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, path, fmt.Sprintf("is %s, but %s is wanted", kindName(n), wanted(v.Type())), "")
		return
	}
	// The tag itself isn't told: an unquoted secret may begin with !.
	const noTags = "has a tag, which has no meaning here"
	if n.Style&yaml.TaggedStyle != 0 {
		d.fail(n, path, noTags, "remove the word that begins with !, or write the value in quotes")
		return
	}
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float", "!!timestamp":
	case "!!bool":
		if v.Kind() == reflect.String && tag.Get("enum") == "" && v.Type() != reflect.TypeFor[Secret]() {
			d.fail(n, path, fmt.Sprintf("is %s, but a text is wanted", n.Value), fmt.Sprintf("if it is meant as text, write %q in quotes", n.Value))
			return
		}
	default:
		d.fail(n, path, noTags, "")
		return
	}
	text, expanded, err := d.expander.expand(n.Value)
	if err != nil {
		d.fail(n, path, err.Error(), "")
		return
	}
	if problem, suggestion := setScalar(v, text, tag); problem != "" {
		d.fail(n, path, shown(n.Value, expanded && text == "", v.Type())+problem, suggestion)
	}
}

// shown is how the text of a refused value begins the sentence. It is what
// stands in the file, before expansion, and nothing of a secret.
func shown(raw string, nothing bool, t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Secret]() || t == reflect.TypeFor[SecretURL]():
		return ""
	case nothing:
		return fmt.Sprintf("%s expands to nothing, which ", raw)
	case len(raw) > 64:
		return strconv.Quote(raw[:64]+"…") + " "
	}
	return strconv.Quote(raw) + " "
}

func (d *decoder) structure(path string, n *yaml.Node, v reflect.Value) {
	fields := fieldsOf(v.Type())
	d.mapping(path, n, func(key, val *yaml.Node) {
		for _, f := range fields {
			if f.name == key.Value {
				d.value(join(path, f.name), val, v.FieldByIndex(f.index), f.tag)
				return
			}
		}
		names := make([]string, len(fields))
		for i, f := range fields {
			names[i] = f.name
		}
		d.fail(key, join(path, quoteName(key.Value)), "there is no such field", didYouMean(key.Value, names))
	})
}

// mapping calls each for the pairs of a mapping, refusing keys that stand
// twice or are no plain names.
func (d *decoder) mapping(path string, n *yaml.Node, each func(key, val *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, fmt.Sprintf("is %s, but a map of names to values is wanted", kindName(n)), "")
		return
	}
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() == "!!merge" {
			d.fail(key, path, "merging maps with << isn't understood", "write the fields out, or use an anchor for a whole value")
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.fail(key, path, fmt.Sprintf("has %s for a name", kindName(key)), "")
			continue
		}
		if line, twice := lines[key.Value]; twice {
			d.fail(key, join(path, quoteName(key.Value)), fmt.Sprintf("stands twice, first in line %d", line), "remove one of them")
			continue
		}
		lines[key.Value] = key.Line
		each(key, val)
	}
}

func (d *decoder) list(path string, n *yaml.Node, v reflect.Value, tag reflect.StructTag) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, fmt.Sprintf("is %s, but a list is wanted", kindName(n)), "write it in [ ]")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, item := range n.Content {
		el := reflect.New(v.Type().Elem()).Elem()
		setElementDefaults(el)
		d.value(fmt.Sprintf("%s[%d]", path, i), item, el, tag)
		out = reflect.Append(out, el)
	}
	v.Set(out)
}

func (n *Named[T]) decodeNode(d *decoder, path string, node *yaml.Node, tag reflect.StructTag) {
	out := Named[T]{}
	d.mapping(path, node, func(key, val *yaml.Node) {
		e := Entry[T]{Name: key.Value}
		v := reflect.ValueOf(&e.Value).Elem()
		setElementDefaults(v)
		at := join(path, quoteName(key.Value))
		d.sources[at] = Source{Kind: FromFile, Name: d.file, Line: key.Line, Column: key.Column}
		d.value(at, val, v, tag)
		out = append(out, e)
	})
	*n = out
}

func (c *Chain) decodeNode(d *decoder, path string, n *yaml.Node, tag reflect.StructTag) {
	var names []string
	if n.Kind == yaml.ScalarNode {
		names = make([]string, 1)
		d.scalar(path, n, reflect.ValueOf(&names[0]).Elem(), tag)
	} else {
		d.list(path, n, reflect.ValueOf(&names).Elem(), tag)
	}
	*c = names
}

const formatTag = reflect.StructTag(`enum:"chat,responses,messages,gemini,converse"`)

func (fs *Formats) decodeNode(d *decoder, path string, n *yaml.Node, _ reflect.StructTag) {
	var names []string
	var urls Named[string]
	switch n.Kind {
	case yaml.MappingNode:
		urls.decodeNode(d, path, n, "")
		for _, e := range urls {
			if problem, suggestion := setScalar(reflect.ValueOf(new(string)).Elem(), e.Name, formatTag); problem != "" {
				d.fail(n, join(path, quoteName(e.Name)), strconv.Quote(e.Name)+" "+problem, suggestion)
			}
			*fs = append(*fs, Format{Name: e.Name, URL: e.Value})
		}
	default:
		d.list(path, n, reflect.ValueOf(&names).Elem(), formatTag)
		for _, name := range names {
			*fs = append(*fs, Format{Name: name})
		}
	}
}

func (t *Timeout) decodeNode(d *decoder, path string, n *yaml.Node, tag reflect.StructTag) {
	if n.Kind == yaml.ScalarNode {
		d.scalar(path, n, reflect.ValueOf(&t.Total).Elem(), tag)
		return
	}
	d.structure(path, n, reflect.ValueOf(t).Elem())
}

func setElementDefaults(v reflect.Value) {
	if e, ok := v.Addr().Interface().(elementDefaults); ok {
		e.setDefaults()
	}
}

// isScalar says whether values of the type are one text in YAML, in an
// environment variable and in a flag.
func isScalar(t reflect.Type) bool {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		return true
	}
	return false
}

// setScalar reads text into v and holds it against the field's tags. It
// returns what is wrong with it as the end of a sentence, and a suggestion.
func setScalar(v reflect.Value, text string, tag reflect.StructTag) (problem, suggestion string) {
	if enum := tag.Get("enum"); enum != "" {
		allowed := strings.Split(enum, ",")
		if !slices.Contains(allowed, text) {
			if suggestion = didYouMean(text, allowed); suggestion != "" && strings.HasPrefix(suggestion, "did") {
				suggestion += " (" + strings.Join(allowed, ", ") + ")"
			}
			return "is not a value of this field", suggestion
		}
	}
	old := reflect.New(v.Type()).Elem()
	old.Set(v)
	var err error
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		err = u.UnmarshalText([]byte(text))
	} else {
		err = setBasic(v, text)
	}
	if err == nil {
		err = checkBounds(v, tag)
	}
	if err != nil {
		v.Set(old)
		return err.Error(), ""
	}
	return "", ""
}

func setBasic(v reflect.Value, text string) error {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		dur, err := parseDuration(text)
		if err != nil {
			return err
		}
		v.SetInt(int64(dur))
	case v.Kind() == reflect.String:
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
			return fmt.Errorf("holds a control character (at byte %d)", i)
		}
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		b, err := parseBool(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	default:
		i, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v.OverflowInt(i) {
			return fmt.Errorf("is not a whole number")
		}
		v.SetInt(i)
	}
	return nil
}

func checkBounds(v reflect.Value, tag reflect.StructTag) error {
	if low, ok := tag.Lookup("min"); ok && v.CanInt() {
		if bound, err := strconv.ParseInt(low, 10, 64); err == nil && v.Int() < bound {
			return fmt.Errorf("is too small: at least %s", numberText(v.Type(), bound))
		}
	}
	if high, ok := tag.Lookup("max"); ok && v.CanInt() {
		if bound, err := strconv.ParseInt(high, 10, 64); err == nil && v.Int() > bound {
			return fmt.Errorf("is too large: at most %s", numberText(v.Type(), bound))
		}
	}
	return nil
}

// numberText writes a number as a field of type t is written.
func numberText(t reflect.Type, n int64) string {
	v := reflect.New(t).Elem()
	v.SetInt(n)
	return scalarText(v)
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		if t == reflect.TypeFor[int]() || t == reflect.TypeFor[int64]() {
			return "a whole number"
		}
		return "a number with its unit"
	}
	return "a text"
}
