package scan

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Closed returns a JSON Schema in which every object says that it has no other
// properties than the named ones: there are vendors who enforce no other. The order
// of fields, which the model's answer follows, stays. A schema that can't be read is
// returned as it is.
func Closed(schema jsontext.Value) jsontext.Value {
	var out bytes.Buffer
	c := closing{
		in:  jsontext.NewDecoder(bytes.NewReader(schema), Lenient),
		out: jsontext.NewEncoder(&out, Lenient),
	}
	if c.schema() != nil {
		return schema
	}
	return bytes.TrimSpace(out.Bytes())
}

type closing struct {
	in  *jsontext.Decoder
	out *jsontext.Encoder
}

// schema passes on one schema, or whatever stands in its place.
func (c *closing) schema() error {
	if c.in.PeekKind() != '{' {
		return c.copy()
	}
	object, said := false, false
	err := c.object(func(name string) error {
		switch name {
		case "properties":
			object = true
			return c.each()
		case "$defs", "definitions", "patternProperties", "dependentSchemas":
			return c.each()
		case "items", "anyOf", "oneOf", "allOf", "prefixItems", "not", "if", "then", "else", "contains":
			return c.nested()
		case "additionalProperties":
			said = true
			return c.nested()
		case "type":
			v, err := c.in.ReadValue()
			if err != nil {
				return err
			}
			object = object || allowsObject(v)
			return c.out.WriteValue(v)
		}
		return c.copy()
	}, func() error {
		if !object || said {
			return nil
		}
		if err := c.out.WriteToken(jsontext.String("additionalProperties")); err != nil {
			return err
		}
		return c.out.WriteToken(jsontext.False)
	})
	return err
}

// AnswersObject says whether a schema's own type allows an object.
func AnswersObject(schema []byte) bool { return allowsObject(Member(schema, "type")) }

func allowsObject(typ jsontext.Value) bool {
	return Text(typ) == "object" || typ.Kind() == '[' && bytes.Contains(typ, []byte(`"object"`))
}

// object passes on an object field by field; last may add fields.
func (c *closing) object(one func(name string) error, last func() error) error {
	if err := c.token(); err != nil {
		return err
	}
	for c.in.PeekKind() != '}' {
		t, err := c.in.ReadToken()
		if err != nil {
			return err
		}
		name := t.String()
		if err := c.out.WriteToken(jsontext.String(name)); err != nil {
			return err
		}
		if err := one(name); err != nil {
			return err
		}
	}
	if err := last(); err != nil {
		return err
	}
	return c.token()
}

// each passes on an object whose values are schemas, whatever their names.
func (c *closing) each() error {
	if c.in.PeekKind() != '{' {
		return c.copy()
	}
	return c.object(func(string) error { return c.schema() }, func() error { return nil })
}

// nested passes on a schema or an array of them.
func (c *closing) nested() error {
	if c.in.PeekKind() != '[' {
		return c.schema()
	}
	if err := c.token(); err != nil {
		return err
	}
	for c.in.PeekKind() != ']' {
		if err := c.schema(); err != nil {
			return err
		}
	}
	return c.token()
}

func (c *closing) token() error {
	t, err := c.in.ReadToken()
	if err != nil {
		return err
	}
	return c.out.WriteToken(t)
}

func (c *closing) copy() error {
	v, err := c.in.ReadValue()
	if err != nil {
		return err
	}
	return c.out.WriteValue(v)
}
