package scan

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Lenient takes what providers send in practice: a name twice, broken UTF-8.
var Lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Member finds a field of an object; nil when it isn't there, or when raw is no
// object.
func Member(raw []byte, name string) jsontext.Value {
	o := NewObject(raw)
	for o.Next() {
		if f := o.Field(); string(f.Name) == name {
			return f.Value
		}
	}
	return nil
}

// Text is the string that a JSON value is; "" for any other.
func Text(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	b, err := Unquote(v)
	if err != nil {
		return ""
	}
	return string(b)
}

// Sound is what a provider sent, as JSON that every reader takes: broken UTF-8
// and halves of surrogate pairs, as servers send that cut text between them,
// become replacement characters. What is sound already costs a look.
func Sound(data []byte) []byte {
	if utf8.Valid(data) && !bytes.Contains(data, []byte(`\ud`)) && !bytes.Contains(data, []byte(`\uD`)) {
		return data
	}
	if jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true)) {
		return data
	}
	out, err := jsontext.AppendFormat(nil, data, Lenient, jsontext.PreserveRawStrings(false))
	if err != nil {
		return data
	}
	return out
}

// Strict is a value that was read leniently, as every reader takes it: what is
// broken in its text is replaced, and of a name that stands twice the last is
// kept. What is strict already comes back as it is; false when v is no JSON.
func Strict(v jsontext.Value) (jsontext.Value, bool) {
	if v.IsValid() {
		return v, true
	}
	var read any
	if json.Unmarshal(v, &read, Lenient) != nil {
		return nil, false
	}
	out, err := json.Marshal(read, json.Deterministic(true))
	return out, err == nil
}
