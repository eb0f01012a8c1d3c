package responses_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func ptr[T any](v T) *T { return &v }

func decode(t testing.TB, body string) *llm.Request {
	t.Helper()
	q, err := format.Decode(wire.RawRequest{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func opaque(typ, raw string) llm.Opaque {
	return llm.Opaque{Format: llm.FormatResponses, Type: typ, Raw: []byte(raw)}
}

// Every item that clients send back.
func TestDecodeInput(t *testing.T) {
	t.Parallel()
	user := func(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleUser, Parts: parts} }
	said := func(parts ...llm.Part) llm.Message {
		return llm.Message{Role: llm.RoleAssistant, Parts: parts}
	}
	gave := func(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleTool, Parts: parts} }
	tests := []struct {
		name, input string
		want        []llm.Message
	}{
		{"a text", `"hi"`, []llm.Message{user(llm.Text{Text: "hi"})}},
		{"an easy message", `[{"role":"user","content":"hi"}]`, []llm.Message{user(llm.Text{Text: "hi"})}},
		{
			"roles", `[{"role":"system","content":"a"},{"type":"message","role":"developer","content":[{"type":"input_text","text":"b"}]},{"role":"assistant","content":"c"}]`,
			[]llm.Message{
				{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "a"}}},
				{Role: llm.RoleDeveloper, Parts: []llm.Part{llm.Text{Text: "b"}}},
				said(llm.Text{Text: "c"}),
			},
		},
		{
			"media", `[{"role":"user","content":[{"type":"input_image","image_url":"https://x/y.png","detail":"high"},{"type":"input_image","image_url":{"url":"data:image/png;base64,AA"}},{"type":"input_image","file_id":"f1"},{"type":"input_file","file_url":"https://x/a.pdf"},{"type":"input_file","filename":"a.txt","file_data":"data:text/plain;base64,BB"},{"type":"input_file","file_data":"CC"},{"type":"input_file","file_id":"f2"},{"type":"input_audio","input_audio":{"data":"DD","format":"mp3"}}]}]`,
			[]llm.Message{user(
				llm.Media{Kind: llm.MediaImage, URL: "https://x/y.png", Detail: "high"},
				llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: "AA"},
				llm.Media{Kind: llm.MediaImage, FileID: "f1", Format: llm.FormatResponses},
				llm.Media{Kind: llm.MediaDocument, URL: "https://x/a.pdf"},
				llm.Media{Kind: llm.MediaDocument, MIME: "text/plain", Data: "BB", Name: "a.txt"},
				llm.Media{Kind: llm.MediaDocument, MIME: "application/pdf", Data: "CC"},
				llm.Media{Kind: llm.MediaDocument, FileID: "f2", Format: llm.FormatResponses},
				llm.Media{Kind: llm.MediaAudio, MIME: "audio/mp3", Data: "DD"},
			)},
		},
		{"a cache mark", `[{"role":"user","content":[{"type":"input_text","text":"hi","prompt_cache_breakpoint":{"mode":"explicit"}}]}]`, []llm.Message{user(llm.Text{Text: "hi", Cache: &llm.CacheMark{}})}},
		{"a part of tomorrow", `[{"role":"user","content":[{"type":"input_smell","x":1}]}]`, []llm.Message{user(opaque("input_smell", `{"type":"input_smell","x":1}`))}},
		{
			"a turn with calls", `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"e"},
			{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"no"}]},
			{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}"},{"type":"custom_tool_call","id":"ctc_1","call_id":"c2","name":"g","input":"in"},
			{"type":"function_call_output","call_id":"c1","output":"out"},{"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"t"},{"type":"input_image","image_url":"https://x"}]}]`,
			[]llm.Message{
				said(
					llm.Reasoning{ID: "rs_1", Text: "a\n\nb", Summary: true, Blob: &llm.Blob{Kind: llm.BlobEncrypted, Data: "e"}},
					llm.Text{Text: "ok"}, llm.Refusal{Text: "no"},
					llm.ToolCall{ID: "c1", Name: "f", Arguments: "{}", ItemID: "fc_1"},
					llm.ToolCall{ID: "c2", Name: "g", Arguments: "in", Custom: true, ItemID: "ctc_1"},
				),
				gave(
					llm.ToolResult{CallID: "c1", Parts: []llm.Part{llm.Text{Text: "out"}}},
					llm.ToolResult{CallID: "c2", Custom: true, Parts: []llm.Part{llm.Text{Text: "t"}, llm.Media{Kind: llm.MediaImage, URL: "https://x"}}},
				),
			},
		},
		{"reasoning in the open", `[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}]`, []llm.Message{said(llm.Reasoning{ID: "rs_1", Text: "hm", Blob: &llm.Blob{Kind: llm.BlobPlain}})}},
		{"an output that is JSON", `[{"type":"function_call_output","call_id":"c","output":{"a":1}}]`, []llm.Message{gave(llm.ToolResult{CallID: "c", Parts: []llm.Part{llm.Text{Text: `{"a":1}`}}})}},
		{
			"what the vendor runs", `[{"type":"web_search_call","id":"ws_1"},{"type":"mcp_approval_request","id":"m"},{"type":"mcp_approval_response","approval_request_id":"m","approve":true},{"type":"computer_call","id":"cu"},{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot"}},{"type":"item_reference","id":"x"},{"id":"y"}]`,
			[]llm.Message{
				said(opaque("web_search_call", `{"type":"web_search_call","id":"ws_1"}`), opaque("mcp_approval_request", `{"type":"mcp_approval_request","id":"m"}`)),
				gave(opaque("mcp_approval_response", `{"type":"mcp_approval_response","approval_request_id":"m","approve":true}`)),
				said(opaque("computer_call", `{"type":"computer_call","id":"cu"}`)),
				gave(opaque("computer_call_output", `{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot"}}`)),
				said(opaque("item_reference", `{"type":"item_reference","id":"x"}`), opaque("item_reference", `{"id":"y"}`)),
			},
		},
		{"a message with a part of tomorrow", `[{"role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_smell"}]}]`, []llm.Message{said(opaque("message", `{"role":"assistant","content":[{"type":"output_text","text":"a"},{"type":"output_smell"}]}`))}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := decode(t, `{"model":"m","input":`+test.input+`}`)
			if diff := cmp.Diff(test.want, q.Messages, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeOptions(t *testing.T) {
	t.Parallel()
	got := decode(t, `{"model":"m","instructions":"be brief","input":"hi","stream":true,
		"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true},{"type":"function","name":"g","parameters":null},
			{"type":"custom","name":"c","format":{"type":"grammar","syntax":"lark","definition":"x"}},{"type":"custom","name":"p","format":{"type":"text"}},{"type":"web_search","x":1}],
		"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}]},"parallel_tool_calls":false,
		"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"low","x":1},
		"reasoning":{"effort":"xhigh","summary":"auto","context":"all_turns"},"include":["reasoning.encrypted_content","message.output_text.logprobs","file_search_call.results"],
		"max_output_tokens":99,"temperature":0,"top_p":0.5,"top_logprobs":3,"truncation":"auto","background":false,"metadata":{"a":"b"},
		"prompt_cache_key":"k","prompt_cache_retention":"24h","safety_identifier":"s","user":"u","service_tier":"flex","store":false,"previous_response_id":"resp_0","stop":null,"seed":1}`)
	own := func(name, value string) llm.Field {
		return llm.Field{Format: llm.FormatResponses, Name: name, Value: []byte(value)}
	}
	want := &llm.Request{
		Model: "m", Stream: true, StreamUsage: true,
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "be brief"}}},
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}},
		},
		Tools: []llm.Tool{
			{Name: "f", Description: "d", Schema: []byte(`{"type":"object"}`), Strict: ptr(true)},
			{Name: "g"},
			{Kind: llm.ToolCustom, Name: "c", Grammar: []byte(`{"type":"grammar","syntax":"lark","definition":"x"}`)},
			{Kind: llm.ToolCustom, Name: "p"},
			{Kind: llm.ToolBuiltin, Name: "web_search", Format: llm.FormatResponses, Raw: []byte(`{"type":"web_search","x":1}`)},
		},
		ToolChoice:    llm.ToolChoice{Mode: llm.ToolAllowed, Names: []string{"f", "c"}, Required: true},
		ParallelTools: ptr(false),
		Output:        llm.OutputFormat{Kind: llm.OutputSchema, Name: "n", Schema: []byte(`{"type":"object"}`), Strict: ptr(true), Verbosity: "low"},
		Reasoning:     llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortXHigh, Summary: "auto"},
		Sampling:      llm.Sampling{Temperature: ptr(0.0), TopP: ptr(0.5), TopLogProbs: ptr(3), LogProbs: ptr(true)},
		MaxOutput:     ptr(99), Metadata: map[string]string{"a": "b"}, EndUser: "s", ServiceTier: "flex", Store: ptr(false),
		Cache: llm.CacheHints{Key: "k", Retention: "24h"},
		Extra: []llm.Field{
			own("text.x", "1"), own("reasoning.context", `"all_turns"`), own("include", `["file_search_call.results"]`),
			own("truncation", `"auto"`), own("previous_response_id", `"resp_0"`), own("seed", "1"),
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, param string }{
		{"no object", `[]`, ""},
		{"no JSON", `{"model":`, ""},
		{"a name twice", `{"model":"m","model":"n","input":"x"}`, "model"},
		{"no model", `{"input":"x"}`, "model"},
		{"no input", `{"model":"m"}`, "input"},
		{"an empty input", `{"model":"m","input":[]}`, "input"},
		{"a number for input", `{"model":"m","input":7}`, "input"},
		{"a number for an item", `{"model":"m","input":[7]}`, "input[0]"},
		{"a role of nobody", `{"model":"m","input":[{"role":"user","content":"x"},{"role":"ghost","content":"x"}]}`, "input[1]"},
		{"a call without id", `{"model":"m","input":[{"type":"function_call","name":"f","arguments":"{}"}]}`, "input[0]"},
		{"a result without id", `{"model":"m","input":[{"type":"function_call_output","output":"x"}]}`, "input[0]"},
		{"a word for a number", `{"model":"m","input":"x","temperature":"hot"}`, "temperature"},
		{"a choice of nothing", `{"model":"m","input":"x","tool_choice":"maybe"}`, "tool_choice"},
		{"a tool without name", `{"model":"m","input":"x","tools":[{"type":"function"}]}`, "tools[0].name"},
		{"a schema that is missing", `{"model":"m","input":"x","text":{"format":{"type":"json_schema","name":"n"}}}`, "text.format.schema"},
		{"a label that is no text", `{"model":"m","input":"x","metadata":{"a":1}}`, "metadata.a"},
		{"an effort that is no text", `{"model":"m","input":"x","reasoning":{"effort":1}}`, "reasoning.effort"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := format.Decode(wire.RawRequest{Body: []byte(test.body)})
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Param != test.param || e.Message == "" {
				t.Errorf("got %+v", e)
			}
		})
	}
}

