package wire

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// Losses gathers what a target can't say while a request is written for it.
type Losses struct {
	Downgrades []Downgrade
	// Err is the first reason why the request can't be written at all.
	Err error
}

// What is told of what is left out: clients may name any number of fields, at any
// length, and it stands in rows and in a header.
const (
	mostLost    = 32
	longestLost = 64 // bytes of a feature
	longestSaid = 300
)

// Lose names a feature that is left out, once.
func (l *Losses) Lose(feature, detail string) {
	feature, detail = shortened(feature, longestLost), shortened(detail, longestSaid)
	if len(l.Downgrades) < mostLost && !slices.ContainsFunc(l.Downgrades, func(d Downgrade) bool { return d.Feature == feature }) {
		l.Downgrades = append(l.Downgrades, Downgrade{Feature: feature, Detail: detail})
	}
}

func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Refuse fails the request where leaving something out would change what is
// asked.
func (l *Losses) Refuse(param, message string) {
	if l.Err == nil {
		l.Err = BadRequest(param, message)
	}
}

// Told is what a part says that the client wrote and that only another format has
// a word for: its text. Where it has none the request is refused, since to leave
// it out would change what is asked.
func (l *Losses) Told(param string, p llm.Opaque) string {
	if p.Text == "" {
		l.Refuse(param, "a part of type "+p.Type+" means nothing to another vendor: send its content in another form")
		return ""
	}
	l.Lose(p.Type, "a part of type "+p.Type+" was told in words")
	return p.Text
}

// Fields gathers the top-level fields of a request for a target in the order in
// which they are written, so that the same request always is the same bytes.
type Fields struct {
	Target Target
	Losses
	list []namedValue
}

type namedValue struct {
	name  string
	value any
}

// Refused says whether the target refuses a field, and notes that it is lost.
func (f *Fields) Refused(name string) bool {
	if !slices.Contains(f.Target.Reject, name) {
		return false
	}
	f.Lose(name, "the model refuses the parameter "+name)
	return true
}

// Put adds a field under the target's name for it, unless it refuses it.
func (f *Fields) Put(name string, value any) {
	if f.Refused(name) {
		return
	}
	if to, ok := f.Target.Rename[name]; ok {
		name = to
	}
	f.list = append(f.list, namedValue{name, value})
}

// PutWord adds a field whose value is there.
func (f *Fields) PutWord(name, v string) {
	if v != "" {
		f.Put(name, v)
	}
}

// PutMaybe adds a field whose value was said.
func PutMaybe[T any](f *Fields, name string, v *T) {
	if v != nil {
		f.Put(name, *v)
	}
}

// Object writes the fields, those that the target must have in the place of
// others of their name.
func (f *Fields) Object(o jsontext.Options) ([]byte, error) {
	for _, name := range slices.Sorted(maps.Keys(f.Target.Set)) {
		f.list = slices.DeleteFunc(f.list, func(v namedValue) bool { return v.name == name })
		f.list = append(f.list, namedValue{name, f.Target.Set[name]})
	}
	if f.Err != nil {
		return nil, f.Err
	}
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, o)
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	for _, v := range f.list {
		if err := e.WriteToken(jsontext.String(v.name)); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q: %w", v.name, err)
		}
		if err := json.MarshalEncode(e, v.value, o); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q can't be written: %w", v.name, err)
		}
	}
	if err := e.WriteToken(jsontext.EndObject); err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
