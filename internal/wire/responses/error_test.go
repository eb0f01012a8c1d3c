package responses_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
)

func TestDecodeError(t *testing.T) {
	t.Parallel()
	openai := func(typ, code, message string) string {
		return `{"error":{"message":"` + message + `","type":"` + typ + `","param":"input","code":` + code + `}}`
	}
	tests := []struct {
		name   string
		status int
		body   string
		kind   llm.Kind
		says   string
	}{
		{"a bad request", 400, openai("invalid_request_error", "null", "Unknown parameter"), llm.KindBadRequest, "Unknown parameter"},
		{"a bad key", 401, openai("invalid_request_error", `"invalid_api_key"`, "Incorrect API key"), llm.KindAuth, "Incorrect"},
		{"not entitled", 403, openai("invalid_request_error", "null", "no access"), llm.KindPermission, "no access"},
		{"no such model", 404, openai("invalid_request_error", `"model_not_found"`, "no model"), llm.KindNotFound, "no model"},
		{"too fast", 429, openai("tokens", `"rate_limit_exceeded"`, "Rate limit reached"), llm.KindRateLimit, "Rate"},
		{"no money", 429, openai("insufficient_quota", `"insufficient_quota"`, "quota"), llm.KindQuota, "quota"},
		{"no money, in words", 429, openai("requests", "null", "You exceeded your current quota"), llm.KindQuota, "quota"},
		{"a limit on spending", 429, openai("x", `"project_spend_limit_exceeded"`, "limit"), llm.KindQuota, "limit"},
		{"credit is gone", 402, `{"message":"Insufficient Balance"}`, llm.KindQuota, "Balance"},
		{"too long", 400, openai("invalid_request_error", `"context_length_exceeded"`, "long"), llm.KindContextLength, "long"},
		{"too long, in words", 400, openai("invalid_request_error", "null", "Your input exceeds the context window of this model"), llm.KindContextLength, "window"},
		{"reasoning of another", 400, openai("invalid_request_error", `"invalid_encrypted_content"`, "The encrypted content could not be verified"), llm.KindReasoning, "encrypted"},
		{"reasoning of another, in words", 400, openai("invalid_request_error", "null", "reasoning encrypted_content was not issued to this caller"), llm.KindReasoning, "issued"},
		{"reasoning that isn't stored", 404, openai("invalid_request_error", "null", "Item with id 'rs_1' not found. Items are not persisted when store is set to false."), llm.KindReasoning, "rs_1"},
		{"a call without its reasoning", 400, openai("invalid_request_error", "null", "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'."), llm.KindReasoning, "fc_1"},
		{"no encryption there", 400, openai("invalid_request_error", "null", "Encrypted content is not supported with this model."), llm.KindBadRequest, "supported"},
		{"the filter", 400, openai("invalid_request_error", `"content_filter"`, "filtered"), llm.KindContentFilter, "filtered"},
		{"no capacity", 503, openai("server_error", `"server_is_overloaded"`, "busy"), llm.KindOverloaded, "busy"},
		{"no capacity, by the status", 503, openai("server_error", "null", "busy"), llm.KindOverloaded, "busy"},
		{"broken", 500, openai("server_error", "null", "oops"), llm.KindUpstream, "oops"},
		{"too slow", 504, ``, llm.KindTimeout, "Gateway Timeout"},
		{"xAI", 400, `{"code":"Client specified an invalid argument","error":"bad effort"}`, llm.KindBadRequest, "bad effort"},
		{"a code that is a number", 429, `{"error":{"message":"slow","code":429}}`, llm.KindRateLimit, "slow"},
		{"FastAPI", 422, `{"detail":[{"msg":"field required"}]}`, llm.KindBadRequest, "field required"},
		{"a page", 502, "<html><head><title>Bad gateway</title></head><body><h1>502</h1>\n nginx</body></html>", llm.KindUpstream, "status 502 Bad Gateway: Bad gateway 502 nginx"},
		{"nothing", 418, "", llm.KindBadRequest, "status 418"},
		{"nobody's status", 599, "\xff\xfe", llm.KindUpstream, "status 599"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := format.DecodeError(test.status, http.Header{}, []byte(test.body))
			if e.Kind != test.kind || e.Status != test.status || !strings.Contains(e.Message, test.says) {
				t.Errorf("got %+v", e)
			}
		})
	}
	e := format.DecodeError(500, nil, bytes.Repeat([]byte("x"), 1<<20))
	if len(e.Raw) != 4<<10 || len(e.Message) > 1000 {
		t.Errorf("kept %d bytes, %d of message", len(e.Raw), len(e.Message))
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "30", 30 * time.Second},
		{"Retry-After", "0.5", 500 * time.Millisecond},
		{"Retry-After-Ms", "250", 250 * time.Millisecond},
		{"Retry-After", "1e300", 24 * time.Hour},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "-1", 0},
		{"Retry-After", "soon", 0},
		{"Retry-After", "Mon, 01 Jan 2001 00:00:00 GMT", 0},
		{"Retry-After", "Fri, 01 Jan 2999 00:00:00 GMT", 24 * time.Hour},
	} {
		h := http.Header{}
		h.Set(test.name, test.value)
		if got := format.DecodeError(429, h, nil).RetryAfter; got != test.want {
			t.Errorf("%s: %s is %v, want %v", test.name, test.value, got, test.want)
		}
	}
}

