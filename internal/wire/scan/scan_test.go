package scan_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/wire/scan"
)

func names(b []byte) (out []string, err error) { return walk(scan.NewObject(b)) }

func walk(o scan.Object) (out []string, err error) {
	for o.Next() {
		f := o.Field()
		out = append(out, string(f.Name)+"="+string(f.Value))
	}
	return out, o.Err()
}

func TestObjectWalksTheTopLevel(t *testing.T) {
	t.Parallel()
	got, err := names([]byte(` { "model" : "gpt" , "mes\u0073ages":[{"a":[1,{}]}, -1.5e+3],"n":null , "s":true,"é":"\ud83d\ude00"} `))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`model="gpt"`, `messages=[{"a":[1,{}]}, -1.5e+3]`, "n=null", "s=true", `é="\ud83d\ude00"`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A text that was walked before is walked alike, quotes and backslashes of all
// kinds included.
func TestCheckedWalksAlike(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`{"a":"\\"}`, `{"a":"\\\"","b":"\"\\\\"}`, `{"\"":{"x":["\\",""]},"":""}`, string(escaped(4000)), string(chatty(4000))} {
		want, err := names([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := walk(scan.CheckedObject([]byte(in)))
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%.60s: %v\n%s", in, err, d)
		}
	}
	for _, in := range []string{``, `"`, `{"`, `{"a":"\`, `{"a":"\"`, `{"a":"\\\"`} {
		if got, err := walk(scan.CheckedObject([]byte(in))); err == nil {
			t.Errorf("%s: %q, want an error", in, got)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	t.Parallel()
	deep := `{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + "}"
	for name, in := range map[string]string{
		"nothing": "", "an array": "[]", "a string": `"x"`, "no end": `{"a":1`, "no colon": `{"a" 1}`, "a comma too many": `{"a":1,}`, "text after it": `{} x`,
		"a bare word": `{"a":nul}`, "a leading zero": `{"a":01}`, "a bare point": `{"a":1.}`, "a tab in a string": "{\"a\":\"\t\"}", "bad UTF-8": "{\"a\":\"\xff\"}",
		"a lone surrogate": `{"a":"\ud800"}`, "a bad escape": `{"a":"\x"}`, "too deep": deep, "mismatched": `{"a":[}]}`, "single quotes": `{'a':1}`,
	} {
		var syntax *scan.SyntaxError
		if _, err := names([]byte(in)); !errors.As(err, &syntax) {
			t.Errorf("%s: %v, want a syntax error", name, err)
		}
	}
	many := "{"
	for i := range 100 {
		many += `"` + strings.Repeat("x", i+1) + `":1,`
	}
	for _, in := range []string{`{"model":1,"a":2,"model":3}`, `{"model":1,"mod\u0065l":3}`, many + `"` + strings.Repeat("x", 90) + `":1}`} {
		var dup *scan.DuplicateError
		if _, err := names([]byte(in)); !errors.As(err, &dup) {
			t.Errorf("%.60s: %v, want a duplicate error", in, err)
		}
	}
}

func TestArrayWalksItsElements(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{`[]`: nil, ` [ ] `: nil, `[1]`: {"1"}, `[ {"a":1} , "x",[2] ]`: {`{"a":1}`, `"x"`, "[2]"}} {
		a := scan.NewArray([]byte(in))
		var got []string
		for a.Next() {
			v, _ := a.Value()
			got = append(got, string(v))
		}
		if d := cmp.Diff(want, got); d != "" || a.Err() != nil {
			t.Errorf("%s: %v %s", in, a.Err(), d)
		}
	}
	for _, in := range []string{"", "{}", "[1", "[1 2]", "[1,]", "[] x"} {
		a := scan.NewArray([]byte(in))
		for a.Next() {
		}
		if a.Err() == nil {
			t.Errorf("%s: no error", in)
		}
	}
}

func TestSpliceKeepsEveryOtherByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in, want string
		edits          []scan.Edit
	}{
		{"nothing", ` {"a" : 1} `, ` {"a" : 1} `, nil},
		{"replace", `{"model": "x", "b":2}`, `{"model": "y", "b":2}`, []scan.Edit{{Name: "model", Value: []byte(`"y"`)}}},
		{"add", `{"b":2}`, `{"s":true,"b":2}`, []scan.Edit{{Name: "s", Value: []byte("true")}}},
		{"add to an empty one", `{ }`, `{"s":true }`, []scan.Edit{{Name: "s", Value: []byte("true")}}},
		{"drop the first", `{"a":1, "b":2}`, `{"b":2}`, []scan.Edit{{Name: "a", Drop: true}}},
		{"drop the middle", `{"a":1, "b":2, "c":3}`, `{"a":1, "c":3}`, []scan.Edit{{Name: "b", Drop: true}}},
		{"drop the last", `{"a":1, "b":2 }`, `{"a":1 }`, []scan.Edit{{Name: "b", Drop: true}}},
		{"drop the only", `{ "a":1 }`, `{ }`, []scan.Edit{{Name: "a", Drop: true}}},
		{"drop the last two", `{"a":1, "b":2, "c":3}`, `{"a":1}`, []scan.Edit{{Name: "b", Drop: true}, {Name: "c", Drop: true}}},
		{"drop all and add", `{"a":1, "b":2}`, `{"z":0}`, []scan.Edit{{Name: "a", Drop: true}, {Name: "b", Drop: true}, {Name: "z", Value: []byte("0")}}},
		{"rename", `{"max_tokens" : 5}`, `{"max_completion_tokens" : 5}`, []scan.Edit{{Name: "max_tokens", Rename: "max_completion_tokens"}}},
		{"rename to one that is there", `{"a":1,"b":2}`, `{"b":2}`, []scan.Edit{{Name: "a", Rename: "b"}}},
		{"an escaped name", `{"mod\u0065l":1}`, `{"mod\u0065l":2}`, []scan.Edit{{Name: "model", Value: []byte("2")}}},
	} {
		got, err := scan.Splice([]byte(c.in), c.edits)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

// After a splice the object is the old one with the edits made.
func TestSpliceDoesWhatItsEditsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "é", `"`}), rapid.ID[string]).Draw(t, "keys")
		var parts []string
		want := map[string]any{}
		for _, k := range keys {
			q, _ := jsontext.AppendQuote(nil, k)
			parts = append(parts, rapid.SampledFrom([]string{"", " "}).Draw(t, "space")+string(q)+" :[1, \"x\"]")
			want[k] = []any{1.0, "x"}
		}
		var edits []scan.Edit
		for _, k := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "z", `"`}), rapid.ID[string]).Draw(t, "edited") {
			if rapid.Bool().Draw(t, "drop") {
				edits = append(edits, scan.Edit{Name: k, Drop: true})
				delete(want, k)
			} else {
				edits = append(edits, scan.Edit{Name: k, Value: []byte("7")})
				want[k] = 7.0
			}
		}
		body := "{" + strings.Join(parts, ",") + " }"
		got, err := scan.Splice([]byte(body), edits)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]any{}
		if err := json.Unmarshal(got, &have); err != nil {
			t.Fatalf("%s became %s: %v", body, got, err)
		}
		if d := cmp.Diff(want, have); d != "" {
			t.Fatalf("%s became %s: %s", body, got, d)
		}
	})
}

