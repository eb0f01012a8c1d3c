package messages

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestDecodeError(t *testing.T) {
	t.Parallel()
	own := func(typ, message string) string {
		return `{"type":"error","error":{"type":"` + typ + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	tests := map[string]struct {
		status int
		body   string
		kind   llm.Kind
	}{
		"bad request":     {400, own("invalid_request_error", "max_tokens: Field required"), llm.KindBadRequest},
		"prompt too long": {400, own("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), llm.KindContextLength},
		"input too long":  {400, `{"message":"Input is too long for requested model."}`, llm.KindContextLength}, // Bedrock
		"context limit":   {400, own("invalid_request_error", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"), llm.KindContextLength},
		"credit":          {400, own("invalid_request_error", "Your credit balance is too low to access the API."), llm.KindQuota},
		"usage limit":     {400, own("invalid_request_error", "You have reached your specified API usage limits."), llm.KindQuota},
		"signature":       {400, own("invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"), llm.KindReasoning},
		"missing thought": {400, own("invalid_request_error", "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."), llm.KindReasoning},
		"changed thought": {400, own("invalid_request_error", "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."), llm.KindReasoning},
		"filter":          {400, own("invalid_request_error", "Output blocked by content filtering policy"), llm.KindContentFilter},
		"key":             {401, own("authentication_error", "invalid x-api-key"), llm.KindAuth},
		"billing":         {402, own("billing_error", "pay"), llm.KindQuota},
		"permission":      {403, own("permission_error", "no"), llm.KindPermission},
		"model":           {404, own("not_found_error", "model: x"), llm.KindNotFound},
		"large":           {413, own("request_too_large", "big"), llm.KindTooLarge},
		"rate":            {429, own("rate_limit_error", "this exceeds your limit of 40,000 input tokens per minute"), llm.KindRateLimit},
		"spend": {
			429, `{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}`,
			llm.KindQuota,
		},
		"internal":     {500, own("api_error", "oops"), llm.KindUpstream},
		"timeout":      {504, own("timeout_error", "slow"), llm.KindTimeout},
		"overloaded":   {529, own("overloaded_error", "Overloaded"), llm.KindOverloaded},
		"page":         {502, "<html><head><style>x{}</style></head><body><h1>Bad Gateway</h1></body></html>", llm.KindUpstream},
		"foreign":      {400, `{"error":{"message":"no","type":"invalid_request_error","code":"x"}}`, llm.KindBadRequest},
		"text":         {503, `{"error":"loading"}`, llm.KindOverloaded},
		"aws":          {400, `{"message":"no"}`, llm.KindBadRequest},
		"nothing":      {500, "", llm.KindUpstream},
		"unknown type": {418, own("new_error", "tea"), llm.KindBadRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := Format{}.DecodeError(test.status, http.Header{}, []byte(test.body))
			if e.Kind != test.kind || e.Status != test.status || e.Message == "" || strings.ContainsAny(e.Message, "<>") && name == "page" {
				t.Errorf("%s %d %q", e.Kind, e.Status, e.Message)
			}
		})
	}
	if e := (Format{}).DecodeError(500, nil, []byte(strings.Repeat("é", 1<<16))); len(e.Raw) > 4<<10 || len(e.Message) > 600 {
		t.Errorf("%d bytes kept, %q", len(e.Raw), e.Message)
	}
}

func TestEncodeError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		e      llm.Error
		status int
		typ    string
	}{
		{llm.Error{Kind: llm.KindAuth}, 401, "authentication_error"},
		{llm.Error{Kind: llm.KindRateLimit, Message: "slow"}, 429, "rate_limit_error"},
		{llm.Error{Kind: llm.KindOverloaded}, 529, "overloaded_error"},
		{llm.Error{Kind: llm.KindBadRequest, Status: 422}, 422, "invalid_request_error"},
		{llm.Error{Kind: llm.KindNotFound, Status: 404, Provider: "p"}, 404, "not_found_error"},
		{llm.Error{Kind: llm.KindOverloaded, Status: 503, Provider: "p"}, 503, "overloaded_error"},
		{llm.Error{Kind: llm.KindAuth, Status: 401, Provider: "p"}, 502, "api_error"},
		{llm.Error{Kind: llm.KindPermission, Status: 403, Provider: "p"}, 502, "api_error"},
		{llm.Error{Kind: llm.KindAuth, Provider: "p"}, 502, "api_error"},
		{llm.Error{Kind: llm.KindUpstream, Status: 200}, 502, "api_error"},
		{llm.Error{Kind: llm.KindCanceled}, 499, "api_error"},
		{llm.Error{Kind: llm.KindNotBuilt}, 501, "api_error"},
		{llm.Error{Kind: "new"}, 502, "api_error"},
	} {
		test.e.Raw = []byte("secret")
		status, body := Format{}.EncodeError(&test.e)
		var got struct {
			Type  string `json:"type"`
			Error struct {
				Type    string `json:"type"`
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		if status != test.status || got.Error.Type != test.typ || got.Type != "error" || got.Error.Message == "" {
			t.Errorf("%+v: %d %s", test.e, status, body)
		}
		if strings.Contains(string(body), "secret") || !strings.Contains(string(body), `"request_id":`) {
			t.Errorf("%s", body)
		}
	}
	_, body := Format{}.EncodeError(&llm.Error{Kind: llm.KindQuota, Code: "budget_exceeded", Message: "x"})
	if !strings.Contains(string(body), `"details":{"error_code":"budget_exceeded"}`) {
		t.Errorf("%s", body)
	}
}

func TestAnswersThatAreErrors(t *testing.T) {
	t.Parallel()
	for body, kind := range map[string]llm.Kind{
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`: llm.KindOverloaded,
		`{"error":"down"}`:               llm.KindUpstream,
		`<html>`:                         llm.KindUpstream,
		`{"id":"x"}`:                     llm.KindUpstream,
		`{"type":"message","content":3}`: llm.KindUpstream,
	} {
		m := Format{}.NewMeter(wire.Target{})
		v := m.Body([]byte(body))
		if v.Err == nil || v.Err.Kind != kind || v.Err.Message == "" {
			t.Errorf("%s: %v", body, v.Err)
		}
	}
}
