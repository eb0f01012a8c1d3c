package config

import (
	"reflect"
	"strconv"
	"strings"
)

// SourceKind says how a field was said.
type SourceKind string

// Where a field's value came from.
const (
	FromFile SourceKind = "file"
	FromEnv  SourceKind = "env"
	FromFlag SourceKind = "flag"
)

// Source is where a field's value was said.
type Source struct {
	Kind SourceKind
	// Name is the file, the environment variable or the flag.
	Name string
	// Line and Column stand in the file, from 1; 0 elsewhere.
	Line, Column int
}

// Scalar is a field that can also be said by a flag or in the environment.
type Scalar struct {
	// Path is the field in the file, like log.level.
	Path string
	// Env is the environment variable, like OIDO_LOG_LEVEL. An empty one is
	// the same as none.
	Env string
	// Flag is the flag without its dashes, like log-level.
	Flag string
	// Help is one line on the field's meaning.
	Help string
	// Default is its text without file, flag and environment.
	Default string
	// List says that the value is a list, separated by commas.
	List bool
	// Bool says that the value is on or off, so that its flag may stand alone.
	Bool bool
	// Enum are the allowed values, for completion; none: not a closed set.
	Enum []string
	// Restart says that a running server can't take a change of it.
	Restart bool

	index []int
	tag   reflect.StructTag
}

// Scalars lists the fields that flags and environment variables can say, in
// the file's order.
func Scalars() []Scalar {
	return scalarsOf(reflect.ValueOf(Default()).Elem(), "", nil)
}

func scalarsOf(v reflect.Value, path string, index []int) []Scalar {
	var out []Scalar
	for _, f := range fieldsOf(v.Type()) {
		at, full := append(append([]int(nil), index...), f.index...), join(path, f.name)
		value := v.FieldByIndex(f.index)
		list := f.typ.Kind() == reflect.Slice && f.typ.Name() == "" && isScalar(f.typ.Elem())
		switch {
		case isScalar(f.typ) || list:
			s := Scalar{
				Path: full, Help: f.tag.Get("doc"), List: list,
				Flag:    strings.NewReplacer(".", "-", "_", "-").Replace(full),
				Env:     "OIDO_" + strings.ToUpper(strings.ReplaceAll(full, ".", "_")),
				Bool:    f.typ.Kind() == reflect.Bool,
				Restart: f.tag.Get("restart") == "true",
				index:   at, tag: f.tag,
			}
			if enum := f.tag.Get("enum"); enum != "" {
				s.Enum = strings.Split(enum, ",")
			}
			if !list {
				s.Default = scalarText(value)
			}
			out = append(out, s)
		case f.typ.Kind() == reflect.Struct:
			out = append(out, scalarsOf(value, full, at)...)
		}
	}
	return out
}

// set reads text, which source said, into the scalar's field of c.
func (s Scalar) set(c *Config, text string, source Source) *Error {
	v := reflect.ValueOf(c).Elem().FieldByIndex(s.index)
	name := source.Name
	if source.Kind == FromFlag {
		name = "--" + name
	}
	fail := func(value, problem, suggestion string, t reflect.Type) *Error {
		return &Error{Field: name, Problem: shown(value, false, t) + problem, Suggestion: suggestion}
	}
	c.Sources[s.Path] = source
	if !s.List {
		if problem, suggestion := setScalar(v, text, s.tag); problem != "" {
			return fail(text, problem, suggestion, v.Type())
		}
		return nil
	}
	out := reflect.MakeSlice(v.Type(), 0, 4)
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		el := reflect.New(v.Type().Elem()).Elem()
		if problem, suggestion := setScalar(el, item, s.tag); problem != "" {
			return fail(item, problem, suggestion, el.Type())
		}
		c.Sources[s.Path+"["+strconv.Itoa(out.Len())+"]"] = source
		out = reflect.Append(out, el)
	}
	v.Set(out)
	return nil
}

// RestartNeeded lists the fields that differ between two configurations and
// that a running server can't take: it keeps the old value until a restart.
func RestartNeeded(running, next *Config) []string {
	var out []string
	a, b := reflect.ValueOf(running).Elem(), reflect.ValueOf(next).Elem()
	for _, s := range Scalars() {
		if s.Restart && !reflect.DeepEqual(a.FieldByIndex(s.index).Interface(), b.FieldByIndex(s.index).Interface()) {
			out = append(out, s.Path)
		}
	}
	return out
}
