package sim

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"
)

// checker walks a request and keeps the first thing that its provider would
// refuse.
type checker struct {
	voice   voice
	lenient bool // the provider ignores fields that it doesn't know
	failure *failure
}

// voice is how a vendor names fields and complains about them.
type voice interface {
	// join names a member of an object, or an item of an array.
	join(at, name string) string
	item(at string, i int) string
	// same names a field as the tables here do.
	same(name string) string

	unknown(at, name string) *failure
	missing(at string) *failure
	mistyped(at, want string, got any) *failure
	outOfRange(at string, got, lo, hi float64) *failure
	notAmong(at, got string, allowed []string) *failure
	malformed(at, pattern string) *failure
}

// node is one value of a request, or its absence.
type node struct {
	c  *checker
	at string
	v  any // nil when absent or null
}

// fields are the members that an object may have, each with what is asked of it.
type fields map[string]func(node)

// parse reads a request. Text that isn't one JSON object with unique names is
// refused.
func (c *checker) parse(body []byte) node {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		text := "We could not parse the JSON body of your request."
		if len(bytes.TrimSpace(body)) > 0 {
			text += " " + err.Error()
		}
		c.refuse(refuse("", "", "%s", text))
	}
	if _, ok := v.(map[string]any); !ok {
		c.refuse(refuse("", "", "The JSON body of the request must be an object."))
	}
	return node{c: c, v: v}
}

// refuse keeps f, unless something was refused before.
func (c *checker) refuse(f *failure) {
	if c.failure == nil {
		c.failure = f
	}
}

// fail refuses the value of n.
func (n node) fail(code, text string, args ...any) { n.c.refuse(refuse(n.at, code, text, args...)) }

// has says whether n is there and not null.
func (n node) has() bool { return n.v != nil }

// need refuses a request that lacks n.
func (n node) need() node {
	if !n.has() {
		n.c.refuse(n.c.voice.missing(n.at))
	}
	return n
}

// field returns a member of n, absent if n is no object.
func (n node) field(name string) node {
	child := node{c: n.c, at: n.c.voice.join(n.at, name)}
	object, ok := n.v.(map[string]any)
	if !ok {
		return child
	}
	if v, ok := object[name]; ok {
		child.v = v
		return child
	}
	for key, v := range object {
		if n.c.voice.same(key) == name {
			child.v = v
		}
	}
	return child
}

// obey holds n to a table of members. An absent n obeys.
func (n node) obey(table fields) {
	if !n.has() {
		return
	}
	object := n.object()
	for _, key := range slices.Sorted(maps.Keys(object)) {
		name := n.c.voice.same(key)
		rule, known := table[name]
		switch {
		case !known && !n.c.lenient:
			n.c.refuse(n.c.voice.unknown(n.at, key))
		case rule != nil && object[key] != nil:
			rule(node{c: n.c, at: n.c.voice.join(n.at, name), v: object[key]})
		}
	}
}

// object returns the members of n.
func (n node) object() map[string]any {
	v, ok := n.v.(map[string]any)
	if !ok && n.has() {
		n.c.refuse(n.c.voice.mistyped(n.at, "object", n.v))
	}
	return v
}

// items returns the values of the array n.
func (n node) items() []node {
	v, ok := n.v.([]any)
	if !ok && n.has() {
		n.c.refuse(n.c.voice.mistyped(n.at, "array", n.v))
	}
	list := make([]node, len(v))
	for i := range v {
		list[i] = node{c: n.c, at: n.c.voice.item(n.at, i), v: v[i]}
	}
	return list
}

// text returns the string n.
func (n node) text() string {
	v, ok := n.v.(string)
	if !ok && n.has() {
		n.c.refuse(n.c.voice.mistyped(n.at, "string", n.v))
	}
	return v
}

// isText says whether n is a string.
func (n node) isText() bool {
	_, ok := n.v.(string)
	return ok
}

// flag returns the boolean n.
func (n node) flag() bool {
	v, ok := n.v.(bool)
	if !ok && n.has() {
		n.c.refuse(n.c.voice.mistyped(n.at, "boolean", n.v))
	}
	return v
}

// number returns the number n, 0 when absent.
func (n node) number() float64 {
	v, ok := n.v.(float64)
	if !ok && n.has() {
		n.c.refuse(n.c.voice.mistyped(n.at, "number", n.v))
	}
	return v
}

// integer returns the whole number n, 0 when absent.
func (n node) integer() int {
	v := n.number()
	if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
		n.c.refuse(n.c.voice.mistyped(n.at, "integer", n.v))
		return 0
	}
	return int(v)
}

// among returns the string n, which must be one of the words.
func (n node) among(words ...string) string {
	v := n.text()
	if n.isText() && !slices.Contains(words, v) {
		n.c.refuse(n.c.voice.notAmong(n.at, v, words))
	}
	return v
}

// match returns the string n, which must match the pattern.
func (n node) match(pattern *regexp.Regexp) string {
	v := n.text()
	if n.isText() && !pattern.MatchString(v) {
		n.c.refuse(n.c.voice.malformed(n.at, pattern.String()))
	}
	return v
}

// The rules that tables are made of.

func anyText(n node)   { n.text() }
func anyFlag(n node)   { n.flag() }
func anyNumber(n node) { n.number() }
func anyInt(n node)    { n.integer() }
func anyObject(n node) { n.object() }

func anyList(n node) { n.items() }

func textList(n node) {
	for _, item := range n.items() {
		item.need().text()
	}
}

// within asks for a number between two others.
func within(lo, hi float64) func(node) {
	return func(n node) {
		if v := n.number(); v < lo || v > hi {
			n.c.refuse(n.c.voice.outOfRange(n.at, v, lo, hi))
		}
	}
}

// count asks for a whole number between two others.
func count(lo, hi int) func(node) {
	return func(n node) {
		if v := n.integer(); v < lo || v > hi {
			n.c.refuse(n.c.voice.outOfRange(n.at, float64(v), float64(lo), float64(hi)))
		}
	}
}

// oneOf asks for one of some words.
func oneOf(words ...string) func(node) { return func(n node) { n.among(words...) } }

// shape asks for an object with some members.
func shape(table fields) func(node) { return func(n node) { n.obey(table) } }

// jsonType names what v is, as JSON calls it.
func jsonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}
