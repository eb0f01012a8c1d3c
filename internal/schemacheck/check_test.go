package schemacheck_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/schemacheck"
)

const order = `{"type":"object","properties":{"id":{"type":"integer"},"state":{"enum":["open","closed"]},"lines":{"type":"array","items":{"$ref":"#/$defs/line"}},
"note":{"type":["string","null"]},"by":{"anyOf":[{"type":"string"},{"type":"object","required":["name"]}]}},"required":["id","state"],"additionalProperties":false,
"$defs":{"line":{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"]}}}`

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schema, text, want string }{
		{order, `{"id":7,"state":"open","lines":[{"sku":"a"}],"note":null,"by":"me"}`, ""},
		{order, `{"id":7.0,"state":"closed","by":{"name":"me"}}`, ""},
		{order, `{"id":7.5,"state":"open"}`, "id is not of type integer"},
		{order, `{"id":7}`, "state is missing"},
		{order, `{"id":7,"state":"lost"}`, "state is none of the values that it may be"},
		{order, `{"id":7,"state":"open","lines":[{"sku":"a"},{}]}`, "lines[1].sku is missing"},
		{order, `{"id":7,"state":"open","more":1}`, "more must not be there"},
		{order, `{"id":7,"state":"open","by":7}`, "by is like none of the alternatives"},
		{order, `[]`, "it is not of type object"},
		{order, `{"id":7,"state":"open"`, "not JSON"},
		{order, "```json\n{\"id\":7,\"state\":\"open\"}\n```", "not JSON"},
		{``, `{"id":7}`, ""},
		{``, `sure!`, "not JSON"},
		{`{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true}}}`, `{"a":null}`, ""},
		{`{"allOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1}`, "b is missing"},
		{`{"const":{"a":[1,2]}}`, `{"a":[1,2]}`, ""},
		{`{"const":{"a":[1,2]}}`, `{"a":[2,1]}`, "it is not what it must be"},
		{`{"type":"integer","minimum":5}`, `3`, ""}, // not looked at
		{`{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"string"}}}`, `3`, "it is not of type string"},
		{`{"$ref":"http://127.0.0.1/x"}`, `3`, ""},
		{`not a schema`, `3`, ""},
	} {
		got := schemacheck.Fault([]byte(c.schema), c.text)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s of %s: %q, want %q", c.text, c.schema, got, c.want)
		}
	}
}

// What a client asks for may have no end.
func TestChecksEnd(t *testing.T) {
	t.Parallel()
	doubling := `{"$ref":"#/$defs/a0","$defs":{`
	for i := range 60 {
		doubling += `"a` + num(i) + `":{"allOf":[{"$ref":"#/$defs/a` + num(i+1) + `"},{"$ref":"#/$defs/a` + num(i+1) + `"}]},`
	}
	doubling += `"a60":{"type":"object"}}}`
	for _, schema := range []string{
		`{"$ref":"#"}`, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}}}`,
		`{"allOf":[{"$ref":"#"},{"$ref":"#"}]}`, doubling,
	} {
		if got := schemacheck.Fault([]byte(schema), `{"a":1}`); got != "" {
			t.Errorf("%s: %s", schema, got)
		}
	}
}

// What is compared counts as well: few steps may be over long lists.
func TestLongListsEnd(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(`"abcdefgh",`, 90_000)
	numbers := "[" + strings.Repeat("1,", 90_000) + "1]"
	objects := "[" + strings.Repeat("{},", 90_000) + "{}]"
	for _, c := range []struct{ schema, text string }{
		{`{"items":{"enum":[` + many + `1]}}`, numbers},
		{`{"items":{"anyOf":[{"required":[` + many + `"a"]},{}]}}`, objects},
		{`{"items":true}`, `{"` + strings.Repeat("k", 500_000) + `":` + numbers + `}`},
		{`{"additionalProperties":{"items":true}}`, `{"` + strings.Repeat("k", 500_000) + `":` + numbers + `}`},
	} {
		if got := schemacheck.Fault([]byte(c.schema), c.text); got != "" {
			t.Errorf("%.100s: %s", c.schema, got)
		}
	}
	got := schemacheck.Fault([]byte(`{"additionalProperties":false}`), `{"`+strings.Repeat("é", 50_000)+`":1}`)
	if len(got) > 400 || !strings.HasSuffix(got, "é… must not be there") {
		t.Errorf("%d bytes: %.300s", len(got), got)
	}
}

func num(i int) string { return strings.Repeat("i", i/10) + string(rune('0'+i%10)) }

func FuzzFault(f *testing.F) {
	f.Add([]byte(order), `{"id":7,"state":"open"}`)
	f.Add([]byte(`{"allOf":[{"$ref":"#"},{"$ref":"#"}]}`), `{}`)
	f.Fuzz(func(t *testing.T, schema []byte, text string) {
		if schemacheck.Fault(nil, text) == "" && schemacheck.Fault([]byte(`{}`), text) != "" {
			t.Errorf("%q is not what may be anything", text)
		}
		schemacheck.Fault(schema, text)
	})
}
