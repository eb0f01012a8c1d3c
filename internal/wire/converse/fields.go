package converse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// fields are the values of a request under the dotted paths where they stand, in
// the order in which they are written.
type fields []leaf

type leaf struct {
	path  string
	value jsontext.Value
}

// put sets a value; a later one of the same path, or of one above or below it,
// takes its place.
func (f *fields) put(path string, v any) error {
	raw, err := json.Marshal(v, writing)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f.set(path, raw)
	return nil
}

func (f *fields) set(path string, v jsontext.Value) {
	if i := slices.IndexFunc(*f, func(l leaf) bool { return l.path == path }); i >= 0 {
		(*f)[i].value = v
		return
	}
	f.drop(path)
	*f = slices.DeleteFunc(*f, func(l leaf) bool { return below(path, l.path) })
	*f = append(*f, leaf{path, v})
}

// drop takes out what stands at a path and below it, and says whether anything
// did.
func (f *fields) drop(path string) bool {
	n := len(*f)
	*f = slices.DeleteFunc(*f, func(l leaf) bool { return l.path == path || below(l.path, path) })
	return len(*f) < n
}

func below(path, of string) bool { return strings.HasPrefix(path, of+".") }

// fit does what the target's profile says: fields refused, renamed and added.
func (f *fields) fit(t wire.Target, lost *wire.Losses) error {
	for _, name := range t.Reject {
		if f.drop(name) {
			lost.Lose(name, "the model doesn't take "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Rename)) {
		to := t.Rename[name]
		i := slices.IndexFunc(*f, func(l leaf) bool { return l.path == name })
		if i < 0 || slices.ContainsFunc(*f, func(l leaf) bool { return l.path == to }) {
			continue
		}
		v := (*f)[i].value
		f.drop(name)
		f.set(to, v)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Set)) {
		if err := f.put(name, t.Set[name]); err != nil {
			return llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
		}
	}
	return nil
}

// object writes the fields as one object. Those of one parent stand together,
// where the first of them does.
func (f fields) object() []byte { return appendObject(nil, f) }

func appendObject(b []byte, f fields) []byte {
	b = append(b, '{')
	for first := true; len(f) > 0; first = false {
		if !first {
			b = append(b, ',')
		}
		name, _, nested := strings.Cut(f[0].path, ".")
		b = append(scan.AppendQuote(b, name), ':')
		if !nested {
			b = append(b, f[0].value...)
			f = f[1:]
			continue
		}
		var inner, rest fields
		for _, l := range f {
			if path, ok := strings.CutPrefix(l.path, name+"."); ok {
				inner = append(inner, leaf{path, l.value})
			} else {
				rest = append(rest, l)
			}
		}
		b = appendObject(b, inner)
		f = rest
	}
	return append(b, '}')
}
