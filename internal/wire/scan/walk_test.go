package scan_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
)

// FuzzWalk writes a text down while it is walked: each object and array is gone
// through, or taken whole, or taken and gone back to. That comes to the same text; what
// is none does no harm.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\"x\\"},[],{}],"c":{"d":null}}`, ` [ { "a" : 1 , "a" : 2 } ] `, `"a"`, `{"a":1}x`, ``, `{"a":"\ud83d\ude00"`} {
		f.Add([]byte(seed), uint64(0b100110))
	}
	f.Fuzz(func(t *testing.T, in []byte, choices uint64) {
		w := scan.NewWalk(in)
		got := rewritten(&w, nil, &choices, scan.Kind(jsontext.Value(in).Kind()))
		err := w.End()
		want := jsontext.Value(in).Clone()
		if !want.IsValid() {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if err := want.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		if err := got.Canonicalize(); err != nil || !bytes.Equal(want, got) {
			t.Fatalf("%q was walked as %q: %v", in, got, err)
		}
	})
}

func rewritten(w *scan.Walk, out jsontext.Value, choices *uint64, kind scan.Kind) jsontext.Value {
	choice := *choices % 3
	*choices = *choices/3 | *choices<<62
	switch {
	case kind != '{' && kind != '[' || choice == 0:
		return append(out, w.Value()...)
	case choice == 1:
		w.In(w.Value(), func() { out = rewritten(w, out, choices, kind) })
		return out
	case kind == '[':
		out = append(out, '[')
		for k := range w.Elements() {
			out = append(rewritten(w, out, choices, k), ',')
		}
		return append(bytes.TrimSuffix(out, []byte{','}), ']')
	}
	out = append(out, '{')
	for name, k := range w.Fields() {
		out = append(append(out, scan.Quote(string(name))...), ':')
		out = append(rewritten(w, out, choices, k), ',')
	}
	return append(bytes.TrimSuffix(out, []byte{','}), '}')
}

// What is left is passed over, a walk stops at a name that stands twice, and what
// breaks off is an error wherever it was left.
func TestWalk(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":{"b":[1,2]},"c":[{"d":1}],"e":"x"}`: "a c e",
		`{"a":{"b":1,"b":2}}`:                     "a",
		`{"a":1,"b":2,"a":3,"c":4}`:               "a b !",
		`{"a":[1,2}`:                              "a !",
		`{"a"`:                                    "!",
		`[]`:                                      "!",
		` `:                                       "!",
		`{} {}`:                                   "!",
	} {
		w := scan.NewWalk([]byte(in))
		var got []string
		for name := range w.Fields() {
			got = append(got, string(name))
		}
		if w.End() != nil {
			got = append(got, "!")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
