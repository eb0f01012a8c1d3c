package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"
)

// Schema describes the file for editors and other tools (JSON Schema 2020-12).
// It accepts every file that [Load] accepts, and texts with ${…} wherever a
// value stands.
func Schema() *jsonschema.Schema {
	s := schemaOf(reflect.TypeFor[Config](), "")
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "OIDO configuration"
	for _, sc := range Scalars() {
		if sc.List || sc.Default == "" {
			continue
		}
		at := s
		for part := range strings.SplitSeq(sc.Path, ".") {
			at = at.Properties[part]
		}
		at.Default = defaultJSON(sc)
	}
	return s
}

func defaultJSON(sc Scalar) []byte {
	if sc.Default == "true" || sc.Default == "false" {
		return []byte(sc.Default)
	}
	if _, err := strconv.ParseFloat(sc.Default, 64); err == nil {
		return []byte(sc.Default)
	}
	quoted, err := jsontext.AppendQuote(nil, sc.Default)
	if err != nil {
		return nil // a default that isn't UTF-8 has none that JSON can say
	}
	return quoted
}

// expansion is a text that becomes a value only when it is expanded.
func expansion() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `\$\{[^}]+\}`}
}

func schemaOf(t reflect.Type, tag reflect.StructTag) *jsonschema.Schema {
	s := shapeOf(t, tag)
	s.Description = tag.Get("doc")
	return s
}

func shapeOf(t reflect.Type, tag reflect.StructTag) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Chain]():
		return anyOf(&jsonschema.Schema{Type: "string"}, &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}})
	case reflect.TypeFor[Formats]():
		name := reflect.TypeFor[string]()
		return anyOf(&jsonschema.Schema{Type: "array", Items: shapeOf(name, formatTag)},
			&jsonschema.Schema{Type: "object", PropertyNames: shapeOf(name, formatTag), AdditionalProperties: &jsonschema.Schema{Type: "string"}})
	case reflect.TypeFor[Timeout]():
		return anyOf(shapeOf(reflect.TypeFor[time.Duration](), ""), structSchema(t))
	}
	if named, ok := reflect.Zero(t).Interface().(interface{ element() reflect.Type }); ok {
		return &jsonschema.Schema{Types: []string{"object", "null"}, AdditionalProperties: schemaOf(named.element(), "")}
	}
	if isScalar(t) {
		return scalarSchema(t, tag)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return shapeOf(t.Elem(), tag)
	case reflect.Slice:
		return &jsonschema.Schema{Types: []string{"array", "null"}, Items: shapeOf(t.Elem(), tag)}
	}
	return structSchema(t)
}

func (n Named[T]) element() reflect.Type { return reflect.TypeFor[T]() }

func structSchema(t reflect.Type) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Types: []string{"object", "null"}, Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
	}
	for _, f := range fieldsOf(t) {
		s.Properties[f.name] = schemaOf(f.typ, f.tag)
		s.PropertyOrder = append(s.PropertyOrder, f.name)
	}
	return s
}

func anyOf(of ...*jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: append(of, &jsonschema.Schema{Type: "null"})}
}

func scalarSchema(t reflect.Type, tag reflect.StructTag) *jsonschema.Schema {
	if enum := tag.Get("enum"); enum != "" {
		of := &jsonschema.Schema{}
		for v := range strings.SplitSeq(enum, ",") {
			of.Enum = append(of.Enum, v)
			if v == "off" {
				of.Enum = append(of.Enum, false) // YAML 1.1 editors read off as false
			}
		}
		return anyOf(of, expansion())
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return anyOf(&jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$|\$\{`}, &jsonschema.Schema{Type: "integer", Enum: []any{0}})
	case t == reflect.TypeFor[Switch](), t.Kind() == reflect.Bool:
		return anyOf(&jsonschema.Schema{Type: "boolean"}, &jsonschema.Schema{Enum: []any{"on", "off"}}, expansion())
	case t == reflect.TypeFor[NanoUSD](), t == reflect.TypeFor[Fraction](), t == reflect.TypeFor[Bytes]():
		return &jsonschema.Schema{Types: []string{"number", "string", "null"}}
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		whole := &jsonschema.Schema{Type: "integer"}
		for bound, to := range map[string]**float64{"min": &whole.Minimum, "max": &whole.Maximum} {
			if f, err := strconv.ParseFloat(tag.Get(bound), 64); err == nil {
				*to = &f
			}
		}
		return anyOf(whole, expansion())
	}
	return &jsonschema.Schema{Types: []string{"string", "number", "null"}}
}

// SchemaJSON is [Schema] as indented JSON, for the file that editors read.
func SchemaJSON() ([]byte, error) {
	raw, err := Schema().MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	v := jsontext.Value(raw)
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(v, '\n'), nil
}