func big(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"`)
	for b.Len() < n {
		b.WriteString("The quick brown fox jumps over the lazy dog. ")
	}
	b.WriteString(`"}],"temperature":0.5}`)
	return b.Bytes()
}

func chatty(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4o","messages":[`)
	for b.Len() < n {
		b.WriteString(`{"role":"user","content":"` + strings.Repeat("some words and ", 15) + `"},`)
	}
	b.WriteString(`{"role":"user","content":"end"}]}`)
	return b.Bytes()
}

func escaped(n int) []byte {
	return []byte(`{"content":"` + strings.Repeat(`line of code\n\t\"quoted\"`, n/24) + `"}`)
}

func TestWalkingCostsNoAllocation(t *testing.T) {
	body := big(50 << 10)
	if n := testing.AllocsPerRun(100, func() {
		o := scan.NewObject(body)
		for o.Next() {
			if o.Field().Kind == 0 {
				t.Fatal("no kind")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObject50KB(b *testing.B) {
	for name, body := range map[string][]byte{"one string": big(50 << 10), "200 messages": chatty(50 << 10), "escapes": escaped(50 << 10), "wide": []byte(`{"a":"` + strings.Repeat("漢字", 50<<10/6) + `"}`)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				o := scan.NewObject(body)
				for o.Next() {
				}
				if o.Err() != nil {
					b.Fatal(o.Err())
				}
			}
		})
	}
}

// valid asks jsontext, which is the judge of what is JSON here.
func valid(b []byte) (object, ok bool) {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true))
	object = d.PeekKind() == '{'
	if err := d.SkipValue(); err != nil {
		return object, false
	}
	_, err := d.ReadToken()
	return object, errors.Is(err, io.EOF)
}

func FuzzAgreesWithJSONText(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"\u00e9\ud83d\ude00"}],"c":-0.5e-3}`, `{"a":"` + "\xc3\x28" + `"}`, `{"a":1,"a":2}`, `{} {}`, `[1]`, "{\"a\":\"\x01\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		object, ok := valid(b)
		fields, err := names(b)
		again, errAgain := walk(scan.CheckedObject(b)) // must not panic on anything
		if err == nil && (errAgain != nil || !slices.Equal(fields, again)) {
			t.Fatalf("%q: %q at first, then %q, %v", b, fields, again, errAgain)
		}
		var dup *scan.DuplicateError
		if errors.As(err, &dup) {
			return
		}
		if (err == nil) != (object && ok) {
			t.Fatalf("%q: %v, but jsontext says object %v, valid %v", b, err, object, ok)
		}
	})
}

// Every text becomes a JSON string, and comes back as it was where it is UTF-8.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"", `""`},
		{"a\"b\\c\n\u2028é", `"a\"b\\c\n` + "\u2028é\""},
		{"a\xffb\xe2\x82", "\"a\uFFFDb\uFFFD\uFFFD\""},
	} {
		if got := scan.Quote(test.text); string(got) != test.want {
			t.Errorf("%q became %s, want %s", test.text, got, test.want)
		}
	}
}

func TestFilled(t *testing.T) {
	t.Parallel()
	o := scan.NewObject([]byte(`{"a":[],"b":[ ` + "\n" + ` ],"c":[0],"d":[ [] ],"e":null,"f":{"x":1},"g":"[1]"}`))
	for o.Next() {
		f := o.Field()
		if want := string(f.Name) == "c" || string(f.Name) == "d"; f.Filled() != want {
			t.Errorf("%s: %v", f.Value, !want)
		}
	}
	if err := o.Err(); err != nil {
		t.Error(err)
	}
}
