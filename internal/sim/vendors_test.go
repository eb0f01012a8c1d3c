package sim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// vendorPaths are where the vendors of Chat's form are, and a model of each that
// reasons.
var vendorPaths = []struct{ name, path, thinker string }{
	{"nvidia", "/nvidia/v1", "deepseek-ai/deepseek-v4-pro-"},
	{"mistral", "/mistral/v1", "mistral-small-latest-"},
	{"xai", "/xai/v1", "grok-3-mini-"},
	{"groq", "/groq/openai/v1", "qwen/qwen3-32b-"},
	{"together", "/together/v1", "deepseek-ai/DeepSeek-V4-Pro-"},
	{"moonshot", "/moonshot/v1", "kimi-k3-"},
	{"dashscope", "/dashscope/compatible-mode/v1", "qwen3.7-plus-"},
}

// TestEachVendorAnswersInItsWay looks for what only that vendor writes, in whole
// answers and in streams.
func TestEachVendorAnswersInItsWay(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	whole := map[string][]string{
		"nvidia":    {`"reasoning_content":"First I think`},
		"mistral":   {`"content":[{"thinking":[{"text":"First I think`, `"num_cached_tokens":1`},
		"xai":       {`"reasoning_content":"First`, `"cost_in_usd_ticks":`},
		"groq":      {`"reasoning":"First I think`},
		"together":  {`"reasoning":"First I think`, `"finish_reason":"eos"`},
		"moonshot":  {`"reasoning_content":"First`, `"cached_tokens":1`},
		"dashscope": {`"cache_creation_input_tokens":1`},
	}
	stream := map[string][]string{
		"nvidia":    {`"delta":{"content":""}`, `"usage":{"prompt_tokens":6,"completion_tokens":2,`},
		"mistral":   {`"delta":{"content":[{"thinking":[{"text":"First`, `"finish_reason":"stop"}],"usage":{`},
		"xai":       {`"choices":[],"usage":{`},
		"groq":      {`"x_groq":{"usage":{`},
		"together":  {`"finish_reason":"eos"}],"usage":{`},
		"moonshot":  {`"finish_reason":"stop","usage":{`},
		"dashscope": {`"choices":[],"usage":{`},
	}
	for _, v := range vendorPaths {
		body := `{"model":"` + v.thinker + `sim-n2-think-cached20-written20","messages":[{"role":"user","content":"Hello there, vendors!"}]`
		got := c.post(v.path+"/chat/completions", body+"}")
		for _, want := range whole[v.name] {
			if got.status != http.StatusOK || !strings.Contains(got.body, want) {
				t.Errorf("%s: no %s in %d %s", v.name, want, got.status, got.body)
			}
		}
		ask := `,"stream":true,"stream_options":{"include_usage":true}}`
		if v.name == "mistral" {
			ask = `,"stream":true}`
		}
		got = c.post(v.path+"/chat/completions", body+ask)
		for _, want := range stream[v.name] {
			if got.status != http.StatusOK || !strings.Contains(got.body, want) || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
				t.Errorf("%s, streamed: no %s in %d %s", v.name, want, got.status, got.body)
			}
		}
		if without := strings.Contains(got.body, `"object"`); without != (v.name != "moonshot") {
			t.Errorf("%s: object %t", v.name, without)
		}
	}
}

// TestXAICountsReasoningBesideTheAnswer: the total says so.
func TestXAICountsReasoningBesideTheAnswer(t *testing.T) {
	t.Parallel()
	var r chatReply
	newClient(t).ok("/xai/v1/chat/completions", `{"model":"grok-3-mini-sim-n2-think","messages":[`+chatUser+`]}`, &r)
	u := r.Usage
	if u.CompletionDetails.Reasoning == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens+u.CompletionDetails.Reasoning || *u.Ticks != int64(u.PromptTokens+4*(u.TotalTokens-u.PromptTokens))*ticksPerMicro {
		t.Errorf("%+v", u)
	}
}

// TestReasoningInTheText: of models whose vendor doesn't take it out.
func TestReasoningInTheText(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var r chatReply
	c.ok("/nvidia/v1/chat/completions", `{"model":"deepseek-ai/deepseek-r1-sim-n2-think","messages":[`+chatUser+`]}`, &r)
	if text := *r.Choices[0].Message.Content; !strings.HasPrefix(text, "<think>First I think") || !strings.Contains(text, "</think>\n\n") {
		t.Errorf("%q", text)
	}
}

// TestCallsAreInTheVendorsShape: Mistral's come whole, without an index, under ids
// of nine characters.
func TestCallsAreInTheVendorsShape(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	body := c.post("/mistral/v1/chat/completions", `{"model":"sim-tools1-par2","stream":true,"messages":[`+chatUser+`],"tools":[`+chatTool+`]}`).body
	var calls []chatCall
	for _, data := range events(body) {
		var chunk chatReply
		if data != "[DONE]" {
			read(t, data, &chunk)
			calls = append(calls, chunk.Choices[0].Delta.ToolCalls...)
		}
	}
	if len(calls) != 2 || calls[0].Index != nil || calls[0].Type != "" || len(calls[0].ID) != 9 || calls[0].ID == calls[1].ID || !strings.Contains(calls[0].Function.Arguments, "city") {
		t.Errorf("%+v in %s", calls, body)
	}
}

