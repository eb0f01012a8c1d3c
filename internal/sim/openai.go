package sim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// openAIVoice complains as OpenAI does, in Chat Completions and in Responses.
type openAIVoice struct{}

func (openAIVoice) join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (openAIVoice) item(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

func (openAIVoice) same(name string) string { return name }

func (v openAIVoice) unknown(at, name string) *failure {
	at = v.join(at, name)
	return refuse(at, "unknown_parameter", "Unknown parameter: '%s'.", at)
}

func (openAIVoice) missing(at string) *failure {
	return refuse(at, "missing_required_parameter", "Missing required parameter: '%s'.", at)
}

func (openAIVoice) mistyped(at, want string, got any) *failure {
	return refuse(at, "invalid_type", "Invalid type for '%s': expected %s, but got %s instead.", at, article(want), article(jsonType(got)))
}

func (openAIVoice) outOfRange(at string, got, lo, hi float64) *failure {
	if got < lo {
		return refuse(at, "below_min_value", "Invalid '%s': value below minimum. Expected a value >= %v, but got %v instead.", at, lo, got)
	}
	return refuse(at, "above_max_value", "Invalid '%s': value above maximum. Expected a value <= %v, but got %v instead.", at, hi, got)
}

func (openAIVoice) notAmong(at, got string, allowed []string) *failure {
	return refuse(at, "invalid_value", "Invalid value: '%s'. Supported values are: '%s'.", got, strings.Join(allowed, "', '"))
}

func (openAIVoice) malformed(at, pattern string) *failure {
	return refuse(at, "invalid_value", "Invalid '%s': string does not match pattern. Expected a string that matches the pattern '%s'.", at, pattern)
}

// article puts a or an before the name of a JSON type.
func article(name string) string {
	switch name {
	case "null":
		return name
	case "object", "array", "integer":
		return "an " + name
	}
	return "a " + name
}

// longest asks for a string of at most n bytes.
func longest(n int) func(node) {
	return func(at node) {
		if v := at.text(); len(v) > n {
			at.fail("string_above_max_length", "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", at.at, n, len(v))
		}
	}
}

// openAIError is the body of an error of OpenAI's APIs and of those made after
// them.
func openAIError(x *exchange, f *failure) []byte {
	switch {
	case x.family.error != nil:
		return x.family.error(x, f)
	case x.family.numberCodes:
		return routedError(f)
	}
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	b := body{Message: f.message, Type: "invalid_request_error", Param: optional(f.param), Code: optional(f.code)}
	switch f.kind {
	case unauthenticated:
		if x.family.replay {
			b.Type, b.Message = "authentication_error", "Authentication Fails, Your api key is invalid"
		}
	case rateLimited:
		b.Type = "requests"
	case outOfQuota:
		b.Type, b.Code = "insufficient_quota", optional("insufficient_quota")
		b.Message = "You exceeded your current quota, please check your plan and billing details."
		if f.status == http.StatusPaymentRequired {
			b.Type, b.Message = "unknown_error", "Insufficient Balance"
		}
	case unpaid:
		b.Type = "unknown_error"
	case tooLong:
		b.Code, b.Param = optional("context_length_exceeded"), optional("messages")
		b.Message = fmt.Sprintf("Your input exceeds the context window of this model. Please adjust your input and try again. (%d tokens)", tokens(len(x.body)))
	case broken, overloaded:
		b.Type = "server_error"
	}
	return encode(struct {
		Error body `json:"error"`
	}{b})
}

// routedError is OpenRouter's error, whose code is a number.
func routedError(f *failure) []byte {
	type metadata struct {
		ErrorType string `json:"error_type"`
	}
	type body struct {
		Code     int      `json:"code"`
		Message  string   `json:"message"`
		Metadata metadata `json:"metadata"`
	}
	kinds := map[kind]string{
		unauthenticated: "authentication", unpaid: "insufficient_credits", outOfQuota: "insufficient_credits",
		forbidden: "permission_denied", notFound: "not_found", tooLarge: "payload_too_large", rateLimited: "rate_limit_exceeded",
		tooLong: "context_length_exceeded", broken: "provider_error", overloaded: "provider_overloaded",
	}
	b := body{f.status, f.message, metadata{"invalid_request"}}
	if name, ok := kinds[f.kind]; ok {
		b.Metadata.ErrorType = name
	}
	switch f.kind {
	case outOfQuota, unpaid:
		b.Message = "Insufficient credits. Add more using https://openrouter.ai/settings/credits"
	case tooLong:
		b.Message = "This endpoint's maximum context length is 200000 tokens. However, you requested more."
	}
	return encode(struct {
		Error body `json:"error"`
	}{b})
}

// optional is null for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// openAIHeaders are those that OpenAI sends with every answer.
func openAIHeaders(x *exchange, h http.Header) {
	h.Set("X-Request-Id", "req_"+x.newID(32))
	defer x.dailyHeaders(h)
	if x.family.lenient {
		return
	}
	h.Set("Openai-Processing-Ms", strconv.FormatInt(x.script.latency.Milliseconds(), 10))
	h.Set("X-Ratelimit-Limit-Requests", "10000")
	h.Set("X-Ratelimit-Remaining-Requests", "9999")
	h.Set("X-Ratelimit-Reset-Requests", "6ms")
	h.Set("X-Ratelimit-Limit-Tokens", "2000000")
	h.Set("X-Ratelimit-Remaining-Tokens", "1999000")
	h.Set("X-Ratelimit-Reset-Tokens", "30ms")
}

// Families of OpenAI's models, by the name that a script plays.
var (
	openAIThinks = regexp.MustCompile(`^(o[0-9]|gpt-[5-9])`)
	openAINoStop = regexp.MustCompile(`^(o3|o4-mini)`)
	openAIChat   = regexp.MustCompile(`^gpt-[5-9][0-9.]*-chat`)
	openAIPlain  = regexp.MustCompile(`^gpt-[34]`)
	openAIEffort = regexp.MustCompile(`^gpt-5\.[1-9]`) // takes sampling while effort is none
)

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// strictSchema holds a schema to what OpenAI asks of strict ones: every object
// is closed and wants all of its members.
func strictSchema(n node, what string, v any, depth int) {
	schema, ok := v.(map[string]any)
	if !ok || depth > maxDepth {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	if typeOf(schema) == "object" {
		if open, ok := schema["additionalProperties"].(bool); !ok || open {
			n.fail("", "Invalid schema for %s: In context=(), 'additionalProperties' is required to be supplied and to be false.", what)
		}
		required, _ := schema["required"].([]any)
		if len(required) < len(properties) {
			n.fail("", "Invalid schema for %s: In context=(), 'required' is required to be supplied and to be an array including every key in properties.", what)
		}
	}
	for _, p := range properties {
		strictSchema(n, what, p, depth+1)
	}
	strictSchema(n, what, schema["items"], depth+1)
	for _, key := range []string{"anyOf", "$defs", "definitions"} {
		switch list := schema[key].(type) {
		case []any:
			for _, s := range list {
				strictSchema(n, what, s, depth+1)
			}
		case map[string]any:
			for _, s := range list {
				strictSchema(n, what, s, depth+1)
			}
		}
	}
}

// functionSchema checks the parameters of a function.
func functionSchema(n node, name string, strict bool) any {
	schema := n.object()
	if n.has() && typeOf(schema) != "object" {
		n.fail("invalid_function_parameters", "Invalid schema for function '%s': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"%v\"'.", name, schema["type"])
	}
	if strict {
		strictSchema(n, "function '"+name+"'", n.v, 0)
	}
	return n.v
}

// pictureURL checks an address of an image.
func pictureURL(n node) string {
	v := n.need().text()
	if n.c.failure == nil && !strings.HasPrefix(v, "data:image/") && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") {
		n.fail("invalid_value", "Invalid '%s'. Expected a valid URL, but got a value with an invalid format.", n.at)
	}
	return v
}
