package gemini_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestPeek(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		body string
		max  int
		has  bool
	}{
		{`{"contents":[],"generationConfig":{"maxOutputTokens":5},"tools":[{}]}`, 5, true},
		{`{"generation_config":{"max_output_tokens":"5"},"tools":[ ]}`, 5, false},
		{`{"generationConfig":null,"tools":null}`, 0, false},
	} {
		k, err := format.Peek(raw(wholePath, "", test.body))
		want := wire.Peeked{Model: "gemini-x", StreamUsage: true, MaxOutput: test.max, HasTools: test.has}
		if diff := cmp.Diff(want, k); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", test.body, err, diff)
		}
	}
	for _, body := range []string{
		`[]`, ``, `{"contents":1,"contents":2}`, `{"generationConfig":{},"generation_config":{}}`, `{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}`,
		`{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":2}}`, `{"generationConfig":{"maxOutputTokens":"many"}}`,
	} {
		_, err := format.Peek(raw(wholePath, "", body))
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSplice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, path, query, body string
		edits                   wire.Edits
		wantPath, wantQuery     string
		want                    string
	}{
		{
			"nothing to change", wholePath, "", `{"contents": [ ]}`,
			wire.Edits{},
			"/models/gemini-x:generateContent", "", `{"contents": [ ]}`,
		},
		{
			"the model stands in the path, the framing stays", streamPath, "alt=sse&x=1", `{"contents": [ ]}`,
			wire.Edits{Model: "new", AskUsage: true},
			"/models/new:streamGenerateContent", "alt=sse", `{"contents": [ ]}`,
		},
		{
			"events are asked for where the client wants an array", streamPath, "", `{}`,
			wire.Edits{Model: "new"},
			"/models/new:streamGenerateContent", "alt=sse", `{}`,
		},
		{
			"a model in the body goes", wholePath, "", `{"model":"models/x","a": 1}`,
			wire.Edits{},
			"/models/gemini-x:generateContent", "", `{"a": 1}`,
		},
		{
			"fields dropped, renamed and set, in either spelling", wholePath, "",
			`{"contents":[ 1 ],"generation_config":{"top_k": 4, "seed":1,  "temperature": 0.5},"safety_settings":[],"x":1}`,
			wire.Edits{Drop: []string{"topK", "generationConfig.seed", "safetySettings", "gone"}, Rename: map[string]string{"temperature": "heat"}, Set: map[string][]byte{"toolConfig.a": []byte("1"), "x": []byte("2")}, Messages: []byte("[2]")},
			"/models/gemini-x:generateContent", "",
			`{"toolConfig":{"a":1},"contents":[2],"generation_config":{"heat": 0.5},"x":2}`,
		},
	} {
		r := raw(test.path, test.query, test.body)
		k, err := format.Peek(r)
		if err != nil {
			t.Fatal(err)
		}
		out, err := format.Splice(r, k, test.edits)
		if err != nil || out.Path != test.wantPath || out.Query.Encode() != test.wantQuery || string(out.Body) != test.want {
			t.Errorf("%s: %v\n%s?%s\n%s\nwant\n%s", test.name, err, out.Path, out.Query.Encode(), out.Body, test.want)
		}
	}
}

// Not parallel: allocations are counted.
func TestMeterSearchesOrdinaryChunks(t *testing.T) {
	m := format.NewMeter(target)
	chunk := `{"candidates":[{"content":{"parts":[{"text":"say \"finishReason\" \u00e4\ud83d\ude00\n"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3},"responseId":"r"}`
	m.Event("", []byte(candidateOf(`{"text":""}`, "")))
	if v := m.Event("", []byte(chunk)); !v.Meaningful || v.Done {
		t.Errorf("%+v", v)
	}
	got := m.Result()
	if want := int64(len("say \"finishReason\" ä😀\n")); got.OutputBytes != want || got.Usage.Total() != 3 || got.Complete {
		t.Errorf("%+v, want %d bytes", got, want)
	}
	if n := testing.AllocsPerRun(100, func() { m.Event("", []byte(nil)); m.Event("", chunkBytes) }); n > 0 {
		t.Errorf("%v allocations for an ordinary chunk", n)
	}
}