// TestWhatEachVendorRefuses: the status and words of each.
func TestWhatEachVendorRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const turn = `{"role":"user","content":"hi"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"wet"}`
	for _, test := range []struct {
		name, path, body string
		status           int
		want             string
	}{
		{"an unknown field", "/mistral/v1", `{"model":"sim","store":false,"messages":[` + chatUser + `]}`, 422, `"loc":["body","store"]`},
		{"stream options", "/mistral/v1", `{"model":"sim","stream":true,"stream_options":{},"messages":[` + chatUser + `]}`, 422, "extra_forbidden"},
		{"another's limit", "/mistral/v1", `{"model":"sim","max_completion_tokens":9,"messages":[` + chatUser + `]}`, 422, "max_completion_tokens"},
		{"reasoning in a message", "/mistral/v1", `{"model":"sim","messages":[` + chatUser + `,{"role":"assistant","content":"a","reasoning_content":"b"},` + chatUser + `]}`, 422, `"reasoning_content"`},
		{"the id of a call", "/mistral/v1", `{"model":"sim","messages":[` + turn + `]}`, 400, "with a length of 9"},
		{"the developer", "/mistral/v1", `{"model":"sim","messages":[{"role":"developer","content":"a"}]}`, 400, "developer"},
		{"stop where the model reasons", "/xai/v1", `{"model":"grok-4.3-sim","stop":["a"],"messages":[` + chatUser + `]}`, 400, `"error":"Argument not supported on this model: stop"`},
		{"an effort that isn't taken", "/xai/v1", `{"model":"grok-4-0709-sim","reasoning_effort":"low","messages":[` + chatUser + `]}`, 400, "reasoningEffort"},
		{"a name", "/xai/v1", `{"model":"sim","messages":[{"role":"user","name":"ada","content":"a"}]}`, 400, "names"},
		{"logprobs", "/groq/openai/v1", `{"model":"sim","logprobs":true,"messages":[` + chatUser + `]}`, 400, "logprobs"},
		{"two answers", "/groq/openai/v1", `{"model":"sim","n":2,"messages":[` + chatUser + `]}`, 400, "at most 1"},
		{"a name", "/groq/openai/v1", `{"model":"sim","messages":[{"role":"user","name":"ada","content":"a"}]}`, 400, "unsupported"},
		{"an effort of others", "/groq/openai/v1", `{"model":"qwen/qwen3-32b-sim","reasoning_effort":"high","messages":[` + chatUser + `]}`, 400, "reasoning_effort"},
		{"temperature", "/moonshot/v1", `{"model":"kimi-k3-sim","temperature":0.3,"messages":[` + chatUser + `]}`, 400, "only 1 is allowed"},
		{"a loop without its reasoning", "/moonshot/v1", `{"model":"kimi-k3-sim-think","messages":[` + turn + `]}`, 400, "reasoning_content is missing"},
		{"thinking in a whole answer", "/dashscope/compatible-mode/v1", `{"model":"qwen3-32b-sim","enable_thinking":true,"messages":[` + chatUser + `]}`, 400, "non-streaming"},
		{"nothing to spend", "/xai/v1", `{"model":"sim-quota","messages":[` + chatUser + `]}`, 429, "monthly spending limit"},
		{"nothing to spend", "/moonshot/v1", `{"model":"sim-quota","messages":[` + chatUser + `]}`, 429, "exceeded_current_quota_error"},
		{"nothing to spend", "/dashscope/compatible-mode/v1", `{"model":"sim-quota","messages":[` + chatUser + `]}`, 400, "Arrearage"},
		{"too long", "/xai/v1", `{"model":"sim-ctx","messages":[` + chatUser + `]}`, 400, "maximum prompt length"},
		{"too long", "/mistral/v1", `{"model":"sim-ctx","messages":[` + chatUser + `]}`, 400, `"message":"This model's maximum context`},
		{"no such model", "/nvidia/v1", `{"model":"nobody","messages":[` + chatUser + `]}`, 404, `"detail":"The model`},
	} {
		if got := c.post(test.path+"/chat/completions", test.body); got.status != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s at %s: got %d %s, want %d with %s", test.name, test.path, got.status, got.body, test.status, test.want)
		}
	}
	for path, status := range map[string]int{"/mistral/v1": 401, "/xai/v1": 400, "/groq/openai/v1": 401, "/nvidia/v1": 401, "/together/v1": 401, "/moonshot/v1": 401, "/dashscope/compatible-mode/v1": 401} {
		for _, key := range []string{"bad-key", ""} {
			c.header = http.Header{"Content-Type": {"application/json"}}
			if key != "" {
				c.header.Set("Authorization", "Bearer "+key)
			}
			if got := c.post(path+"/chat/completions", `{"model":"sim","messages":[`+chatUser+`]}`); got.status/100 != 4 || key != "" && got.status != status {
				t.Errorf("%s with %q: %d %s", path, key, got.status, got.body)
			}
		}
	}
}

