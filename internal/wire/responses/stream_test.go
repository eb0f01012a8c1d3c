package responses_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

const (
	created   = `{"type":"response.created","response":{"id":"resp_1","model":"m1","created_at":1700000000,"status":"in_progress","output":[]}}`
	completed = `{"type":"response.completed","response":{"id":"resp_1","model":"m1","status":"completed","output":[],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"ttl_12h_tokens":1},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":15}}}`
)

var used = llm.Usage{Input: 3, CacheRead: 4, CacheWrite: 2, CacheWrite1h: 1, Output: 5, ReasoningOfOutput: 2, Quality: llm.QualityExact}

// What servers send in practice, OpenAI's and others'.
var streams = []struct {
	name   string
	lines  []string
	parts  []llm.Part
	finish llm.Finish
}{
	{
		"a custom tool, its input told by deltas and by the item",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"custom_tool_call","id":"ctc_1","call_id":"call_1","name":"sql","input":""}}`,
			`{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","output_index":0,"delta":"SELECT "}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"custom_tool_call","id":"ctc_1","call_id":"call_1","name":"sql","input":"SELECT \"1\"","status":"completed"}}`,
		},
		[]llm.Part{llm.ToolCall{ID: "call_1", Name: "sql", Arguments: `SELECT "1"`, Custom: true, ItemID: "ctc_1"}},
		llm.Finish{Reason: llm.FinishToolCalls, Raw: "completed"},
	},
	{
		"a citation and an item of an unknown type with names that stand twice",
		[]string{
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[{"type":"file_citation","file_id":"f","file_id":"g"}]}]}}`,
			`{"type":"response.output_item.done","output_index":1,"item":{"type":"shell_call","id":"sh_1","id":"sh_2"}}`,
		},
		[]llm.Part{
			llm.Text{Text: "hi", Citations: []llm.Citation{{Format: llm.FormatResponses, Raw: []byte(`{"type":"file_citation","file_id":"g"}`)}}},
			llm.Opaque{Format: llm.FormatResponses, Type: "shell_call", Raw: []byte(`{"type":"shell_call","id":"sh_2"}`)},
		},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{
		"calls that interleave",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":""}}`,
			`{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_2","call_id":"b","name":"g","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":1,"delta":"{\"x\""}`,
			`{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":0,"delta":"{}"}`,
			`{"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":1,"delta":":1}"}`,
			`{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"fc_2","call_id":"b","name":"g","arguments":"{\"x\":1}"}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":"{}"}}`,
		},
		[]llm.Part{
			llm.ToolCall{ID: "a", Name: "f", Arguments: "{}", ItemID: "fc_1"},
			llm.ToolCall{ID: "b", Name: "g", Arguments: `{"x":1}`, ItemID: "fc_2"},
		},
		llm.Finish{Reason: llm.FinishToolCalls, Raw: "completed"},
	},
	{
		"a call whose name comes with its end only",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc_1"}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":{"x":1}}}`,
		},
		[]llm.Part{llm.ToolCall{ID: "a", Name: "f", Arguments: `{"x":1}`, ItemID: "fc_1"}},
		llm.Finish{Reason: llm.FinishToolCalls, Raw: "completed"},
	},
	{
		"an item with another id in every event",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"A","role":"assistant","content":[]}}`,
			`{"type":"response.content_part.added","item_id":"B","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}`,
			`{"type":"response.output_text.delta","item_id":"C","output_index":0,"content_index":0,"delta":"hel"}`,
			`{"type":"response.output_text.delta","item_id":"D","output_index":0,"content_index":0,"delta":"lo \u00e9\ud83d\ude00"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"E","role":"assistant","content":[{"type":"output_text","text":"hello é😀"}]}}`,
		},
		[]llm.Part{llm.Text{Text: "hello é😀"}},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{
		"text without the events around it",
		[]string{`{"type":"response.output_text.delta","delta":"hi"}`},
		[]llm.Part{llm.Text{Text: "hi"}},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{
		"items without deltas, all with the same index",
		[]string{
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[{"type":"url_citation","url":"u","title":"t","start_index":0,"end_index":2}]}]}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":"{}"}}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc_2","call_id":"b","name":"f","arguments":"{}"}}`,
		},
		[]llm.Part{
			llm.Text{Text: "hi", Citations: []llm.Citation{{End: 2, URL: "u", Title: "t", Format: llm.FormatResponses, Raw: []byte(`{"type":"url_citation","url":"u","title":"t","start_index":0,"end_index":2}`)}}},
			llm.ToolCall{ID: "a", Name: "f", Arguments: "{}", ItemID: "fc_1"},
			llm.ToolCall{ID: "b", Name: "f", Arguments: "{}", ItemID: "fc_2"},
		},
		llm.Finish{Reason: llm.FinishToolCalls, Raw: "completed"},
	},
	{
		"a refusal",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","content":[]}}`,
			`{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":""}}`,
			`{"type":"response.refusal.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"I can't"}`,
			`{"type":"response.refusal.done","item_id":"msg_1","output_index":0,"content_index":0,"refusal":"I can't"}`,
			`{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":"I can't"}}`,
		},
		[]llm.Part{llm.Refusal{Text: "I can't"}},
		llm.Finish{Reason: llm.FinishContentFilter, Raw: "completed"},
	},
	{
		"a summary in paragraphs, and what only the done item holds",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"half"}}`,
			`{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}`,
			`{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"one"}`,
			`{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}`,
			`{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"two"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"whole"}}`,
		},
		[]llm.Part{llm.Reasoning{ID: "rs_1", Text: "one\n\ntwo", Summary: true, Blob: &llm.Blob{Kind: llm.BlobEncrypted, Data: "whole", Origin: here.Origin}}},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{
		"reasoning in the open",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]}}`,
			`{"type":"response.content_part.added","item_id":"rs_1","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}`,
			`{"type":"response.reasoning_text.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"hm"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}}`,
		},
		[]llm.Part{llm.Reasoning{ID: "rs_1", Text: "hm", Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: here.Origin}}},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{
		"what the vendor runs, with citations after",
		[]string{
			`{"type":"response.output_item.added","output_index":0,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}}`,
			`{"type":"response.web_search_call.searching","output_index":0,"item_id":"ws_1"}`,
			`{"type":"response.output_item.done","output_index":0,"item":{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search"}}}`,
			`{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"msg_1","role":"assistant","content":[]}}`,
			`{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}`,
			`{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"news","logprobs":[{"token":"news","logprob":-0.5,"bytes":[110],"top_logprobs":[{"token":"new","logprob":-1,"bytes":[111]}]}]}`,
			`{"type":"response.output_text.annotation.added","item_id":"msg_1","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"file_citation","file_id":"f","filename":"a.pdf","index":1}}`,
			`{"type":"response.content_part.done","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"news","annotations":[{"type":"file_citation","file_id":"f","filename":"a.pdf","index":1}]}}`,
			`{"type":"response.output_item.done","output_index":1,"item":{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"news"}]}}`,
		},
		[]llm.Part{
			llm.Opaque{Format: llm.FormatResponses, Type: "web_search_call", Raw: []byte(`{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search"}}`)},
			llm.Text{
				Text:      "news",
				Citations: []llm.Citation{{Title: "a.pdf", Format: llm.FormatResponses, Raw: []byte(`{"type":"file_citation","file_id":"f","filename":"a.pdf","index":1}`)}},
				Logprobs:  []llm.TokenLogprob{{Token: "news", Logprob: -0.5, Bytes: []byte("n"), Top: []llm.TokenLogprob{{Token: "new", Logprob: -1, Bytes: []byte("o")}}}},
			},
		},
		llm.Finish{Reason: llm.FinishStop, Raw: "completed"},
	},
	{"events of tomorrow", []string{`{"type":"response.steer.done","delta":{"x":1}}`, `{"type":"ping"}`, `[1]`}, nil, llm.Finish{Reason: llm.FinishStop, Raw: "completed"}},
}

