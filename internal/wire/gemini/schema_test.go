package gemini_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// cleaned is how a schema is sent.
func cleaned(t testing.TB, schema string) string {
	t.Helper()
	q := &llm.Request{Messages: []llm.Message{user(text("x"))}, Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(schema)}}
	body, _ := encode(t, q, wire.Target{})
	_, rest, _ := strings.Cut(body, `"responseJsonSchema":`)
	return strings.TrimSuffix(rest, "}}")
}

func TestSchemasAreCleanedByStructure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{
			"properties named like keywords stay",
			`{"$schema":"x","type":"object","title":"T","properties":{"title":{"type":"string","minLength":1},"$ref":{"type":"integer"},"pattern":{"type":"string","pattern":"x"},"type":{"type":"string"}},"required":["title","$ref","gone"],"additionalProperties":false}`,
			`{"type":"object","title":"T","properties":{"title":{"type":"string"},"$ref":{"type":"integer"},"pattern":{"type":"string"},"type":{"type":"string"}},"required":["title","$ref"],"additionalProperties":false}`,
		},
		{
			"references are resolved in place",
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/A~1B","description":"mine"},"b":{"$ref":"#/definitions/gone"},"c":{"$ref":"https://x"}},"$defs":{"A/B":{"type":"string","description":"its","enum":["x"]}}}`,
			`{"type":"object","properties":{"a":{"type":"string","description":"mine","enum":["x"]},"b":{},"c":{}}}`,
		},
		{
			"recursion ends",
			`{"$ref":"#/$defs/N","$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N"}}}}}`,
			`{"type":"object","properties":{"next":{"type":"object","properties":{"next":{}}}}}`,
		},
		{"const", `{"const":5}`, `{"type":"integer","enum":[5]}`},
		{"enum", `{"enum":["a",null,""]}`, `{"type":["string","null"],"enum":["a"]}`},
		{"enum of booleans", `{"enum":[true,false]}`, `{"type":"boolean"}`},
		{"mixed enum", `{"enum":["a",1]}`, `{}`},
		{"nullable type", `{"type":["string","null"],"format":"email"}`, `{"type":["string","null"]}`},
		{"OpenAPI's nullable", `{"type":"STRING","nullable":true,"format":"date-time"}`, `{"type":["string","null"],"format":"date-time"}`},
		{"several types", `{"type":["string","integer"],"description":"d","minimum":1}`, `{"description":"d","anyOf":[{"type":"string"},{"type":"integer","minimum":1}]}`},
		{"oneOf with null", `{"oneOf":[{"type":"string"},{"type":"null"}],"description":"d"}`, `{"description":"d","type":["string","null"]}`},
		{"oneOf", `{"oneOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}`, `{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}`},
		{"anyOf beside properties", `{"type":"object","properties":{"a":{},"b":{}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`, `{"type":"object","properties":{"a":{},"b":{}}}`},
		{"allOf", `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"string"}},"required":["b"]}]}`, `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a","b"]}`},
		{"array", `{"type":"array","minItems":1,"uniqueItems":true}`, `{"type":"array","minItems":1,"items":{}}`},
		{"tuple", `{"type":"array","items":[{"type":"string"},{"type":"integer"}]}`, `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}]}`},
		{"type to be seen", `{"properties":{"a":true}}`, `{"type":"object","properties":{"a":{}}}`},
		{"map", `{"additionalProperties":{"type":"string","default":"x"}}`, `{"type":"object","additionalProperties":{"type":"string"}}`},
	} {
		if diff := cmp.Diff(canonical(t, test.want), canonical(t, cleaned(t, test.in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSchemasThatWouldGrowAreCut(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range 30 {
		b.WriteString(`"d` + strconv.Itoa(i) + `":{"type":"object","properties":{"l":{"$ref":"#/$defs/d` + strconv.Itoa(i+1) + `"},"r":{"$ref":"#/$defs/d` + strconv.Itoa(i+1) + `"}}},`)
	}
	b.WriteString(`"d30":{"type":"string"}}}`)
	if got := cleaned(t, b.String()); len(got) > 1<<20 {
		t.Errorf("%d bytes", len(got))
	}
	deep := strings.Repeat(`{"type":"array","items":`, 5000) + `{}` + strings.Repeat(`}`, 5000)
	if got := cleaned(t, deep); len(got) > 1<<16 {
		t.Errorf("%d bytes of a deep one", len(got))
	}
}