// Some things are kept verbatim, or mean nothing by themselves.
func TestDecodeKeeps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, name string }{
		{`"tool_choice":{"type":"file_search"}`, "tool_choice"},
		{`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp","server_label":"x"}]}`, "tool_choice"},
		{`"text":{"format":{"type":"poem"}}`, "text.format"},
		{`"conversation":"conv_1"`, "conversation"},
		{`"truncation":"disabled"`, ""},
		{`"conversation":null`, ""},
		{`"reasoning":{"effort":null,"summary":null}`, ""},
	} {
		q := decode(t, `{"model":"m","input":"x",`+test.body+`}`)
		name := ""
		if len(q.Extra) == 1 {
			name = q.Extra[0].Name
		}
		if name != test.name {
			t.Errorf("%s: kept %v", test.body, q.Extra)
		}
	}
	if q := decode(t, `{"model":"m","previous_response_id":"resp_1"}`); len(q.Messages) != 0 {
		t.Errorf("going on without input gives %v", q.Messages)
	}
}

func TestEncodeWritesTheFormatsOwn(t *testing.T) {
	t.Parallel()
	body := `{"model":"m","instructions":"be brief","input":[{"type":"message","role":"system","content":[{"type":"input_text","text":"s"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"JSON, hi"}]}],"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"},"text":{"format":{"type":"json_object"},"verbosity":"low"},"reasoning":{"context":"all_turns","effort":"high"},"temperature":0.5,"stream":true,"max_output_tokens":99,"include":["x","reasoning.encrypted_content"],"store":false,"safety_identifier":"u","conversation":"conv_1"}`
	q := decode(t, body)
	for range 3 {
		out, downgrades, err := format.Encode(q, wire.Target{Model: "m", Stream: true, Reasoning: wire.ReasoningStyle{Replay: "tools"}})
		if err != nil || len(downgrades) > 0 || out.Path != "/responses" {
			t.Fatal(out.Path, downgrades, err)
		}
		if diff := cmp.Diff(body, string(out.Body)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
	}
	input, err := format.EncodeConversation(q, wire.Target{})
	if err != nil || !strings.Contains(body, `"input":`+string(input)+`,"tools"`) {
		t.Errorf("input alone: %s, %v", input, err)
	}
}

func TestDowngrades(t *testing.T) {
	t.Parallel()
	hi := []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}}}
	with := func(parts ...llm.Part) []llm.Message {
		return []llm.Message{hi[0], {Role: llm.RoleAssistant, Parts: parts}, hi[0]}
	}
	tests := []struct {
		name   string
		q      llm.Request
		t      wire.Target
		want   string // features, joined
		has    string
		hasNot string
	}{
		{name: "nothing", want: "", has: `"store":false`},
		{name: "stored when asked", q: llm.Request{Store: ptr(true)}, has: `"store":true`},
		{
			name: "knobs", want: "stop,top_k,seed,n,frequency_penalty,presence_penalty,logit_bias",
			q: llm.Request{Stop: []string{"x"}, Sampling: llm.Sampling{TopK: ptr(1), Seed: ptr(int64(1)), N: ptr(2), FrequencyPenalty: ptr(1.0), PresencePenalty: ptr(1.0), LogitBias: []byte(`{"1":1}`)}},
		},
		{name: "knobs that say nothing", q: llm.Request{Sampling: llm.Sampling{N: ptr(1), FrequencyPenalty: ptr(0.0), LogitBias: []byte(`{}`)}}},
		{name: "refused by the model", q: llm.Request{Sampling: llm.Sampling{Temperature: ptr(1.0)}}, t: wire.Target{Reject: []string{"temperature"}}, want: "temperature", hasNot: "temperature"},
		{name: "a refused member", q: llm.Request{Reasoning: llm.ReasoningConfig{Effort: "low", Summary: "auto"}}, t: wire.Target{Reject: []string{"reasoning.summary"}}, want: "reasoning.summary", has: `"reasoning":{"effort":"low"}`},
		{name: "instructions refused", q: llm.Request{Messages: append([]llm.Message{{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "s"}}}}, hi...)}, t: wire.Target{Reject: []string{"instructions"}}, has: `"role":"system"`, hasNot: "instructions"},
		{name: "another role for system text", q: llm.Request{Messages: append(hi, llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "s"}}})}, t: wire.Target{SystemRole: llm.RoleDeveloper}, has: `"role":"developer"`},
		{name: "system text alone", q: llm.Request{Messages: []llm.Message{{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: "s"}}}}}, has: `"role":"system"`},
		{name: "renamed and set", q: llm.Request{MaxOutput: ptr(20)}, t: wire.Target{Rename: map[string]string{"max_output_tokens": "max_tokens"}, Set: map[string]any{"x": 1, "store": true}}, has: `"max_tokens":20,"store":true,"x":1`},
		{name: "capped", q: llm.Request{MaxOutput: ptr(1000)}, t: wire.Target{MaxOutput: 100}, want: "max_output_tokens", has: `"max_output_tokens":100`},
		{name: "too small", q: llm.Request{MaxOutput: ptr(1)}, want: "max_output_tokens", has: `"max_output_tokens":16`},
		{name: "no schema", q: llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"a":1}`)}}, t: wire.Target{NoSchemaOutput: true}, want: "json_schema", has: `{\"a\":1}`},
		{name: "a schema without name", q: llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"a":1}`)}}, has: `"format":{"type":"json_schema","name":"answer","schema":{"a":1}}`},
		{name: "modalities", q: llm.Request{Output: llm.OutputFormat{Modalities: []string{"text", "audio"}}}, want: "modalities"},
		{name: "an effort it hasn't", q: llm.Request{Reasoning: llm.ReasoningConfig{Effort: "xhigh"}}, t: wire.Target{Reasoning: wire.ReasoningStyle{Efforts: []llm.Effort{"low", "high"}}}, has: `"effort":"high"`},
		{name: "a new effort", q: llm.Request{Reasoning: llm.ReasoningConfig{Effort: "ultra"}}, t: wire.Target{Reasoning: wire.ReasoningStyle{Efforts: []llm.Effort{"low", "high"}}}, has: `"effort":"high"`},
		{name: "a budget", q: llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: ptr(5000)}}, t: wire.Target{MaxOutput: 10000}, has: `"effort":"medium"`},
		{name: "thinking off", q: llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, has: `"effort":"none"`},
		{name: "always thinks", q: llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, t: wire.Target{Reasoning: wire.ReasoningStyle{CannotDisable: true}}, want: "reasoning_off", hasNot: "effort"},
		{name: "can't be steered", q: llm.Request{Reasoning: llm.ReasoningConfig{Effort: "low", Summary: "auto"}}, t: wire.Target{Reasoning: wire.ReasoningStyle{Control: "none"}}, want: "reasoning", hasNot: `"reasoning"`},
		{name: "no summary wanted", q: llm.Request{Reasoning: llm.ReasoningConfig{Effort: "low", Summary: "omitted"}}, hasNot: "summary"},
		{name: "replay", t: wire.Target{Reasoning: wire.ReasoningStyle{Replay: "tools"}}, has: `"include":["reasoning.encrypted_content"]`},
		{name: "no replay", hasNot: "include"},
		{name: "logprobs", q: llm.Request{Sampling: llm.Sampling{LogProbs: ptr(true), TopLogProbs: ptr(2)}}, has: `"include":["message.output_text.logprobs"]`},
		{name: "fields of others", q: llm.Request{Extra: []llm.Field{{Format: llm.FormatChat, Name: "prediction", Value: []byte(`{}`)}}}, want: "prediction", hasNot: "prediction"},
		{name: "stream options without a stream", q: llm.Request{Extra: []llm.Field{{Format: llm.FormatResponses, Name: "stream_options", Value: []byte(`{}`)}}}, hasNot: "stream_options"},
		{name: "parts of others", q: llm.Request{Messages: with(llm.Opaque{Format: llm.FormatMessages, Type: "server_tool_use", Raw: []byte(`{}`)}, llm.Text{Text: "x", Citations: []llm.Citation{{URL: "u"}}})}, want: "server_tool_use,citations"},
		{name: "made pictures", q: llm.Request{Messages: with(llm.Media{Kind: llm.MediaImage, Data: "AA", MIME: "image/png"}, llm.Text{Text: "x"})}, want: "assistant_media"},
		{name: "tools of others", q: llm.Request{Tools: []llm.Tool{{Kind: llm.ToolBuiltin, Name: "code_execution", Format: llm.FormatGemini}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolAuto}}, want: "tool:code_execution", hasNot: "tool_choice"},
		{name: "no tools", q: llm.Request{Tools: []llm.Tool{{Name: "f"}}}, t: wire.Target{NoTools: true}, want: "tools", hasNot: `"tools"`},
		{name: "a name", q: llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Name: "Ada", Parts: hi[0].Parts}}}, want: "name"},
		{name: "prefill", q: llm.Request{Messages: with(llm.Text{Text: "x"})[:2]}, t: wire.Target{NoPrefill: true}, want: "prefill", hasNot: "assistant"},
		{name: "prefill allowed", q: llm.Request{Messages: with(llm.Text{Text: "x"})[:2]}, has: "assistant"},
		{name: "a cache elsewhere", q: llm.Request{Cache: llm.CacheHints{Content: "cachedContents/1"}}, want: "cached_content"},
		{name: "an optional argument stays optional", q: llm.Request{Tools: []llm.Tool{{Name: "f"}}}, has: `"parameters":{"type":"object","properties":{}},"strict":false`},
		{name: "a choice of what the vendor runs", q: llm.Request{Tools: []llm.Tool{{Kind: llm.ToolBuiltin, Name: "file_search", Format: llm.FormatResponses, Raw: []byte(`{"type":"file_search"}`)}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"file_search"}}}, has: `"tool_choice":{"type":"file_search"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.q.Messages == nil {
				test.q.Messages = hi
			}
			out, downgrades, err := format.Encode(&test.q, test.t)
			if err != nil {
				t.Fatal(err)
			}
			var features []string
			for _, d := range downgrades {
				features = append(features, d.Feature)
				if d.Detail == "" {
					t.Errorf("%s says nothing", d.Feature)
				}
			}
			if got := strings.Join(features, ","); got != test.want {
				t.Errorf("downgrades %q, want %q", got, test.want)
			}
			if !strings.Contains(string(out.Body), test.has) || test.hasNot != "" && strings.Contains(string(out.Body), test.hasNot) {
				t.Errorf("body %s", out.Body)
			}
			if !jsontext.Value(out.Body).IsValid() {
				t.Errorf("not JSON: %s", out.Body)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	media := func(m llm.Media) llm.Request {
		return llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{m}}}}
	}
	tools := llm.Request{Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}}
	foreign := llm.Request{Tools: []llm.Tool{{Kind: llm.ToolBuiltin, Name: "x", Format: llm.FormatGemini}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"x"}}}
	tests := []struct {
		name  string
		q     llm.Request
		t     wire.Target
		param string
	}{
		{"images", media(llm.Media{Kind: llm.MediaImage, URL: "https://x"}), wire.Target{NoVision: true}, "input"},
		{"documents", media(llm.Media{Kind: llm.MediaDocument, Data: "AA"}), wire.Target{NoPDF: true}, "input"},
		{"sound", media(llm.Media{Kind: llm.MediaAudio, Data: "AA"}), wire.Target{NoAudio: true}, "input"},
		{"film", media(llm.Media{Kind: llm.MediaVideo, URL: "https://x"}), wire.Target{}, "input"},
		{"a file of another vendor", media(llm.Media{Kind: llm.MediaDocument, FileID: "f", Format: llm.FormatMessages}), wire.Target{}, "input"},
		{"a call that must be made", tools, wire.Target{NoTools: true}, "tools"},
		{"a call that nobody can make", foreign, wire.Target{}, "tools"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := format.Encode(&test.q, test.t)
			var e *llm.Error
			if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 || e.Param != test.param {
				t.Errorf("got %+v", err)
			}
		})
	}
}

