package converse

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	names := &wire.ToolNames{}
	custom, answer, dotted := names.OutFreeText("patch"), names.Out(answerTool), names.Out("my.tool")
	body := func(content, rest string) string {
		return `{"metrics":{"latencyMs":12},"output":{"message":{"content":[` + content + `],"role":"assistant"}},` + rest + `}`
	}
	const usage = `"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}`
	counted := llm.Usage{Input: 7, Output: 3, Quality: llm.QualityExact}
	one := func(f llm.Finish, parts ...llm.Part) *llm.Answer {
		return &llm.Answer{Usage: counted, Choices: []llm.Choice{{Parts: parts, Finish: f}}}
	}
	for _, c := range []struct {
		name string
		in   string
		t    wire.Target
		want *llm.Answer
	}{
		{"text", body(`{"text":"Hi"}`, `"stopReason":"end_turn",`+usage), wire.Target{}, one(finished, llm.Text{Text: "Hi"})},
		{
			"reasoning with a signature, a blob, and neither", body(`{"reasoningContent":{"reasoningText":{"text":"Hm","signature":"s"}}},{"reasoningContent":{"redactedContent":"YQ=="}},{"reasoningContent":{"reasoningText":{"text":"so"}}},{"reasoningContent":{}}`, `"stopReason":"end_turn",`+usage),
			wire.Target{Origin: here},
			one(finished, llm.Reasoning{Text: "Hm", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "s", Origin: here}}, llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobRedacted, Data: "YQ==", Origin: here}}, llm.Reasoning{Text: "so"}),
		},
		{
			"unsigned reasoning that must go back", body(`{"reasoningContent":{"reasoningText":{"text":"so"}}}`, `"stopReason":"end_turn",`+usage),
			wire.Target{Origin: here, Reasoning: wire.ReasoningStyle{Replay: "always"}},
			one(finished, llm.Reasoning{Text: "so", Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: here}}),
		},
		{
			"calls under the client's names, though the end is another", body(`{"toolUse":{"toolUseId":"t1","name":"`+dotted+`","input":{ "a" : 1 }}},{"toolUse":{"toolUseId":"t2","name":"`+custom+`","input":{"input":"x"}}},{"toolUse":{"toolUseId":"t3","name":"g"}}`, `"stopReason":"end_turn",`+usage),
			wire.Target{Names: names},
			one(llm.Finish{Reason: llm.FinishToolCalls, Raw: "end_turn"}, llm.ToolCall{ID: "t1", Name: "my.tool", Arguments: `{"a":1}`}, llm.ToolCall{ID: "t2", Name: "patch", Arguments: "x", Custom: true}, llm.ToolCall{ID: "t3", Name: "g", Arguments: "{}"}),
		},
		{
			"a call that stands for the answer", body(`{"toolUse":{"toolUseId":"t1","name":"`+answer+`","input":{"a":1}}}`, `"stopReason":"tool_use",`+usage),
			wire.Target{Names: names},
			one(llm.Finish{Reason: llm.FinishStop, Raw: "tool_use"}, llm.Text{Text: `{"a":1}`}),
		},
		{
			"cited text, an image, and blocks that are kept as they came",
			body(`{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[{"title":"T","location":{"web":{"url":"https://a.example/"}},"sourceContent":[{"text":"q"}]}]}},{"image":{"format":"png","source":{"bytes":"`+png+`"}}},{"toolUse":{"toolUseId":"s","name":"n","type":"server_tool_use","input":{}}},{"glow":1},{}`, `"stopReason":"end_turn",`+usage),
			wire.Target{},
			one(
				finished,
				llm.Text{Text: "ab", Citations: []llm.Citation{{URL: "https://a.example/", Title: "T", Quote: "q", Format: llm.FormatConverse, Raw: []byte(`{"title":"T","location":{"web":{"url":"https://a.example/"}},"sourceContent":[{"text":"q"}]}`)}}},
				llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: png},
				llm.Opaque{Format: llm.FormatConverse, Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"s","name":"n","type":"server_tool_use","input":{}}}`)},
				llm.Opaque{Format: llm.FormatConverse, Type: "glow", Raw: []byte(`{"glow":1}`)},
			),
		},
		{
			"caches, a tier, a router, a stop sequence",
			body(``, `"stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"END"},"serviceTier":{"type":"flex"},"trace":{"promptRouter":{"invokedModelId":"arn:m"}},"usage":{"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":3,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":4}]}`),
			wire.Target{},
			&llm.Answer{
				Model: "arn:m", ServiceTier: "flex",
				Usage:   llm.Usage{Input: 1, CacheRead: 3, CacheWrite: 5, CacheWrite1h: 4, Output: 2, ServiceTier: "flex", Quality: llm.QualityExact},
				Choices: []llm.Choice{{Finish: llm.Finish{Reason: llm.FinishStopSequence, Raw: "stop_sequence", StopSequence: "END"}}},
			},
		},
		{
			"no usage, which is not zero", body(`{"text":"Hi"}`, `"stopReason":"end_turn"`),
			wire.Target{},
			&llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{llm.Text{Text: "Hi"}}, Finish: finished}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Format{}.DecodeAnswer([]byte(c.in), c.t)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFinishReasons(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]llm.FinishReason{
		"end_turn": llm.FinishStop, "tool_use": llm.FinishToolCalls, "max_tokens": llm.FinishLength, "stop_sequence": llm.FinishStopSequence,
		"guardrail_intervened": llm.FinishContentFilter, "content_filtered": llm.FinishContentFilter, "malformed_model_output": llm.FinishToolMalformed,
		"malformed_tool_use": llm.FinishToolMalformed, "model_context_window_exceeded": llm.FinishContextFull, "tired": llm.FinishStop,
	} {
		a, err := Format{}.DecodeAnswer([]byte(`{"output":{"message":{"content":[]}},"stopReason":"`+raw+`"}`), wire.Target{})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Choices[0].Finish; got.Reason != want || got.Raw != raw {
			t.Errorf("%s: %+v", raw, got)
		}
	}
}

func TestBodiesThatAreNoAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		kind llm.Kind
		say  string
	}{
		{`{"message":"The security token included in the request is invalid."}`, llm.KindUpstream, "security token"},
		{`{"__type":"com.amazon.coral.service#ThrottlingException","message":"slow down"}`, llm.KindRateLimit, "slow down"},
		{`{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`, llm.KindNotFound, "UnknownOperationException"},
		{`{}`, llm.KindUpstream, "no message"},
		{`{"output":{"message":{"content":[{"text":"x"}]}}}`, llm.KindUpstream, "no stop reason"},
		{`{"output":{"message":{"content":[{"text":5}]}},"stopReason":"end_turn"}`, llm.KindUpstream, "can't be read"},
		{`<html>`, llm.KindUpstream, "can't be read"},
		{``, llm.KindUpstream, "can't be read"},
	} {
		_, err := Format{}.DecodeAnswer([]byte(c.in), wire.Target{})
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Error(), c.say) {
			t.Errorf("%s: %#v", c.in, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	says := func(m string) string { return `{"message":"` + m + `"}` }
	for _, c := range []struct {
		name   string
		status int
		typ    string // of the header
		body   string
		kind   llm.Kind
		shown  string // the type
	}{
		{"throttled", 429, "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", says("Too many requests, please wait before trying again."), llm.KindRateLimit, "ThrottlingException"},
		{"throttled by tokens", 429, "ThrottlingException", says("Too many tokens, please wait before trying again."), llm.KindRateLimit, "ThrottlingException"},
		{"a day's tokens", 429, "ThrottlingException", says("Too many tokens per day, please wait before trying again."), llm.KindQuota, "ThrottlingException"},
		{"a quota", 400, "ServiceQuotaExceededException", says("Your request exceeds the service quota for your account."), llm.KindQuota, "ServiceQuotaExceededException"},
		{"a model that is loading", 429, "ModelNotReadyException", says("Model is not ready for inference."), llm.KindOverloaded, "ModelNotReadyException"},
		{"no capacity", 503, "ServiceUnavailableException", says("Bedrock is unable to process your request."), llm.KindOverloaded, "ServiceUnavailableException"},
		{"their fault", 500, "InternalServerException", says("The system encountered an unexpected error."), llm.KindUpstream, "InternalServerException"},
		{"the model's fault", 424, "ModelErrorException", says("The system encountered an unexpected error during processing."), llm.KindUpstream, "ModelErrorException"},
		{"the model's stream", 424, "ModelStreamErrorException", says("x"), llm.KindUpstream, "ModelStreamErrorException"},
		{"too slow", 408, "ModelTimeoutException", says("x"), llm.KindTimeout, "ModelTimeoutException"},
		{"a bad request", 400, "ValidationException", says("The text field in the ContentBlock object at messages.0.content.0 is blank."), llm.KindBadRequest, "ValidationException"},
		{"too long", 400, "ValidationException", says("The model returned the following errors: Input is too long for requested model."), llm.KindContextLength, "ValidationException"},
		{"too long, in the model's words", 400, "ValidationException", says("The model returned the following errors: prompt is too long: 227255 tokens > 200000 maximum"), llm.KindContextLength, "ValidationException"},
		{"too long with the cap", 400, "ValidationException", says("input length and `max_tokens` exceed context limit: 198214 + 8192 > 200000"), llm.KindContextLength, "ValidationException"},
		{"a model of another region", 400, "ValidationException", says("The provided model identifier is invalid."), llm.KindNotFound, "ValidationException"},
		{"a model by profile only", 400, "ValidationException", says("Invocation of model ID x with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."), llm.KindNotFound, "ValidationException"},
		{"a model that is gone", 404, "ResourceNotFoundException", says("This model version has reached the end of its life."), llm.KindNotFound, "ResourceNotFoundException"},
		{"a signature that is refused", 400, "ValidationException", says("The model returned the following errors: messages.1.content.0: Invalid `signature` in `thinking` block"), llm.KindReasoning, "ValidationException"},
		{"a thinking block that is missing", 400, "ValidationException", says("messages.1.content.0.type: Expected 'thinking' or 'redacted_thinking', but found 'tool_use'."), llm.KindReasoning, "ValidationException"},
		{"no access to the model", 403, "AccessDeniedException", says("You don't have access to the model with the specified model ID."), llm.KindPermission, "AccessDeniedException"},
		{"a bad API key", 403, "AccessDeniedException", says("Authentication failed: Please make sure your API Key is valid."), llm.KindAuth, "AccessDeniedException"},
		{"a key that nobody knows", 403, "UnrecognizedClientException", says("The security token included in the request is invalid."), llm.KindAuth, "UnrecognizedClientException"},
		{"a clock that is wrong", 403, "InvalidSignatureException", says("Signature expired: 20261125T000000Z is now earlier than 20261125T010000Z"), llm.KindAuth, "InvalidSignatureException"},
		{"a session that ended", 403, "ExpiredTokenException", says("The security token included in the request is expired"), llm.KindAuth, "ExpiredTokenException"},
		{"a form that isn't filled in", 404, "FTUFormNotFilled", says("Model use case details have not been submitted for this account."), llm.KindPermission, "FTUFormNotFilled"},
		{"the type in the body, a capital in the message", 400, "", `{"__type":"com.amazon.coral.validate#ValidationException","Message":"bad"}`, llm.KindBadRequest, "ValidationException"},
		{"no type", 429, "", says("x"), llm.KindRateLimit, ""},
		{"an unknown type", 503, "NewException", says("x"), llm.KindOverloaded, "NewException"},
		{"a page of a proxy", 502, "", "<html><title>Bad Gateway</title></html>", llm.KindUpstream, ""},
		{"nothing", 403, "", "", llm.KindPermission, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Retry-After": {"7"}}
			if c.typ != "" {
				h.Set("X-Amzn-Errortype", c.typ)
			}
			e := Format{}.DecodeError(c.status, h, []byte(c.body))
			if e.Kind != c.kind || e.Type != c.shown || e.Status != c.status || e.Message == "" || e.RetryAfter != 7*time.Second || strings.Contains(e.Message, "<") {
				t.Fatalf("%#v", e)
			}
		})
	}
}
