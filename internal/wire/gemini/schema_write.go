package gemini

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

const (
	// maxSchemaNodes bounds what references can blow a schema up to.
	maxSchemaNodes = 4000
	// maxSameRef is how often a reference is followed inside itself; a recursive
	// schema ends after that in "any value".
	maxSameRef = 2
)

// cleanSchema writes a JSON Schema in the subset that Gemini takes: references
// are resolved in place, const becomes an enum, oneOf an anyOf, allOf is joined,
// null becomes a second type, and other keywords are left out. It walks by
// structure, so a property may be called like a keyword.
//
// Source: ai.google.dev, "Structured outputs" and the reference of
// FunctionDeclaration.parametersJsonSchema.
func cleanSchema(v []byte) jsontext.Value {
	c := cleaner{root: v, active: map[string]int{}, inside: map[string]map[string][]byte{}}
	return c.clean(v, 0)
}

type cleaner struct {
	root   []byte
	active map[string]int // references that are being followed
	nodes  int
	// inside holds what lies in the places that references led through, so that
	// each is walked once.
	inside map[string]map[string][]byte
}

var anything = jsontext.Value("{}")

func (c *cleaner) clean(v []byte, depth int) jsontext.Value {
	n, ok := c.read(v, depth)
	if !ok {
		return anything
	}
	defer c.leave(&n)
	return c.write(&n, depth)
}

// node is a schema whose references and allOf have been followed.
type node struct {
	types    []string
	nullable bool
	enum     []jsontext.Value
	closed   bool // there was an enum
	keep     map[string]jsontext.Value
	props    []property
	named    map[string]bool // the names of props
	required []string
	needed   map[string]bool // the same as a set
	items    []byte
	prefix   [][]byte
	extra    []byte // additionalProperties
	anyOf    [][]byte
	refs     []string // to be left when the node has been written
}

type property struct {
	name   string
	schema []byte
}

// kept are the keywords that are written as they are.
var kept = []string{"format", "title", "description", "minItems", "maxItems", "minimum", "maximum"}

func (c *cleaner) read(v []byte, depth int) (node, bool) {
	c.nodes++
	var n node
	if depth > maxSchemaDepth || c.nodes > maxSchemaNodes || jsontext.Value(v).Kind() != '{' {
		return n, false
	}
	n.keep, n.named, n.needed = map[string]jsontext.Value{}, map[string]bool{}, map[string]bool{}
	c.gather(&n, v, depth)
	return n, true
}

func (c *cleaner) leave(n *node) {
	for _, r := range n.refs {
		c.active[r]--
	}
}

// gather adds what a schema says to a node. What the node says already stays:
// the words beside a reference are more particular than its target's.
func (c *cleaner) gather(n *node, v []byte, depth int) {
	var behind [][]byte // followed after the node's own words
	refs := len(n.refs)
	for o := scan.NewObject(v); o.Next(); {
		f := o.Field()
		switch name := string(f.Name); name {
		case "$ref", "$dynamicRef", "$recursiveRef":
			ref, _ := f.String()
			if target := c.resolve(ref); target != nil && c.active[ref] < maxSameRef {
				c.active[ref]++
				n.refs = append(n.refs, ref)
				behind = append(behind, target)
			}
		case "allOf":
			behind = append(behind, elements(f)...)
		case "type":
			c.readTypes(n, f)
		case "nullable":
			yes, _ := f.Bool()
			n.nullable = n.nullable || yes
		case "const":
			if !n.closed {
				n.enum, n.closed = []jsontext.Value{f.Value}, true
			}
		case "enum":
			if !n.closed && f.Kind == '[' {
				for _, e := range elements(f) {
					n.enum = append(n.enum, e)
				}
				n.closed = true
			}
		case "properties":
			if f.Kind == '{' {
				n.addProperties(f.Value)
			}
		case "required":
			for _, e := range elements(f) {
				if s, err := scan.Unquote(e); err == nil && !n.needed[string(s)] {
					n.required, n.needed[string(s)] = append(n.required, string(s)), true
				}
			}
		case "items":
			switch {
			case f.Kind == '[' && n.prefix == nil:
				n.prefix = elements(f)
			case f.Kind == '{' && n.items == nil:
				n.items = f.Value
			}
		case "prefixItems":
			if n.prefix == nil {
				n.prefix = elements(f)
			}
		case "additionalProperties":
			if n.extra == nil {
				n.extra = f.Value
			}
		case "anyOf", "oneOf":
			if n.anyOf == nil {
				n.anyOf = elements(f)
			}
		default:
			if _, there := n.keep[name]; !there && slices.Contains(kept, name) {
				n.keep[name] = f.Value
			}
		}
	}
	for _, b := range behind {
		c.nodes++
		if depth+len(n.refs)-refs <= maxSchemaDepth && c.nodes <= maxSchemaNodes && jsontext.Value(b).Kind() == '{' {
			c.gather(n, b, depth+1)
		}
	}
}

