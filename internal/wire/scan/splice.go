package scan

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Edit is a change of one top-level field. Edits apply to the fields as they
// were: a renamed field can't be edited under its new name in the same splice.
type Edit struct {
	Name string
	// Value replaces the field's value, or adds the field; nil leaves the value.
	Value []byte
	// Rename gives the field another name; it is left out when a field of that
	// name is there.
	Rename string
	// Drop leaves the field out.
	Drop bool
}

// Splice returns the object with the edits made and every other byte as it was.
// The body must have been walked before (see CheckedObject). A field to be dropped
// or renamed that isn't there is no error. The error is that of walking the object.
func Splice(body []byte, edits []Edit) ([]byte, error) { return SpliceInto(nil, body, edits) }

// SpliceInto is Splice that writes in room's place, as far as it holds the object.
// room must not overlap with body or with what is in the edits.
func SpliceInto(room, body []byte, edits []Edit) ([]byte, error) {
	var store [48]Field
	fields := store[:0]
	o := CheckedObject(body)
	for o.Next() {
		fields = append(fields, o.Field())
	}
	if err := o.Err(); err != nil {
		return nil, err
	}
	size := len(body)
	for _, e := range edits {
		size += len(e.Name) + len(e.Value) + len(e.Rename) + 8
	}
	out := room[:0]
	if cap(out) < size {
		out = make([]byte, 0, size)
	}
	open := slices.Index(body, '{') + 1
	out = append(out, body[:open]...)
	copied, kept := open, 0 // up to where body is copied; where out ends after the last field kept
	for _, e := range edits {
		if e.Value == nil || e.Drop || has(fields, e.Name) {
			continue
		}
		if kept > 0 {
			out = append(out, ',')
		}
		out = append(append(AppendQuote(out, e.Name), ':'), e.Value...)
		kept = len(out)
	}
	if kept > 0 && remains(fields, edits) {
		out = append(out, ',')
	}
	for i, f := range fields {
		e := find(edits, f.Name)
		switch {
		case e == nil:
			out = append(out, body[copied:f.End]...)
			copied, kept = f.End, len(out)
		case e.Drop || e.Rename != "" && has(fields, e.Rename):
			if i+1 < len(fields) {
				// Up to the next name: the comma goes too.
				out = append(out, body[copied:f.NameStart]...)
				copied = fields[i+1].NameStart
			} else {
				// The last one: the comma before it goes.
				out = out[:max(kept, open)]
				copied = f.End
			}
		default:
			out = append(out, body[copied:f.NameStart]...)
			if e.Rename != "" {
				out = AppendQuote(out, e.Rename)
			} else {
				out = append(out, body[f.NameStart:nameEnd(body, f)]...)
			}
			out = append(out, body[nameEnd(body, f):f.Start]...)
			if e.Value != nil {
				out = append(out, e.Value...)
			} else {
				out = append(out, f.Value...)
			}
			copied, kept = f.End, len(out)
		}
	}
	return append(out, body[copied:]...), nil
}

// Quote writes a text as a JSON string, with what isn't UTF-8 in it replaced.
func Quote(s string) jsontext.Value { return AppendQuote(nil, s) }

// AppendQuote appends a text as a JSON string; what isn't UTF-8 in it is
// replaced.
func AppendQuote(dst []byte, s string) []byte {
	out, _ := jsontext.AppendQuote(dst, s) // the error says that something was replaced
	return out
}

// nameEnd is the offset after the field's name.
func nameEnd(body []byte, f Field) int {
	t := text{b: body, i: f.NameStart, checked: true}
	t.str()
	return t.i
}

func has(fields []Field, name string) bool {
	for i := range fields {
		if string(fields[i].Name) == name {
			return true
		}
	}
	return false
}

func find(edits []Edit, name []byte) *Edit {
	for i := range edits {
		if edits[i].Name == string(name) {
			return &edits[i]
		}
	}
	return nil
}

// remains says whether any field is left after the edits.
func remains(fields []Field, edits []Edit) bool {
	for _, f := range fields {
		if e := find(edits, f.Name); e == nil || !e.Drop && (e.Rename == "" || !has(fields, e.Rename)) {
			return true
		}
	}
	return false
}
