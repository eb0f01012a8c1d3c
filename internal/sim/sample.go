package sim

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Bounds of a sample.
const (
	maxDepth   = 12
	maxMembers = 256
	maxSample  = 1024 // values in all
)

// encode writes v as JSON, the same bytes for the same value.
func encode(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return []byte("null") // nothing here is made of what can't be written
	}
	return b
}

// sampler makes a value that fits a JSON schema, roughly.
type sampler struct {
	root any
	w    writer
	made int
}

// value makes one for the schema v.
func (s *sampler) value(v any, depth int) any {
	schema, ok := v.(map[string]any)
	if s.made++; !ok || depth > maxDepth || s.made > maxSample {
		return map[string]any{}
	}
	if ref, ok := schema["$ref"].(string); ok {
		return s.value(s.resolve(ref), depth+1)
	}
	if c, ok := schema["const"]; ok {
		return c
	}
	if list, ok := schema["enum"].([]any); ok && len(list) > 0 {
		return list[s.w.next(len(list))]
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if list, ok := schema[key].([]any); ok && len(list) > 0 {
			return s.value(list[0], depth+1)
		}
	}
	switch typeOf(schema) {
	case "object":
		return s.object(schema, depth)
	case "array":
		return s.array(schema, depth)
	case "integer":
		return s.number(schema)
	case "number":
		return s.number(schema)
	case "boolean":
		return true
	case "null":
		return nil
	}
	return s.word(schema)
}

// typeOf returns the first type of a schema in lower case, since Gemini writes it in
// upper.
func typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return strings.ToLower(t)
	case []any:
		if len(t) > 0 {
			if name, ok := t[0].(string); ok {
				return strings.ToLower(name)
			}
		}
	}
	if _, ok := schema["properties"]; ok {
		return "object"
	}
	if _, ok := schema["items"]; ok {
		return "array"
	}
	return ""
}

// resolve follows a reference inside the schema.
func (s *sampler) resolve(ref string) any {
	at := s.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#"), "/") {
		if name == "" {
			continue
		}
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return at
}

func (s *sampler) object(schema map[string]any, depth int) any {
	properties, _ := schema["properties"].(map[string]any)
	names := slices.Sorted(maps.Keys(properties))
	if len(names) > maxMembers {
		names = names[:maxMembers]
	}
	object := make(map[string]any, len(names))
	for _, name := range names {
		object[name] = s.value(properties[name], depth+1)
	}
	return object
}

func (s *sampler) array(schema map[string]any, depth int) any {
	least, _ := schema["minItems"].(float64)
	n := min(max(int(least), 1), 8)
	list := make([]any, n)
	for i := range list {
		list[i] = s.value(schema["items"], depth+2) // a list of lists of lists grows
	}
	return list
}

func (s *sampler) number(schema map[string]any) any {
	lo, _ := schema["minimum"].(float64)
	if v, ok := schema["exclusiveMinimum"].(float64); ok {
		lo = v + 1
	}
	hi, ok := schema["maximum"].(float64)
	if v, has := schema["exclusiveMaximum"].(float64); has {
		hi, ok = v-1, true
	}
	n := lo + float64(s.w.next(10))
	if ok {
		n = min(n, hi)
	}
	return n
}

func (s *sampler) word(schema map[string]any) any {
	switch schema["format"] {
	case "date-time":
		return "2026-11-25T10:00:00Z"
	case "date":
		return "2026-11-25"
	case "email":
		return "ada@example.com"
	case "uri":
		return "https://example.com/"
	case "uuid":
		return "0193a6f0-0000-7000-8000-000000000001"
	}
	n := 12
	if most, ok := schema["maxLength"].(float64); ok {
		n = min(n, max(int(most), 0))
	}
	if least, ok := schema["minLength"].(float64); ok {
		n = min(max(n, int(least)), 4096)
	}
	return strings.TrimSpace(s.w.text(n))
}