// Calls and results find each other, or are made whole.
func TestOrphans(t *testing.T) {
	t.Parallel()
	call := `{"type":"function_call","arguments":"{}","call_id":"a","name":"f"}`
	result := `{"type":"function_call_output","call_id":"a","output":"out"}`
	other := strings.NewReplacer(`"call_id":"a"`, `"call_id":"`+wire.ToolID("a again", wire.ShapeAnthropic)+`"`)
	again, answer := other.Replace(call), other.Replace(result)
	c, r := llm.ToolCall{ID: "a", Name: "f"}, llm.ToolResult{CallID: "a", Name: "f", Parts: []llm.Part{llm.Text{Text: "out"}}}
	says := func(role llm.Role, parts ...llm.Part) llm.Message { return llm.Message{Role: role, Parts: parts} }
	text := func(s string) string {
		return `{"type":"message","role":"user","content":[{"type":"input_text","text":"` + s + `"}]}`
	}
	tests := []struct {
		name     string
		messages []llm.Message
		extra    []llm.Field
		want     string
	}{
		{"a pair", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleTool, r)}, nil, call + "," + result},
		{"the result among the user's words", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleUser, llm.Text{Text: "x"}, r)}, nil, call + "," + result + "," + text("x")},
		{"words between them", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleUser, llm.Text{Text: "x"}), says(llm.RoleTool, r)}, nil, call + "," + text("x") + "," + result},
		{"no result", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleUser, llm.Text{Text: "x"})}, nil, call + `,{"type":"function_call_output","call_id":"a","output":"(no result)"},` + text("x")},
		{"no call", []llm.Message{says(llm.RoleTool, r)}, nil, text(`Result of f:\nout`)},
		{"no call, stored elsewhere", []llm.Message{says(llm.RoleTool, r)}, []llm.Field{{Format: llm.FormatResponses, Name: "previous_response_id", Value: []byte(`"resp_1"`)}}, result},
		{"an error", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleTool, llm.ToolResult{CallID: "a", IsError: true, Parts: r.Parts})}, nil, call + `,{"type":"function_call_output","call_id":"a","output":"Error: out"}`},
		{"the same id again", []llm.Message{says(llm.RoleAssistant, c), says(llm.RoleTool, r), says(llm.RoleAssistant, c), says(llm.RoleTool, r)}, nil, call + "," + result + "," + again + "," + answer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := format.EncodeConversation(&llm.Request{Messages: test.messages, Extra: test.extra}, wire.Target{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("["+test.want+"]", string(got)); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

// Reasoning goes before what it led to, or not at all.
func TestReasoningReplay(t *testing.T) {
	t.Parallel()
	blob := &llm.Blob{Kind: llm.BlobEncrypted, Data: "e", Origin: here.Origin}
	thought := llm.Reasoning{ID: "rs_1", Text: "hm", Summary: true, Blob: blob}
	call := llm.ToolCall{ID: "a", Name: "f", ItemID: "fc_1"}
	item := `{"id":"rs_1","type":"reasoning","encrypted_content":"e","summary":[{"type":"summary_text","text":"hm"}]}`
	tests := []struct {
		name, replay string
		parts        []llm.Part
		sent, id     bool
	}{
		{"with a call", "tools", []llm.Part{thought, call}, true, true},
		{"nothing readable", "tools", []llm.Part{llm.Reasoning{ID: "rs_1", Summary: true, Blob: blob}, call}, true, true},
		{"with text, tools only", "tools", []llm.Part{thought, llm.Text{Text: "x"}}, false, false},
		{"with text, always", "always", []llm.Part{thought, llm.Text{Text: "x"}}, true, false},
		{"never", "", []llm.Part{thought, call}, false, false},
		{"leading nowhere", "always", []llm.Part{llm.Text{Text: "x"}, thought}, false, false},
		{"nothing of it left", "tools", []llm.Part{call}, false, false},
		{"a model that doesn't reason", "", []llm.Part{call}, false, true},
		{"a foreign blob", "tools", []llm.Part{llm.Reasoning{Text: "hm", Blob: &llm.Blob{Kind: llm.BlobSignature, Data: "e", Origin: here.Origin}}, call}, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := here
			target.Reasoning.Replay = test.replay
			got, err := format.EncodeConversation(&llm.Request{Messages: []llm.Message{{Role: llm.RoleAssistant, Parts: test.parts}}}, target)
			if err != nil {
				t.Fatal(err)
			}
			if test.name == "nothing readable" {
				item := `{"id":"rs_1","type":"reasoning","encrypted_content":"e","summary":[]}` // the vendor wants the empty list
				if !strings.Contains(string(got), item) {
					t.Errorf("no %s in %s", item, got)
				}
				return
			}
			if sent := strings.Contains(string(got), item); sent != test.sent || !sent && strings.Contains(string(got), "reasoning") {
				t.Errorf("reasoning sent: %v\n%s", sent, got)
			}
			if id := strings.Contains(string(got), `"fc_1"`); id != test.id {
				t.Errorf("item id sent: %v\n%s", id, got)
			}
		})
	}
}

// Names that vendors refuse go out as others and come back as they were.
func TestNames(t *testing.T) {
	t.Parallel()
	target := wire.Target{Names: &wire.ToolNames{}}
	q := &llm.Request{
		Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "x"}}}},
		Tools:    []llm.Tool{{Name: "my.tool"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"my.tool"}},
	}
	out, _, err := format.Encode(q, target)
	if err != nil || strings.Contains(string(out.Body), "my.tool") {
		t.Fatalf("%s, %v", out.Body, err)
	}
	sent := target.Names.Out("my.tool")
	a, err := format.DecodeAnswer([]byte(`{"status":"completed","output":[{"type":"function_call","call_id":"a","name":"`+sent+`","arguments":"{}"}]}`), target)
	if err != nil {
		t.Fatal(err)
	}
	if c := a.Choices[0].Parts[0].(llm.ToolCall); c.Name != "my.tool" {
		t.Errorf("came back as %q", c.Name)
	}
}