func (c *cleaner) readTypes(n *node, f scan.Field) {
	var types []string
	add := func(s string) {
		switch s = strings.ToLower(s); s {
		case "null":
			n.nullable = true
		case "string", "number", "integer", "boolean", "array", "object":
			types = append(types, s)
		}
	}
	if s, ok := f.String(); ok {
		add(s)
	}
	for _, e := range elements(f) {
		if s, err := scan.Unquote(e); err == nil {
			add(string(s))
		}
	}
	if n.types == nil {
		n.types = types
	}
}

func (n *node) addProperties(v []byte) {
	for o := scan.NewObject(v); o.Next(); {
		f := o.Field()
		name := string(f.Name)
		if !n.named[name] {
			n.props, n.named[name] = append(n.props, property{name, f.Value}), true
		}
	}
}

// elements lists an array; nothing when it is none.
func elements(f scan.Field) (out [][]byte) {
	if f.Kind != '[' {
		return nil
	}
	for a := scan.NewArray(f.Value); a.Next(); {
		v, _ := a.Value()
		out = append(out, v)
	}
	return out
}

// resolve finds what a reference inside the schema points at ("#/$defs/x"); nil
// when it points nowhere or outside.
func (c *cleaner) resolve(ref string) []byte {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := c.root
	if pointer == "" {
		return at
	}
	if pointer[0] != '/' {
		return nil
	}
	place := "#"
	for steps, step := range strings.Split(pointer[1:], "/") {
		if steps == maxSteps {
			return nil
		}
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		in, walked := c.inside[place]
		if !walked {
			in = children(at)
			c.inside[place] = in
		}
		at = in[step]
		if at == nil {
			return nil
		}
		place += "/" + step
	}
	return at
}

// maxSteps bounds how deep a reference may point.
const maxSteps = 16

// children maps the names of an object's fields, or the indexes of an array's
// elements, to their values.
func children(v []byte) map[string][]byte {
	in := map[string][]byte{}
	switch jsontext.Value(v).Kind() {
	case '{':
		for o := scan.NewObject(v); o.Next(); {
			in[string(o.Field().Name)] = o.Field().Value
		}
	case '[':
		for a := scan.NewArray(v); a.Next(); {
			e, _ := a.Value()
			in[strconv.Itoa(len(in))] = e
		}
	}
	return in
}

// write writes the node.
func (c *cleaner) write(n *node, depth int) jsontext.Value {
	n.settle()
	if len(n.types) > 1 {
		return c.union(n, depth)
	}
	var w object
	kind := ""
	if len(n.types) == 1 {
		kind = n.types[0]
		w.add("type", scan.Quote(kind))
	}
	n.words(&w, kind)
	switch kind {
	case "object":
		c.writeObject(&w, n, depth)
	case "array":
		c.writeArray(&w, n, depth)
	case "":
		c.writeAny(&w, n, depth)
	}
	if n.nullable {
		w.widen()
	}
	return w.bytes()
}

// settle works out the type where the schema leaves it to be seen.
func (n *node) settle() {
	if n.closed {
		n.enumerate()
	}
	if len(n.types) > 0 {
		return
	}
	switch {
	case len(n.props) > 0 || n.extra != nil && len(n.anyOf) == 0:
		n.types = []string{"object"}
	case n.items != nil || n.prefix != nil:
		n.types = []string{"array"}
	}
}

// enumerate keeps of an enum what Gemini takes, texts or numbers, and sees the
// type in them.
func (n *node) enumerate() {
	var texts, numbers []jsontext.Value
	bools, whole := 0, true
	for _, e := range n.enum {
		switch e.Kind() {
		case 'n':
			n.nullable = true
		case '"':
			if len(e) > 2 { // an empty text is refused
				texts = append(texts, e)
			}
		case '0':
			numbers = append(numbers, e)
			whole = whole && !bytes.ContainsAny(e, ".eE")
		case 't', 'f':
			bools++
		}
	}
	is := func(t string) bool { return len(n.types) == 0 || slices.Contains(n.types, t) }
	n.enum = nil
	switch {
	case len(texts) > 0 && len(numbers) == 0 && bools == 0 && is("string"):
		n.enum, n.types = texts, []string{"string"}
	case len(numbers) > 0 && len(texts) == 0 && bools == 0 && whole && is("integer"):
		n.enum, n.types = numbers, []string{"integer"}
	case len(numbers) > 0 && len(texts) == 0 && bools == 0 && is("number"):
		n.enum, n.types = numbers, []string{"number"}
	case bools > 0 && len(texts)+len(numbers) == 0 && is("boolean"):
		n.types = []string{"boolean"}
	}
}

