package scan_test

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/wire/scan"
)

var unsound = []struct{ in, want string }{
	{`{"a":1,"a":2}`, `{"a":2}`},
	{`{"a":1,"b":2,"a":3,"b":4,"a":5}`, `{"b":4,"a":5}`},
	{`{"a":{"x":1,"x":2},"b":[{"y":1,"y":2},[]],"a":{}}`, `{"b":[{"y":2},[]],"a":{}}`},
	{` [ { "a" : 1 , "\u0061" : { } } , 0 ] `, `[{"a":{}},0]`},
	{`{"n":12345678901234567890,"":1e999,"":-0.10}`, `{"n":12345678901234567890,"":-0.10}`},
	{"{\"a\xff\":1,\"a\ufffd\":\"\\ud83d\"}", "{\"a\ufffd\":\"\ufffd\"}"},
	{`"\ud83d\ude00\udc00"`, "\"😀\ufffd\""},
	{`{"a":"x","a":"\"},{"}`, `{"a":"\"},{"}`},
}

// What isn't quite JSON becomes it with as little changed as can be.
func TestSound(t *testing.T) {
	t.Parallel()
	for _, test := range unsound {
		if got := scan.Sound([]byte(test.in)); string(got) != test.want {
			t.Errorf("%s became %s, want %s", test.in, got, test.want)
		}
	}
	for _, in := range []string{``, `{`, ` { "a" : [ 1.50 , "\u00e9\ud83d\ude00" ] } `, `{"a":1,"a":2} x`, `{"a" 1}`, "\xff"} {
		if got := scan.Sound([]byte(in)); string(got) != in {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// What is read of JSON that isn't quite is what is read when it was made sound, and
// so is what is left of a value that held something else before.
func TestRead(t *testing.T) {
	t.Parallel()
	type value struct {
		A string         `json:"a"`
		B int            `json:"b"`
		C jsontext.Value `json:"c"`
	}
	for _, test := range []struct {
		in   string
		want value
		ok   bool
	}{
		{`{"a":"x","b":1}`, value{A: "x", B: 1}, true},
		{"{\"b\":1,\"a\":\"\xff\",\"c\":[{\"x\":1,\"x\":2}]}", value{A: "\ufffd", B: 1, C: []byte(`[{"x":2}]`)}, true},
		{`{"b":1,"b":"x","b":2}`, value{B: 2}, true},
		{`{"b":"x"}`, value{}, false},
		{`{"a":"x"`, value{A: "x"}, false},
	} {
		var got value
		if err := scan.Read([]byte(test.in), &got); (err == nil) != test.ok {
			t.Errorf("%q: %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.in, diff)
		}
	}
}

// Whatever is JSON to a lenient reader is made such that a strict one reads the
// same, and what a strict one takes is left alone.
func FuzzSound(f *testing.F) {
	for _, test := range unsound {
		f.Add([]byte(test.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, ok := scan.Strict(in)
		if ok != jsontext.Value(in).IsValid(scan.Lenient) {
			t.Fatalf("%q is JSON: %v", in, ok)
		}
		if !ok {
			return
		}
		if !out.IsValid() || len(out) > 3*len(in) {
			t.Fatalf("%q became %q", in, out)
		}
		if jsontext.Value(in).IsValid() && !bytes.Equal(in, out) {
			t.Fatalf("%q was good and became %q", in, out)
		}
		want := valueOf(t, jsontext.NewDecoder(bytes.NewReader(in), scan.Lenient))
		got := valueOf(t, jsontext.NewDecoder(bytes.NewReader(out)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q became %q: %s", in, out, diff)
		}
	})
}

// valueOf reads a value as nearly all readers do: of the members of one name the
// last counts. A number is its digits.
func valueOf(t *testing.T, d *jsontext.Decoder) any {
	next := func() jsontext.Token {
		token, err := d.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	switch token := next(); token.Kind() {
	case '{':
		out := map[string]any{}
		for d.PeekKind() != '}' {
			name := next().String()
			out[name] = valueOf(t, d)
		}
		next()
		return out
	case '[':
		out := []any{}
		for d.PeekKind() != ']' {
			out = append(out, valueOf(t, d))
		}
		next()
		return out
	case '"':
		return "text " + token.String()
	default:
		return token.String()
	}
}