func TestDecodeStream(t *testing.T) {
	t.Parallel()
	for _, test := range streams {
		for _, named := range []bool{true, false} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				lines := append(append([]string{created}, test.lines...), completed)
				var stream []byte
				for _, line := range lines {
					if named && strings.HasPrefix(line, "{") {
						stream = append(stream, wiretest.FramedByType(t, []byte(line))...)
					} else {
						stream = sse.AppendData(stream, []byte(line))
					}
				}
				stream = sse.AppendData(sse.AppendComment(stream, "keep-alive"), []byte("[DONE]"))
				list, answer, err := collect(t, stream)
				if err != nil {
					t.Fatal(err)
				}
				checkEvents(t, list)
				want := []llm.Choice{{Parts: test.parts, Finish: test.finish}}
				if diff := cmp.Diff(want, answer.Choices, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(used, answer.Usage); diff != "" {
					t.Errorf("usage (-want +got):\n%s", diff)
				}
				metered(t, stream, answer)
				again := encode(t, list, wire.Caller{ID: "turn"})
				if err := checkStream(again); err != nil {
					t.Errorf("%v in\n%s", err, again)
				}
			})
		}
	}
}

// A server that tells its items at the end only.
func TestDecodeStreamOfOneEvent(t *testing.T) {
	t.Parallel()
	stream := wiretest.FramedByType(t, []byte(`{"type":"response.incomplete","response":{"id":"r","model":"m1","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"cut"}]},{"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":""}]}}`))
	list, answer, err := collect(t, stream)
	if err != nil {
		t.Fatal(err)
	}
	checkEvents(t, list)
	want := llm.Choice{
		Parts:  []llm.Part{llm.Text{Text: "cut"}, llm.ToolCall{ID: "a", Name: "f", ItemID: "fc_1"}},
		Finish: llm.Finish{Reason: llm.FinishLength, Raw: "max_output_tokens"},
	}
	if diff := cmp.Diff(want, answer.Choices[0]); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	metered(t, stream, answer)
}

