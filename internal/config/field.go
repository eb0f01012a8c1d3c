package config

import (
	"encoding"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is one field of a struct as the file names it.
type field struct {
	name  string
	index []int
	tag   reflect.StructTag
	typ   reflect.Type
}

// fieldsOf lists the fields of a struct in order; inline structs lend theirs.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case opts == "inline":
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				out = append(out, in)
			}
		case name != "" && name != "-":
			out = append(out, field{name, []int{i}, f.Tag, f.Type})
		}
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// quoteName keeps a name that a user chose readable inside of a path.
func quoteName(name string) string {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == 0xfffd }) {
		return strconv.Quote(name)
	}
	return name
}

// scalarText writes a scalar as the file would hold it, secrets masked.
func scalarText(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return ""
		}
		return string(text)
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return formatDuration(time.Duration(v.Int()))
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Kind() == reflect.String:
		return v.String()
	}
	return strconv.FormatInt(v.Int(), 10)
}

// valueOf is the struct behind a configuration, settable.
func valueOf(c *Config) reflect.Value { return reflect.ValueOf(c).Elem() }
