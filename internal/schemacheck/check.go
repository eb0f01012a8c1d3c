// Package schemacheck says whether an answer keeps to the JSON Schema that was
// asked for. It looks at what the vendors' strict modes promise: types, fields,
// items, enums, alternatives and references inside of the schema. Of other keywords
// it takes anything.
//
// Both the schema and the answer are a stranger's: references may go in circles and
// alternatives may multiply, so that a check ends after a bounded number of steps,
// and then finds no fault.
package schemacheck

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxSteps bounds a check, maxDepth how deep it goes.
	maxSteps = 100_000
	maxDepth = 200
	// maxText bounds what is looked at, in bytes.
	maxText = 1 << 20
	// maxShown bounds what is told of a place, in bytes.
	maxShown = 200
)

// Fault says where an answer's text doesn't keep to a schema, and how; "": it does, as
// far as that can be said.
func Fault(schema []byte, text string) string {
	if len(text) > maxText || len(schema) > maxText {
		return ""
	}
	var v, s any
	if err := json.Unmarshal([]byte(text), &v, jsontext.AllowDuplicateNames(true)); err != nil {
		return "the answer is not JSON, which was asked for"
	}
	if len(schema) == 0 || json.Unmarshal(schema, &s, jsontext.AllowDuplicateNames(true)) != nil {
		return ""
	}
	c := checker{root: s}
	if at, why, ok := c.keeps(s, v, 0); !ok {
		return fmt.Sprintf("the answer doesn't keep to the schema that was asked for: %s %s", shown(at), why)
	}
	return ""
}

// shown is a place in the answer, as far as it is of use in a message.
func shown(at string) string {
	at = strings.TrimPrefix(at, ".")
	switch {
	case at == "":
		return "it"
	case len(at) > maxShown:
		return strings.ToValidUTF8(at[:maxShown], "") + "…"
	}
	return at
}

// checker is one check.
type checker struct {
	root  any
	steps int
}

// over counts so many steps, and says whether they were too many.
func (c *checker) over(steps int) bool {
	c.steps += steps
	return c.steps > maxSteps
}

// keeps says whether a value keeps to a schema; where it doesn't, at which place
// below it and why.
func (c *checker) keeps(schema, v any, depth int) (where, why string, ok bool) {
	if c.over(1) || depth > maxDepth {
		return "", "", true
	}
	s, isObject := schema.(map[string]any)
	if !isObject {
		if schema == false {
			return "", "must not be there", false
		}
		return "", "", true
	}
	if ref, _ := s["$ref"].(string); ref != "" {
		if target, found := c.follow(ref); found {
			if where, why, ok = c.keeps(target, v, depth+1); !ok {
				return where, why, false
			}
		}
	}
	if why := wrongType(s["type"], s["nullable"], v); why != "" {
		return "", why, false
	}
	if e, said := s["enum"].([]any); said && !c.over(len(e)) && !slices.ContainsFunc(e, func(one any) bool { return reflect.DeepEqual(one, v) }) {
		return "", "is none of the values that it may be", false
	}
	if one, said := s["const"]; said && !reflect.DeepEqual(one, v) {
		return "", "is not what it must be", false
	}
	for _, all := range list(s["allOf"]) {
		if where, why, ok = c.keeps(all, v, depth+1); !ok {
			return where, why, false
		}
	}
	for _, name := range []string{"anyOf", "oneOf"} {
		if some := list(s[name]); len(some) > 0 && !slices.ContainsFunc(some, func(one any) bool {
			_, _, ok := c.keeps(one, v, depth+1)
			return ok
		}) {
			return "", "is like none of the alternatives", false
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return c.object(s, v, depth)
	case []any:
		if items, said := s["items"]; said {
			for i, one := range v {
				if where, why, ok = c.keeps(items, one, depth+1); !ok {
					return "[" + strconv.Itoa(i) + "]" + where, why, false
				}
			}
		}
	}
	return "", "", true
}

func (c *checker) object(s, v map[string]any, depth int) (where, why string, ok bool) {
	required := list(s["required"])
	if c.over(len(required)) {
		return "", "", true
	}
	for _, name := range required {
		if name, isText := name.(string); isText {
			if _, there := v[name]; !there {
				return "." + name, "is missing", false
			}
		}
	}
	known, _ := s["properties"].(map[string]any)
	others, said := s["additionalProperties"]
	if _, patterns := s["patternProperties"]; patterns {
		said = false
	}
	for name, one := range v {
		sub, there := known[name]
		if !there {
			if !said {
				continue
			}
			sub = others
		}
		if where, why, ok = c.keeps(sub, one, depth+1); !ok {
			return "." + name + where, why, false
		}
	}
	return "", "", true
}

// follow finds what a reference inside of the schema stands for.
func (c *checker) follow(ref string) (any, bool) {
	path, inside := strings.CutPrefix(ref, "#")
	if !inside {
		return nil, false
	}
	at := c.root
	for path != "" {
		var name string
		name, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
		o, isObject := at.(map[string]any)
		if !isObject {
			return nil, false
		}
		if at, isObject = o[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !isObject {
			return nil, false
		}
		if path != "" {
			path = "/" + path
		}
	}
	return at, true
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// wrongType says how a value's type differs from those that are asked for.
func wrongType(types, nullable, v any) string {
	if v == nil && nullable == true {
		return ""
	}
	want := list(types)
	if one, said := types.(string); said {
		want = []any{one}
	}
	if len(want) == 0 {
		return ""
	}
	var names []string
	for _, t := range want {
		name, _ := t.(string)
		name = strings.ToLower(name) // Gemini writes them large
		if is(name, v) {
			return ""
		}
		names = append(names, name)
	}
	return "is not of type " + strings.Join(names, " or ")
}

func is(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return true
}
