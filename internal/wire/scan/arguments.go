package scan

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ArgumentsObject reads a call's arguments as the object that some APIs demand.
// What is none, as broken models write it, stands in a field of its own.
func ArgumentsObject(arguments string) jsontext.Value {
	if strings.TrimSpace(arguments) == "" {
		return jsontext.Value("{}")
	}
	if v, ok := Strict(jsontext.Value(arguments)); ok && v.Kind() == '{' {
		return v
	}
	return append(append([]byte(`{"_malformed_arguments":`), Quote(arguments)...), '}')
}

// ObjectArguments are the arguments of a call that came as an object: without the
// spaces in it, and none where it isn't one.
func ObjectArguments(input jsontext.Value) string {
	v := input.Clone()
	if v.Kind() != '{' || v.Compact(Lenient) != nil {
		return "{}"
	}
	return string(v)
}