func TestEncodeError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		e      llm.Error
		status int
		want   string
	}{
		{"ours", llm.Error{Kind: llm.KindBadRequest, Status: 400, Message: "no", Param: "input[0]"}, 400, `{"error":{"message":"no","type":"invalid_request_error","param":"input[0]","code":null}}`},
		{"ours with a code", llm.Error{Kind: llm.KindQuota, Message: "over", Code: "budget_exceeded"}, 429, `{"error":{"message":"over","type":"insufficient_quota","param":null,"code":"budget_exceeded"}}`},
		{"no key", llm.Error{Kind: llm.KindAuth, Message: "key"}, 401, `{"error":{"message":"key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`},
		{"the operator's key", llm.Error{Kind: llm.KindAuth, Status: 401, Message: "sk-123 is wrong", Provider: "p", Raw: []byte("sk-123")}, 502, `{"error":{"message":"the provider refuses this gateway's account; its operator can see why with ` + "`oido doctor`" + `","type":"server_error","param":null,"code":"server_error"}}`},
		{"another's words", llm.Error{Kind: llm.KindOverloaded, Status: 529, Message: "busy", Provider: "p", Code: "overloaded_error"}, 529, `{"error":{"message":"busy","type":"server_error","param":null,"code":"server_is_overloaded"}}`},
		{"a status for nobody", llm.Error{Kind: llm.KindOverloaded, Status: 498, Message: "busy", Provider: "p"}, 503, `{"error":{"message":"busy","type":"server_error","param":null,"code":"server_is_overloaded"}}`},
		{"inside a 200", llm.Error{Kind: llm.KindUpstream, Provider: "p"}, 502, `{"error":{"message":"upstream","type":"server_error","param":null,"code":"server_error"}}`},
		{"a kind of tomorrow", llm.Error{Kind: "odd", Message: "\xff"}, 502, `{"error":{"message":"�","type":"server_error","param":null,"code":"server_error"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			status, body := format.EncodeError(&test.e)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if diff := cmp.Diff(test.want, string(body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
	for kind, status := range map[llm.Kind]int{
		llm.KindBadRequest: 400, llm.KindAuth: 401, llm.KindPermission: 403, llm.KindNotFound: 404, llm.KindTooLarge: 413,
		llm.KindContextLength: 400, llm.KindRateLimit: 429, llm.KindQuota: 429, llm.KindOverloaded: 503, llm.KindUpstream: 502,
		llm.KindTimeout: 504, llm.KindTruncated: 502, llm.KindContentFilter: 400, llm.KindCanceled: 499, llm.KindReasoning: 400,
		llm.KindUnavailable: 503, llm.KindNotBuilt: 501, llm.KindConflict: 409,
	} {
		got, body := format.EncodeError(&llm.Error{Kind: kind, Message: "m"})
		if got != status {
			t.Errorf("%s: %d, want %d", kind, got, status)
		}
		if back := format.DecodeError(got, nil, body); back.Message != "m" {
			t.Errorf("%s: came back as %+v", kind, back)
		}
	}
}
