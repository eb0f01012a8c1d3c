package scan

import (
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
// become replacement characters, and of the members of an object that have one
// name the last is kept. What is sound already comes back as it is, and so does
// what is no JSON.
func Sound(data []byte) []byte {
	if out, ok := Strict(data); ok {
		return out
	}
	return data
}

// Strict is Sound for what must be JSON; false when it is none.
func Strict(v jsontext.Value) (jsontext.Value, bool) {
	if v.IsValid() {
		return v, true
	}
	out, err := jsontext.AppendFormat(nil, v, Lenient, jsontext.PreserveRawStrings(false))
	if err != nil {
		return nil, false
	}
	return lastOfName(out), true
}

// Read decodes what a provider sent, made [Sound] where it isn't: the raw values
// that v keeps are sound too.
func Read[T any](data []byte, v *T, o ...json.Options) error {
	err := json.Unmarshal(data, v, o...)
	if err == nil {
		return nil
	}
	sound, ok := Strict(data)
	if !ok {
		return err //nolint:wrapcheck // each caller says what it was that can't be read
	}
	*v = *new(T)
	return json.Unmarshal(sound, v, o...) //nolint:wrapcheck // as above
}
