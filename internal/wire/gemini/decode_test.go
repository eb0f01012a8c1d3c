package gemini_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func raw(path, query, body string) wire.RawRequest {
	q, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	return wire.RawRequest{Method: "POST", Path: path, Query: q, Body: []byte(body)}
}

func decode(t testing.TB, path, query, body string) *llm.Request {
	t.Helper()
	q, err := format.Decode(raw(path, query, body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return q
}

func p[T any](v T) *T { return &v }

const (
	wholePath  = "/v1beta/models/gemini-x:generateContent"
	streamPath = "/v1/models/acme/my:model:streamGenerateContent"
)

const fullCamel = `{
 "systemInstruction": {"parts": [{"text": "be brief"}]},
 "contents": [
  {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "aGk_"}}]},
  {"role": "model", "parts": [{"text": "hm", "thought": true}, {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}, {"functionCall": {"name": "f", "args": {"a": 2}}}, {"functionCall": {"id": "x", "name": "g"}}]},
  {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "one"}}}, {"functionResponse": {"id": "x", "name": "g", "response": {"error": "bad"}}}, {"functionResponse": {"name": "f", "response": {"n": 2}}}, {"text": "go on"}]}
 ],
 "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": true}}, "required": ["type"]}}], "googleSearch": {}}],
 "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}, "retrievalConfig": {"languageCode": "de"}},
 "generationConfig": {"temperature": 0.5, "topP": 0.9, "topK": 40.0, "maxOutputTokens": "100", "stopSequences": ["X"], "candidateCount": 2, "seed": 7, "presencePenalty": 0.1, "frequencyPenalty": 0.2, "responseLogprobs": true, "logprobs": 3, "responseMimeType": "application/json", "responseSchema": {"type": "STRING"}, "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": true}, "responseModalities": ["TEXT"], "mediaResolution": "MEDIA_RESOLUTION_LOW"},
 "safetySettings": [{"category": "C", "threshold": "T"}],
 "cachedContent": "cachedContents/1",
 "labels": {"a": "b"}
}`

var snake = strings.NewReplacer("systemInstruction", "system_instruction", "inlineData", "inline_data", "mimeType", "mime_type", "functionCallingConfig", "function_calling_config",
	"functionCall\"", "function_call\"", "functionResponse", "function_response", "thoughtSignature", "thought_signature", "functionDeclarations", "function_declarations", "toolConfig", "tool_config",
	"allowedFunctionNames", "allowed_function_names", "generationConfig", "generation_config", "topP", "top_p", "topK", "top_k", "maxOutputTokens", "max_output_tokens",
	"stopSequences", "stop_sequences", "candidateCount", "candidate_count", "presencePenalty", "presence_penalty", "frequencyPenalty", "frequency_penalty", "responseLogprobs", "response_logprobs",
	"responseMimeType", "response_mime_type", "responseSchema", "response_schema", "thinkingConfig", "thinking_config", "thinkingBudget", "thinking_budget", "includeThoughts", "include_thoughts",
	"responseModalities", "response_modalities", "cachedContent\"", "cached_content\"")

func TestDecodeReadsEverythingInEitherSpelling(t *testing.T) {
	t.Parallel()
	want := &llm.Request{
		Model: "gemini-x", StreamUsage: true,
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "be brief"}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "look"}, llm.Media{MIME: "image/png", Data: "aGk/"}}},
			{Role: llm.RoleAssistant, Parts: []llm.Part{
				llm.Reasoning{Text: "hm", Summary: true},
				llm.ToolCall{ID: "call_1_0", Name: "f", Arguments: `{"a":1}`, Blob: &llm.Blob{Kind: llm.BlobThought, Data: "c2ln"}},
				llm.ToolCall{ID: "call_1_1", Name: "f", Arguments: `{"a":2}`},
				llm.ToolCall{ID: "x", Name: "g", Arguments: `{}`},
			}},
			{Role: llm.RoleTool, Parts: []llm.Part{
				llm.ToolResult{CallID: "call_1_0", Name: "f", Parts: []llm.Part{llm.Text{Text: "one"}}},
				llm.ToolResult{CallID: "x", Name: "g", Parts: []llm.Part{llm.Text{Text: "bad"}}, IsError: true},
				llm.ToolResult{CallID: "call_1_1", Name: "f", Parts: []llm.Part{llm.Text{Text: `{"n":2}`}}},
			}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "go on"}}},
		},
		Tools: []llm.Tool{
			{Name: "f", Description: "d", Schema: []byte(`{"type":"object","properties":{"type":{"type":["string","null"]}},"required":["type"]}`)},
			{Kind: llm.ToolBuiltin, Name: "googleSearch", Format: llm.FormatGemini, Raw: []byte(`{"googleSearch":{}}`)},
		},
		ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"f"}},
		Output:     llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"string"}`), Modalities: []string{"text"}},
		Reasoning:  llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: p(512), Summary: "auto"},
		Sampling: llm.Sampling{
			Temperature: p(0.5), TopP: p(0.9), TopK: p(40), N: p(2), Seed: p(int64(7)), PresencePenalty: p(0.1), FrequencyPenalty: p(0.2),
			LogProbs: p(true), TopLogProbs: p(3),
		},
		MaxOutput: p(100), Stop: []string{"X"},
		Cache: llm.CacheHints{Content: "cachedContents/1"},
		Extra: []llm.Field{
			{Format: llm.FormatGemini, Name: "toolConfig.retrievalConfig", Value: []byte(`{"languageCode": "de"}`)},
			{Format: llm.FormatGemini, Name: "generationConfig.mediaResolution", Value: []byte(`"MEDIA_RESOLUTION_LOW"`)},
			{Format: llm.FormatGemini, Name: "safetySettings", Value: []byte(`[{"category": "C", "threshold": "T"}]`)},
			{Format: llm.FormatGemini, Name: "labels", Value: []byte(`{"a": "b"}`)},
		},
	}
	for name, body := range map[string]string{"camelCase": fullCamel, "snake_case": snake.Replace(fullCamel)} {
		if diff := cmp.Diff(want, decode(t, wholePath, "", body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestThePathSaysModelAndStream(t *testing.T) {
	t.Parallel()
	const body = `{"contents":[{"parts":[{"text":"x"}]}]}`
	for _, test := range []struct {
		path, query, model string
		stream             bool
		extra              int
	}{
		{wholePath, "", "gemini-x", false, 0},
		{wholePath, "alt=sse", "gemini-x", false, 0},
		{streamPath, "alt=sse", "acme/my:model", true, 0},
		{streamPath, "", "acme/my:model", true, 1},
		{streamPath, "alt=json", "acme/my:model", true, 1},
		{"/v1beta/acme/models/my:generateContent", "", "acme/models/my", false, 0},
	} {
		q := decode(t, test.path, test.query, body)
		if q.Model != test.model || q.Stream != test.stream || len(q.Extra) != test.extra {
			t.Errorf("%s?%s: %+v", test.path, test.query, q)
		}
		k, err := format.Peek(raw(test.path, test.query, body))
		if err != nil || k.Model != test.model || k.Stream != test.stream {
			t.Errorf("%s: peeked %+v, %v", test.path, k, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, body, param string }{
		{"/v1beta/models/:generateContent", `{}`, "model"},
		{"/v1beta/models/m", `{}`, "model"},
		{wholePath, `{}`, "contents"},
		{wholePath, `{"contents":[]}`, "contents"},
		{wholePath, `{"contents":[{"role":"owl","parts":[{"text":"x"}]}]}`, "contents[0]"},
		{wholePath, `{"contents":[{"parts":[{"text":5}]}]}`, "contents[0]"},
		{wholePath, `{"contents":5}`, "contents"},
		{wholePath, `{"contents":[],"contents":[]}`, ""},
		{wholePath, `{"generationConfig":{},"generation_config":{}}`, "generationConfig"},
		{wholePath, `{"generationConfig":{"temperature":"hot"}}`, "generationConfig.temperature"},
		{wholePath, `{"generationConfig":{"maxOutputTokens":1.5}}`, "generationConfig.maxOutputTokens"},
		{wholePath, `{"toolConfig":{"functionCallingConfig":{"mode":"SOME"}}}`, "toolConfig.functionCallingConfig"},
		{wholePath, `{"generationConfig":{"thinkingConfig":{"thinkingLevel":"WILD"}}}`, "generationConfig.thinkingConfig"},
		{wholePath, `[]`, ""},
	} {
		_, err := format.Decode(raw(test.path, "", test.body))
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Param != test.param {
			t.Errorf("%s %s: %v, want param %q", test.path, test.body, err, test.param)
		}
	}
}

func TestDecodeParts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, part string
		want       llm.Part
	}{
		{"signature alone on an empty text", `{"text":"","thoughtSignature":"s"}`, llm.Text{Blob: &llm.Blob{Kind: llm.BlobThought, Data: "s"}}},
		{"signature without a text", `{"thoughtSignature":"s"}`, llm.Text{Blob: &llm.Blob{Kind: llm.BlobThought, Data: "s"}}},
		{"code", `{"executableCode":{"language":"PYTHON","code":"1"}}`, llm.Opaque{Format: llm.FormatGemini, Type: "executableCode", Raw: []byte(`{"executableCode":{"language":"PYTHON","code":"1"}}`)}},
		{"a file of the vendor's", `{"fileData":{"mimeType":"application/pdf","fileUri":"https://h/v1beta/files/x"}}`, llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", FileID: "https://h/v1beta/files/x", Format: llm.FormatGemini}},
		{"a bucket", `{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/x"}}`, llm.Media{Kind: llm.MediaVideo, MIME: "video/mp4", FileID: "gs://b/x", Format: llm.FormatGemini}},
		{"an address", `{"fileData":{"fileUri":"https://h/a.png?x=1"}}`, llm.Media{Kind: llm.MediaImage, URL: "https://h/a.png?x=1"}},
		{"a clip", `{"inlineData":{"mimeType":"video/mp4","data":"aGk"},"videoMetadata":{"fps":2}}`, llm.Media{Kind: llm.MediaVideo, MIME: "video/mp4", Data: "aGk=", Format: llm.FormatGemini, Extra: []byte(`{"videoMetadata":{"fps":2}}`)}},
	} {
		q := decode(t, wholePath, "", `{"contents":[{"parts":[{"text":"first"},`+test.part+`]}]}`)
		if diff := cmp.Diff(test.want, q.Messages[0].Parts[1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestTextAndCallMayShareAPart(t *testing.T) {
	t.Parallel()
	q := decode(t, wholePath, "", `{"contents":[{"parts":[{"text":"x"}]},{"role":"model","parts":[{"text":"so","functionCall":{"name":"f","args":{}},"thoughtSignature":"s"}]}]}`)
	want := []llm.Part{llm.Text{Text: "so"}, llm.ToolCall{ID: "call_1_0", Name: "f", Arguments: "{}", Blob: &llm.Blob{Kind: llm.BlobThought, Data: "s"}}}
	if diff := cmp.Diff(want, q.Messages[1].Parts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestToolModes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config string
		want   llm.ToolChoice
	}{
		{`{"mode":"AUTO"}`, llm.ToolChoice{Mode: llm.ToolAuto}},
		{`{"mode":"none"}`, llm.ToolChoice{Mode: llm.ToolNone}},
		{`{"mode":"ANY"}`, llm.ToolChoice{Mode: llm.ToolRequired}},
		{`{"mode":"ANY","allowedFunctionNames":["a","b"]}`, llm.ToolChoice{Mode: llm.ToolAllowed, Required: true, Names: []string{"a", "b"}}},
		{`{"mode":"VALIDATED","allowedFunctionNames":["a"]}`, llm.ToolChoice{Mode: llm.ToolAllowed, Names: []string{"a"}}},
		{`{"mode":"VALIDATED"}`, llm.ToolChoice{Mode: llm.ToolAuto}},
		{`{}`, llm.ToolChoice{}},
	} {
		q := decode(t, wholePath, "", `{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"a"},{"name":"b"}]}],"toolConfig":{"functionCallingConfig":`+test.config+`}}`)
		if diff := cmp.Diff(test.want, q.ToolChoice); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.config, diff)
		}
	}
}