var chunkBytes = []byte(`{"candidates":[{"content":{"parts":[{"text":"abc"}]}}],"usageMetadata":{"promptTokenCount":1}}`)

func TestMeterTellsErrors(t *testing.T) {
	t.Parallel()
	m := format.NewMeter(target)
	v := m.Event("", []byte(`{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`))
	if v.Err == nil || v.Err.Kind != llm.KindOverloaded || m.Result().Complete {
		t.Errorf("%+v", v)
	}
}

func TestDecodeError(t *testing.T) {
	t.Parallel()
	body := func(status, message, details string) string {
		return `{"error":{"code":1,"message":"` + message + `","status":"` + status + `","details":[` + details + `]}}`
	}
	const quota = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPer%sPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}`
	for _, test := range []struct {
		name   string
		status int
		header http.Header
		body   string
		kind   llm.Kind
		wait   time.Duration
	}{
		{"rate", 429, nil, body("RESOURCE_EXHAUSTED", "x", strings.ReplaceAll(quota, "%s", "Minute")), llm.KindRateLimit, 34400 * time.Millisecond},
		{"daily quota", 429, http.Header{"Retry-After": {"9"}}, body("RESOURCE_EXHAUSTED", "x", strings.ReplaceAll(quota, "%s", "Day")), llm.KindQuota, 0},
		{"header", 429, http.Header{"Retry-After-Ms": {"1500"}}, `[{"error":{"message":"x"}}]`, llm.KindRateLimit, 1500 * time.Millisecond},
		{"key", 400, nil, body("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}`), llm.KindAuth, 0},
		{"context", 400, nil, body("INVALID_ARGUMENT", "The input token count (2) exceeds the maximum number of tokens allowed (1).", ""), llm.KindContextLength, 0},
		{"signature", 400, nil, body("INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts.", ""), llm.KindReasoning, 0},
		{"corrupt signature", 400, nil, body("INVALID_ARGUMENT", "Corrupted thought signature.", ""), llm.KindReasoning, 0},
		{"location", 400, nil, body("FAILED_PRECONDITION", "User location is not supported for the API use.", ""), llm.KindPermission, 0},
		{"other", 400, nil, body("INVALID_ARGUMENT", "no", ""), llm.KindBadRequest, 0},
		{"forbidden", 403, nil, body("PERMISSION_DENIED", "no", ""), llm.KindPermission, 0},
		{"gone", 404, nil, body("NOT_FOUND", "no", ""), llm.KindNotFound, 0},
		{"internal", 500, nil, body("INTERNAL", "no", ""), llm.KindUpstream, 0},
		{"overloaded", 503, nil, body("UNAVAILABLE", "no", ""), llm.KindOverloaded, 0},
		{"slow", 504, nil, body("DEADLINE_EXCEEDED", "no", ""), llm.KindTimeout, 0},
		{"a page", 502, nil, "<html><head><title>Bad</title></head><body>Gateway  trouble</body></html>", llm.KindUpstream, 0},
		{"nothing", 529, nil, "", llm.KindOverloaded, 0},
		{"odd types", 400, nil, `{"error":{"code":"x","message":"strange","details":5}}`, llm.KindBadRequest, 0},
		{"text", 400, nil, `{"error":"strange"}`, llm.KindBadRequest, 0},
	} {
		e := format.DecodeError(test.status, test.header, []byte(test.body))
		if e.Kind != test.kind || e.RetryAfter != test.wait || e.Status != test.status || e.Message == "" || strings.Contains(e.Message, "<") {
			t.Errorf("%s: %+v", test.name, e)
		}
	}
	if e := format.DecodeError(400, nil, make([]byte, 1<<20)); len(e.Raw) != 4<<10 {
		t.Errorf("%d bytes kept", len(e.Raw))
	}
}

