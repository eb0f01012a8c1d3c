package gemini

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// maxSchemaDepth bounds how deep a schema is followed; what lies below is any
// value.
const maxSchemaDepth = 40

// plainSchema turns Gemini's own Schema, an OpenAPI 3.0 subset with type names in
// capitals, into a JSON Schema.
func plainSchema(v jsontext.Value) jsontext.Value { return plainAt(v, 0) }

func plainAt(v jsontext.Value, depth int) jsontext.Value {
	if v.Kind() != '{' || depth > maxSchemaDepth {
		return jsontext.Value("{}")
	}
	nullable := false
	var w object
	o := scan.NewObject(v)
	for o.Next() {
		f := o.Field()
		name := camel(string(f.Name))
		switch name {
		case "nullable":
			nullable, _ = f.Bool()
		case "propertyOrdering":
		case "type":
			if s, ok := f.String(); ok && s != "" && s != "TYPE_UNSPECIFIED" {
				w.add(name, scan.Quote(strings.ToLower(s)))
			}
		case "properties", "defs", "$defs", "definitions":
			w.add(name, plainMap(f, depth))
		case "items", "additionalProperties":
			if f.Kind == '{' {
				w.add(name, plainAt(f.Value, depth+1))
			} else {
				w.add(name, f.Value)
			}
		case "anyOf", "oneOf", "allOf", "prefixItems":
			w.add(name, plainList(f, depth))
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			w.add(name, jsontext.Value(strings.Trim(string(f.Value), `"`))) // int64 comes as a string
		default:
			w.add(name, f.Value)
		}
	}
	if o.Err() != nil {
		return jsontext.Value("{}")
	}
	if nullable {
		w.widen()
	}
	return w.bytes()
}

func plainMap(f scan.Field, depth int) jsontext.Value {
	if f.Kind != '{' {
		return jsontext.Value("{}")
	}
	var w object
	for o := scan.NewObject(f.Value); o.Next(); {
		p := o.Field()
		w.add(string(p.Name), plainAt(p.Value, depth+1))
	}
	return w.bytes()
}

func plainList(f scan.Field, depth int) jsontext.Value {
	if f.Kind != '[' {
		return jsontext.Value("[]")
	}
	var out []jsontext.Value
	for a := scan.NewArray(f.Value); a.Next(); {
		v, _ := a.Value()
		out = append(out, plainAt(v, depth+1))
	}
	return list(out)
}

// object is a JSON object that is being written, its fields in order.
type object struct {
	names  []string
	values []jsontext.Value
}

func (w *object) add(name string, v jsontext.Value) {
	w.names, w.values = append(w.names, name), append(w.values, v)
}

// widen lets a schema's type be null too.
func (w *object) widen() {
	for i, n := range w.names {
		if n == "type" {
			w.values[i] = list([]jsontext.Value{w.values[i], scan.Quote("null")})
			return
		}
		if n == "anyOf" {
			w.values[i] = append(w.values[i][:len(w.values[i])-1:len(w.values[i])-1], `,{"type":"null"}]`...)
			return
		}
	}
}

func (w *object) bytes() jsontext.Value {
	out := jsontext.Value{'{'}
	for i, n := range w.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, scan.Quote(n)...), ':'), w.values[i]...)
	}
	return append(out, '}')
}

func list(vs []jsontext.Value) jsontext.Value {
	out := jsontext.Value{'['}
	for i, v := range vs {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}