// Attachments of the user and of tools, and calls of free text.
func TestEncodeMedia(t *testing.T) {
	t.Parallel()
	parts := []llm.Part{
		llm.Media{Kind: llm.MediaImage, MIME: "image/png", Data: "AA", Detail: "low"},
		llm.Media{Kind: llm.MediaDocument, Data: "BB"},
		llm.Media{Kind: llm.MediaDocument, MIME: "text/csv", Data: "CC", Name: "a.csv"},
		llm.Media{Kind: llm.MediaDocument, URL: "https://x/a.pdf"},
		llm.Media{Kind: llm.MediaDocument, FileID: "f", Format: llm.FormatChat, Name: "kept there"},
		llm.Media{Kind: llm.MediaDocument, Text: "plain"},
		llm.Media{Kind: llm.MediaAudio, MIME: "audio/mpeg", Data: "DD"},
		llm.Media{Kind: llm.MediaAudio, MIME: "audio/x-wav", Data: "EE"},
		opaque("input_smell", `{"type":"input_smell"}`),
	}
	content := `[{"type":"input_image","image_url":"data:image/png;base64,AA","detail":"low"},` +
		`{"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,BB"},` +
		`{"type":"input_file","filename":"a.csv","file_data":"data:text/csv;base64,CC"},` +
		`{"type":"input_file","file_url":"https://x/a.pdf"},{"type":"input_file","file_id":"f"},{"type":"input_text","text":"plain"},` +
		`{"type":"input_audio","input_audio":{"data":"DD","format":"mp3"}},{"type":"input_audio","input_audio":{"data":"EE","format":"wav"}},{"type":"input_smell"}]`
	q := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: parts},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.ToolCall{ID: "a", Name: "c", Arguments: "in", Custom: true}, llm.ToolCall{ID: strings.Repeat("x", 65), Name: "f"}}},
		{Role: llm.RoleTool, Parts: []llm.Part{
			llm.ToolResult{CallID: "a", Custom: true, IsError: true, Parts: parts},
			llm.ToolResult{CallID: strings.Repeat("x", 65)},
		}},
	}}
	id := wire.ToolID(strings.Repeat("x", 65), wire.ShapeResponses)
	want := `[{"type":"message","role":"user","content":` + content + `},` +
		`{"type":"custom_tool_call","input":"in","call_id":"a","name":"c"},{"type":"function_call","arguments":"{}","call_id":"` + id + `","name":"f"},` +
		`{"type":"custom_tool_call_output","call_id":"a","output":[{"type":"input_text","text":"Error:"},` + content[1:] + `},` +
		`{"type":"function_call_output","call_id":"` + id + `","output":""}]`
	got, err := format.EncodeConversation(q, wire.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("input (-want +got):\n%s", diff)
	}
}

func TestEncodeToolChoice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		choice llm.ToolChoice
		want   string
	}{
		{llm.ToolChoice{}, `"strict":false}]`},
		{llm.ToolChoice{Mode: llm.ToolAuto}, `"tool_choice":"auto"`},
		{llm.ToolChoice{Mode: llm.ToolNone}, `"tool_choice":"none"`},
		{llm.ToolChoice{Mode: llm.ToolRequired}, `"tool_choice":"required"`},
		{llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"c"}}, `"tool_choice":{"type":"custom","name":"c"}`},
		{llm.ToolChoice{Mode: llm.ToolAllowed, Names: []string{"f", "c"}}, `"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"},{"type":"custom","name":"c"}]}`},
	} {
		q := &llm.Request{
			Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "x"}}}},
			Tools:    []llm.Tool{{Kind: llm.ToolCustom, Name: "c"}, {Name: "f"}}, ToolChoice: test.choice,
		}
		out, _, err := format.Encode(q, wire.Target{})
		if err != nil || !strings.Contains(string(out.Body), test.want) || (test.choice.Mode == llm.ToolUnset) == strings.Contains(string(out.Body), "tool_choice") {
			t.Errorf("%+v: %s, %v", test.choice, out.Body, err)
		}
	}
}
