package sim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// googleVoice complains as Google's APIs do, and takes names in both of the ways
// that they can be written.
type googleVoice struct{}

func (googleVoice) join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (googleVoice) item(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

func (googleVoice) same(name string) string {
	if !strings.Contains(name, "_") {
		return name
	}
	var b strings.Builder
	up := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_':
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		up = false
		b.WriteByte(c)
	}
	return b.String()
}

func (googleVoice) unknown(at, name string) *failure {
	if at == "" {
		return refuse("", "", "Invalid JSON payload received. Unknown name %q: Cannot find field.", name)
	}
	return refuse(at, "", "Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", name, at)
}

func (googleVoice) missing(at string) *failure {
	return refuse(at, "", "* GenerateContentRequest.%s: %s is not specified", at, at[strings.LastIndexByte(at, '.')+1:])
}

func (googleVoice) mistyped(at, want string, got any) *failure {
	kinds := map[string]string{"string": "TYPE_STRING", "number": "TYPE_FLOAT", "integer": "TYPE_INT32", "boolean": "TYPE_BOOL", "object": "TYPE_MESSAGE"}
	switch {
	case want == "array":
		return refuse(at, "", "Invalid value at '%s' (repeated), %s", at, encode(got))
	case jsonType(got) == "array":
		return refuse(at, "", "Proto field is not repeating, cannot start list. '%s'", at)
	}
	return refuse(at, "", "Invalid value at '%s' (%s), %s", at, kinds[want], encode(got))
}

func (googleVoice) outOfRange(at string, got, lo, hi float64) *failure {
	return refuse(at, "", "* GenerateContentRequest.%s: %v is out of the supported range of [%v, %v]", at, got, lo, hi)
}

func (googleVoice) notAmong(at, got string, _ []string) *failure {
	return refuse(at, "", "Invalid value at '%s' (TYPE_ENUM), %q", at, got)
}

func (googleVoice) malformed(at, _ string) *failure {
	return refuse(at, "", "* GenerateContentRequest.%s: Invalid name. Must start with a letter or an underscore. "+
		"Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.", at)
}

// googleError is what an error holds.
type googleError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []any  `json:"details,omitzero"`
}

// explain puts a failure into Google's words.
func (geminiFormat) explain(f *failure) googleError {
	statuses := map[kind]string{
		invalid: "INVALID_ARGUMENT", unauthenticated: "UNAUTHENTICATED", unpaid: "FAILED_PRECONDITION", forbidden: "PERMISSION_DENIED",
		notFound: "NOT_FOUND", tooLarge: "INVALID_ARGUMENT", rateLimited: "RESOURCE_EXHAUSTED", outOfQuota: "RESOURCE_EXHAUSTED",
		tooLong: "INVALID_ARGUMENT", broken: "INTERNAL", overloaded: "UNAVAILABLE",
	}
	e := googleError{Code: f.status, Message: f.message, Status: statuses[f.kind]}
	if f.status == http.StatusGatewayTimeout {
		e.Status = "DEADLINE_EXCEEDED"
	}
	retry := func(after string) map[string]any {
		return map[string]any{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": after}
	}
	quota := func(id string) map[string]any {
		return map[string]any{
			"@type":      "type.googleapis.com/google.rpc.QuotaFailure",
			"violations": []any{map[string]any{"quotaMetric": "generativelanguage.googleapis.com/generate_content_requests", "quotaId": id}},
		}
	}
	switch f.kind {
	case unauthenticated:
		if f.status != http.StatusBadRequest {
			e.Message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
			break
		}
		e.Status = "INVALID_ARGUMENT"
		e.Details = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
			"metadata": map[string]any{"service": "generativelanguage.googleapis.com"},
		}}
	case rateLimited:
		e.Message = "Resource has been exhausted (e.g. check quota)."
		if f.retryAfter > 0 {
			e.Details = []any{quota("GenerateRequestsPerMinutePerProjectPerModel"), retry(strconv.Itoa(f.retryAfter) + "s")}
		}
	case outOfQuota:
		// The delay is what Google really says of a quota that is back tomorrow.
		e.Message = "You exceeded your current quota, please check your plan and billing details."
		e.Details = []any{quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry("34.4s")}
	case tooLong:
		e.Message = "The input token count (1500000) exceeds the maximum number of tokens allowed (1048576)."
	case overloaded:
		e.Message = "The model is overloaded. Please try again later."
	case notFound:
		if name, ok := strings.CutPrefix(f.message, "The model `"); ok {
			name, _, _ = strings.Cut(name, "`")
			e.Message = fmt.Sprintf("models/%s is not found for API version v1beta, or is not supported for generateContent.", name)
		}
	}
	return e
}

func (g geminiFormat) refusal(_ *exchange, f *failure) []byte {
	return encode(struct {
		Error googleError `json:"error"`
	}{g.explain(f)})
}

func (geminiFormat) headers(_ *exchange, h http.Header) { h.Set("Server-Timing", "gfet4t7; dur=1") }

var geminiName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$`)

// Families of Google's models, by the name that a script plays.
var (
	geminiBudget = regexp.MustCompile(`gemini-2\.5`)     // takes a budget, no level
	geminiPro    = regexp.MustCompile(`gemini-2\.5-pro`) // 128 to 32768
	geminiLevel  = regexp.MustCompile(`gemini-([3-9])`)  // wants signatures back
	geminiLite   = regexp.MustCompile(`gemini-2\.5-.*lite`)
)

// schemaFields are the keywords of the schemas in "parameters" and
// "responseSchema": a subset of OpenAPI 3.0.
var schemaFields = fields{
	"type": nil, "format": anyText, "title": anyText, "description": anyText, "nullable": anyFlag, "default": nil, "example": nil,
	"enum": textList, "items": nil, "properties": nil, "required": textList, "propertyOrdering": textList, "anyOf": nil,
	"minItems": nil, "maxItems": nil, "minProperties": nil, "maxProperties": nil, "minLength": nil, "maxLength": nil,
	"minimum": anyNumber, "maximum": anyNumber, "pattern": anyText,
}

// openAPI checks a schema of Google's kind.
func openAPI(n node, depth int) {
	if depth > 64 {
		n.fail("", "* GenerateContentRequest.%s: schema is too deep", n.at)
		return
	}
	n.obey(schemaFields)
	kind := n.field("type")
	alternatives := n.field("anyOf").items()
	if len(alternatives) == 0 {
		kind.need()
	}
	if kind.isText() {
		up := kind
		up.v = strings.ToUpper(kind.text())
		up.among("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
	} else if kind.has() {
		kind.text()
	}
	if n.field("enum").has() && kind.isText() && !strings.EqualFold(kind.text(), "string") {
		n.fail("", "* GenerateContentRequest.%s.enum: only allowed for STRING type", n.at)
	}
	if kind.isText() && strings.EqualFold(kind.text(), "array") {
		n.field("items").need()
	}
	for _, s := range alternatives {
		openAPI(s, depth+1)
	}
	if items := n.field("items"); items.has() {
		openAPI(items, depth+1)
	}
	properties := n.field("properties")
	for name := range properties.object() {
		// Names of properties are the caller's, never those of the tables here.
		child := node{c: n.c, at: properties.at + "[" + name + "]", v: properties.object()[name]}
		openAPI(child, depth+1)
	}
	for _, r := range n.field("required").items() {
		if _, ok := properties.object()[r.text()]; !ok {
			r.fail("", "* GenerateContentRequest.%s: property is not defined", r.at)
		}
	}
}