// formats are the values of format that Gemini knows; another one is refused.
var formats = map[string][]string{
	"string": {`"date-time"`, `"date"`, `"time"`}, "integer": {`"int32"`, `"int64"`}, "number": {`"float"`, `"double"`},
}

// words writes what a schema of any type may say, and what goes with its type.
func (n *node) words(w *object, kind string) {
	for _, name := range kept {
		v, there := n.keep[name]
		if !there {
			continue
		}
		switch name {
		case "format":
			there = slices.Contains(formats[kind], string(v))
		case "title", "description":
			there = v.Kind() == '"'
		case "minItems", "maxItems":
			there = kind == "array" && v.Kind() == '0'
		case "minimum", "maximum":
			there = (kind == "integer" || kind == "number") && v.Kind() == '0'
		}
		if there {
			w.add(name, v)
		}
	}
	if len(n.enum) > 0 {
		w.add("enum", list(n.enum))
	}
}

func (c *cleaner) writeObject(w *object, n *node, depth int) {
	if len(n.props) > 0 {
		var props object
		for _, p := range n.props {
			props.add(p.name, c.clean(p.schema, depth+1))
		}
		w.add("properties", props.bytes())
	}
	var required []jsontext.Value
	for _, name := range n.required {
		if n.named[name] {
			required = append(required, scan.Quote(name))
		}
	}
	if len(required) > 0 {
		w.add("required", list(required))
	}
	switch jsontext.Value(n.extra).Kind() {
	case '{':
		w.add("additionalProperties", c.clean(n.extra, depth+1))
	case 't', 'f':
		w.add("additionalProperties", n.extra)
	}
}

func (c *cleaner) writeArray(w *object, n *node, depth int) {
	if len(n.prefix) > 0 {
		var prefix []jsontext.Value
		for _, p := range n.prefix {
			prefix = append(prefix, c.clean(p, depth+1))
		}
		w.add("prefixItems", list(prefix))
	}
	if n.items != nil || len(n.prefix) == 0 {
		w.add("items", c.clean(n.items, depth+1))
	}
}

// writeAny writes the alternatives of a schema without a type of its own. A
// null among them makes the schema nullable.
func (c *cleaner) writeAny(w *object, n *node, depth int) {
	var out []jsontext.Value
	for _, a := range n.anyOf {
		v := c.clean(a, depth+1)
		if isNull(a) {
			n.nullable = true
			continue
		}
		out = append(out, v)
	}
	if len(out) == 1 {
		// The one alternative is the schema itself.
		for o := scan.NewObject(out[0]); o.Next(); {
			f := o.Field()
			if !slices.Contains(w.names, string(f.Name)) {
				w.add(string(f.Name), f.Value)
			}
		}
		if slices.Contains(w.names, "type") && !bytes.HasPrefix(w.value("type"), []byte{'"'}) {
			n.nullable = false // it says so already
		}
		return
	}
	if len(out) > 1 {
		w.add("anyOf", list(out))
	}
}

func (w *object) value(name string) jsontext.Value {
	if i := slices.Index(w.names, name); i >= 0 {
		return w.values[i]
	}
	return nil
}

func isNull(v []byte) bool {
	for o := scan.NewObject(v); o.Next(); {
		if f := o.Field(); string(f.Name) == "type" {
			s, _ := f.String()
			return s == "null"
		}
	}
	return false
}

// union writes a schema of several types as alternatives of one each.
func (c *cleaner) union(n *node, depth int) jsontext.Value {
	var w object
	var out []jsontext.Value
	for _, kind := range n.types {
		one := *n
		one.types, one.nullable, one.closed = []string{kind}, false, false
		one.keep = map[string]jsontext.Value{}
		for _, name := range kept {
			if v, there := n.keep[name]; there && name != "title" && name != "description" {
				one.keep[name] = v
			}
		}
		out = append(out, c.write(&one, depth+1))
	}
	for _, name := range []string{"title", "description"} {
		if v, there := n.keep[name]; there && v.Kind() == '"' {
			w.add(name, v)
		}
	}
	w.add("anyOf", list(out))
	if n.nullable {
		w.widen()
	}
	return w.bytes()
}