func TestEncodeError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		e      llm.Error
		status int
		want   string
	}{
		{llm.Error{Kind: llm.KindBadRequest, Status: 400, Param: "contents", Message: "no"}, 400, `{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents","description":"no"}]}]}}`},
		{llm.Error{Kind: llm.KindRateLimit, Message: "slow", RetryAfter: 1500 * time.Millisecond}, 429, `{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}`},
		{llm.Error{Kind: llm.KindAuth, Status: 401, Code: "invalid_api_key", Message: "who?"}, 401, `{"error":{"code":401,"message":"who?","status":"UNAUTHENTICATED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"invalid_api_key","domain":"oido"}]}}`},
		{llm.Error{Kind: llm.KindUpstream, Status: 500, Provider: "p", Message: "oops", Raw: []byte("secret")}, 500, `{"error":{"code":500,"message":"p: oops","status":"INTERNAL"}}`},
		{llm.Error{Kind: llm.KindUpstream, Provider: "p"}, 502, `{"error":{"code":502,"message":"p: upstream","status":"INTERNAL"}}`},
		{llm.Error{Kind: llm.KindUnavailable, Message: "\xff"}, 503, "{\"error\":{\"code\":503,\"message\":\"\uFFFD\",\"status\":\"UNAVAILABLE\"}}"},
	} {
		status, body := format.EncodeError(&test.e)
		if status != test.status || string(body) != test.want {
			t.Errorf("%+v:\n%d %s\nwant\n%d %s", test.e, status, body, test.status, test.want)
		}
	}
	for _, kind := range []llm.Kind{
		llm.KindBadRequest, llm.KindAuth, llm.KindPermission, llm.KindNotFound, llm.KindTooLarge, llm.KindRateLimit, llm.KindOverloaded,
		llm.KindUpstream, llm.KindTimeout,
	} {
		status, body := format.EncodeError(&llm.Error{Kind: kind, Message: "x"})
		if e := format.DecodeError(status, nil, body); e.Kind != kind {
			t.Errorf("%s comes back as %s", kind, e.Kind)
		}
	}
}

func TestDecodeModels(t *testing.T) {
	t.Parallel()
	models, next, err := format.DecodeModels([]byte(`{"models":[{"name":"models/a","displayName":"A","inputTokenLimit":10,"outputTokenLimit":5,"supportedGenerationMethods":["generateContent","countTokens"],"thinking":true},{"name":"models/e","supportedGenerationMethods":["embedContent"]},{}],"nextPageToken":"n"}`))
	want := []wire.ListedModel{{ID: "a", Name: "A", Chat: p(true), Context: 10, MaxOutput: 5, Thinking: p(true)}, {ID: "e", Chat: p(false), Embeds: true}}
	if diff := cmp.Diff(want, models); diff != "" || err != nil || !cmp.Equal(next, url.Values{"pageToken": {"n"}}) {
		t.Errorf("%v %v (-want +got):\n%s", next, err, diff)
	}
	odd, _, err := format.DecodeModels([]byte(`{"models":[{"name":"models/a","supportedGenerationMethods":"all"},{"name":7},"b",{"name":"models/c","supportedGenerationMethods":["generateContent"]}]}`))
	if err != nil || len(odd) != 2 || odd[0].ID != "a" || odd[0].Chat != nil || odd[1].ID != "c" || !*odd[1].Chat {
		t.Errorf("entries that are odd: %+v %v", odd, err)
	}
	if _, next, err := format.DecodeModels([]byte(`{"models":[]}`)); next != nil || err != nil {
		t.Errorf("last page: %v %v", next, err)
	}
	if _, _, err := format.DecodeModels([]byte(`<html>`)); err == nil {
		t.Error("a page of HTML passed")
	}
}

// TestFraming: the elements of an array are the events' data, byte for byte.
func TestFraming(t *testing.T) {
	if f := format.Framing(raw(streamPath, "alt=sse", "{}")); f != nil {
		t.Errorf("events are framed anew: %v", f)
	}
	for want, chunks := range map[string][]string{"[]": nil, `[{"a": 1}]`: {`{"a": 1}`}, "[{\"a\": 1},\r\n{ }]": {`{"a": 1}`, `{ }`}} {
		f := format.Framing(raw(streamPath, "", "{}"))
		var got []byte
		for _, c := range chunks {
			got = f.Frame(got, []byte(c))
		}
		if got = f.End(got); string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