// TestErrorsInsideEachVendorsStreams: where they stand.
func TestErrorsInsideEachVendorsStreams(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for path, want := range map[string]string{
		"/groq/openai/v1": `"x_groq":{"error":{`,
		"/xai/v1":         `data: {"code":"Internal error","error":`,
		"/mistral/v1":     `data: {"code":"1000","message":`,

		"/openrouter/api/v1": `"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]`,
	} {
		if got := c.post(path+"/chat/completions", `{"model":"sim-err2","stream":true,"messages":[`+chatUser+`]}`); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}

// TestEndsInEachVendorsWords: of answers with calls, and under load.
func TestEndsInEachVendorsWords(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, test := range []struct{ path, model, want string }{
		{"/xai/v1", "sim-tools1-nofinish", `"finish_reason":""`},
		{"/deepseek", "sim", ": keep-alive\n\n"},
		{"/deepseek", "sim-e503-err1", `"finish_reason":"insufficient_system_resource"`},
	} {
		if got := c.post(test.path+"/chat/completions", `{"model":"`+test.model+`","stream":true,"messages":[`+chatUser+`],"tools":[`+chatTool+`]}`); !strings.Contains(got.body, test.want) {
			t.Errorf("%s %s: no %s in %s", test.path, test.model, test.want, got.body)
		}
	}
}

// TestListsOfEachVendor: their shapes, and that DashScope has none.
func TestListsOfEachVendor(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for path, want := range map[string]string{
		"/nvidia/v1/models":      `{"data":[{"id":"sim","object":"model"`,
		"/mistral/v1/models":     `"deprecation_replacement_model":"mistral-medium-latest"`,
		"/xai/v1/models":         `"id":"grok-4.7"`,
		"/groq/openai/v1/models": `"context_window":200000`,
		"/together/v1/models":    `[{"context_length":200000`,
		"/moonshot/v1/models":    `"id":"kimi-k3"`,
	} {
		got, err := c.do(http.MethodGet, path, "")
		if err != nil || got.status != http.StatusOK || !strings.Contains(strings.ReplaceAll(got.body, `{"object":"list","data"`, `{"data"`), want) {
			t.Errorf("%s: %v %d %s", path, err, got.status, got.body)
		}
	}
	if got, err := c.do(http.MethodGet, "/dashscope/compatible-mode/v1/models", ""); err != nil || got.status != http.StatusNotFound {
		t.Errorf("%v %+v", err, got)
	}
}

// TestOtherFormsOfTheVendors: Anthropic's at two, Responses at two.
func TestOtherFormsOfTheVendors(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for path, body := range map[string]string{
		"/moonshot/anthropic/v1/messages":         `{"model":"kimi-k3-sim-n2","max_tokens":9,"messages":[` + chatUser + `]}`,
		"/dashscope/apps/anthropic/v1/messages":   `{"model":"sim-n2","max_tokens":9,"messages":[` + chatUser + `]}`,
		"/dashscope/compatible-mode/v1/responses": `{"model":"sim-n2","input":"hi"}`,
		"/xai/v1/responses":                       `{"model":"grok-4.3-sim-n2","input":"hi"}`,
	} {
		if got := c.post(path, body); got.status != http.StatusOK {
			t.Errorf("%s: %+v", path, got)
		}
	}
	for _, path := range []string{"/groq/openai/v1/responses", "/mistral/v1/responses", "/together/v1/messages"} {
		if got := c.post(path, `{"model":"sim"}`); got.status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// A model with so many requests a day refuses the next, each vendor in its words.
func TestRequestsOfADay(t *testing.T) {
	t.Parallel()
	const ask = `{"model":"sim-day2","messages":[` + chatUser + `]}`
	for name, c := range map[string]struct {
		path, body, header, left, refusal string
	}{
		"groq":       {"/groq/openai/v1/chat/completions", ask, "X-Ratelimit-Remaining-Requests", "1 0 0", "requests per day"},
		"openrouter": {"/openrouter/api/v1/chat/completions", ask, "X-Ratelimit-Remaining", "  0", "free-models-per-day"},
		"gemini":     {"/gemini/v1beta/models/sim-day2:generateContent", `{"contents":[{"role":"user","parts":[{"text":"a"}]}]}`, "", "  ", "PerDay"},
	} {
		s := New(Options{})
		var left []string
		for i, want := range []int{200, 200, 429} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer k")
			r.Header.Set("X-Goog-Api-Key", "k")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != want || want == 429 && !strings.Contains(w.Body.String(), c.refusal) {
				t.Errorf("%s, request %d: %d %.300s", name, i, w.Code, w.Body)
			}
			left = append(left, w.Header().Get(c.header))
		}
		if got := strings.Join(left, " "); got != c.left {
			t.Errorf("%s tells %q, want %q", name, got, c.left)
		}
	}
}
