package converse

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// maxSchemaDepth is how deep schemas are looked through; deeper ones are the
// provider's to judge.
const maxSchemaDepth = 64

// closed returns a JSON Schema in which every object says that it has no other
// properties than the named ones: the API enforces no other (user guide,
// structured output). The order of fields, which the model's answer follows,
// stays.
func closed(schema jsontext.Value) jsontext.Value { return closedTo(schema, maxSchemaDepth) }

func closedTo(v jsontext.Value, depth int) jsontext.Value {
	if depth == 0 || v.Kind() != '{' {
		return v
	}
	var edits []scan.Edit
	object, said := false, false
	o := scan.NewObject(v)
	for o.Next() {
		f := o.Field()
		switch name := string(f.Name); name {
		case "properties":
			object = true
			edits = append(edits, scan.Edit{Name: name, Value: each(f.Value, depth-1)})
		case "$defs", "definitions", "patternProperties", "dependentSchemas":
			edits = append(edits, scan.Edit{Name: name, Value: each(f.Value, depth-1)})
		case "items", "anyOf", "oneOf", "allOf", "prefixItems", "not", "if", "then", "else", "contains":
			edits = append(edits, scan.Edit{Name: name, Value: nested(f.Value, depth-1)})
		case "additionalProperties":
			said = true
			edits = append(edits, scan.Edit{Name: name, Value: nested(f.Value, depth-1)})
		case "type":
			object = object || isObject(f.Value)
		}
	}
	if object && !said {
		edits = append(edits, scan.Edit{Name: "additionalProperties", Value: []byte("false")})
	}
	if o.Err() != nil {
		return v
	}
	out, err := scan.Splice(v, edits)
	if err != nil {
		return v
	}
	return out
}

// each closes the schemas that are the values of an object, whatever their names.
func each(v jsontext.Value, depth int) jsontext.Value {
	if v.Kind() != '{' {
		return v
	}
	out := []byte{'{'}
	o := scan.NewObject(v)
	for o.Next() {
		f := o.Field()
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(scan.AppendQuote(out, string(f.Name)), ':')
		out = append(out, closedTo(f.Value, depth)...)
	}
	if o.Err() != nil {
		return v
	}
	return append(out, '}')
}

// nested closes a schema, or each one of an array.
func nested(v jsontext.Value, depth int) jsontext.Value {
	if v.Kind() != '[' {
		return closedTo(v, depth)
	}
	out := []byte{'['}
	a := scan.NewArray(v)
	for a.Next() {
		item, _ := a.Value()
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, closedTo(item, depth)...)
	}
	if a.Err() != nil {
		return v
	}
	return append(out, ']')
}

// isObject says whether a schema's type allows an object.
func isObject(v jsontext.Value) bool {
	return scan.Text(v) == "object" || v.Kind() == '[' && bytes.Contains(v, []byte(`"object"`))
}