func TestDecodeStreamFails(t *testing.T) {
	t.Parallel()
	text := `{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"hi"}`
	tests := []struct {
		name, last string
		want       llm.Error
		silent     bool // a meter has nothing to say of it
	}{
		{"the error inside", `{"type":"error","sequence_number":2,"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"no money","param":null}}`, llm.Error{Kind: llm.KindQuota, Message: "no money", Code: "insufficient_quota", Type: "insufficient_quota"}, false},
		{"the error flat", `{"type":"error","code":"rate_limit_exceeded","message":"slow down","param":"x","sequence_number":2}`, llm.Error{Kind: llm.KindRateLimit, Message: "slow down", Code: "rate_limit_exceeded", Param: "x"}, false},
		{"a code of null", `{"type":"error","code":null,"message":"oops","param":null}`, llm.Error{Kind: llm.KindUpstream, Message: "oops"}, false},
		{"an error without a type", `{"error":{"message":"no","type":"server_error","code":503}}`, llm.Error{Kind: llm.KindUpstream, Message: "no", Type: "server_error", Code: "503"}, false},
		{"failed", `{"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":"too long"}}}`, llm.Error{Kind: llm.KindContextLength, Message: "too long", Code: "context_length_exceeded"}, false},
		{"failed without a reason", `{"type":"response.failed","response":{"status":"failed","error":null}}`, llm.Error{Kind: llm.KindUpstream, Message: "the provider failed and doesn't say why"}, false},
		{"cut", text, llm.Error{Kind: llm.KindTruncated, Message: "the stream ended before the answer did"}, true},
		{"an end without an answer", `{"type":"response.completed"}`, llm.Error{Kind: llm.KindUpstream, Message: "the stream's last event holds no answer"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stream []byte
			for _, line := range []string{created, text, test.last} {
				stream = sse.AppendData(stream, []byte(line))
			}
			_, answer, err := collect(t, stream)
			if diff := cmp.Diff(&test.want, llm.AsError(err), cmpopts.IgnoreFields(llm.Error{}, "Err")); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got := answer.Choices[0].Parts; len(got) != 1 {
				t.Errorf("what came before the error is %v", got)
			}
			m := format.NewMeter(here)
			var verdict wire.Verdict
			for _, line := range []string{created, text, test.last} {
				verdict = m.Event("", []byte(line))
			}
			if test.silent != (verdict.Err == nil) || m.Result().Complete {
				t.Errorf("metered %+v, complete %v", verdict, m.Result().Complete)
			}
			if verdict.Err != nil && verdict.Err.Kind != test.want.Kind {
				t.Errorf("metered %v", verdict.Err.Kind)
			}
		})
	}
}

// An event that this format has a name for must be readable, and so must one
// without a name; what other events hold is their own affair.
func TestMalformedEvents(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, data string
		fails      bool
	}{
		{"", `{"this is": ["no JSON`, true},
		{"message", `{"this is": ["no JSON`, true},
		{"", `{"type":"response.new", no JSON`, true},
		{"response.completed", `{"this is": ["no JSON`, true},
		{"error", `no JSON`, true},
		{"ping", `no JSON`, false},
		{"response.new", `no JSON`, false},
		{"", `{"type":"response.new","output_index":"x"}`, false},
		{"", `["new"]`, false},
		{"", `[DONE]`, false},
	} {
		stream := sse.AppendEvent(wiretest.FramedByType(t, []byte(created)), test.name, []byte(test.data))
		_, _, err := collect(t, append(stream, wiretest.FramedByType(t, []byte(completed))...))
		if got := err != nil && llm.AsError(err).Kind == llm.KindUpstream; got != test.fails || !got && err != nil {
			t.Errorf("%s: %s: decoded with error %v", test.name, test.data, err)
		}
		m := format.NewMeter(here)
		v := m.Event(test.name, []byte(test.data))
		if got := v.Err != nil && v.Err.Kind == llm.KindUpstream; got != test.fails || !got && v.Err != nil {
			t.Errorf("%s: %s: metered with error %v", test.name, test.data, v.Err)
		}
	}
}

// Leaving the loop is enough to stop.
func TestDecodeStreamStops(t *testing.T) {
	t.Parallel()
	n := 0
	for range format.DecodeStream(bytes.NewReader(wiretest.FramedByType(t, []byte(created+"\n"+completed))), here) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d events", n)
	}
}

// A text delta is measured and not decoded.
func BenchmarkMeterDelta(b *testing.B) {
	m := format.NewMeter(here)
	data := []byte(`{"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_0123456789abcdef","output_index":0,"content_index":0,"delta":" result","logprobs":[],"obfuscation":"RWI49wW3i"}`)
	b.ReportAllocs()
	for b.Loop() {
		m.Event("response.output_text.delta", data)
	}
}
