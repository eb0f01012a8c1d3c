package messages

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func ptr[T any](v T) *T { return &v }

func say(role llm.Role, parts ...llm.Part) llm.Message { return llm.Message{Role: role, Parts: parts} }

func words(s string) llm.Text { return llm.Text{Text: s} }

func user(s string) llm.Message { return say(llm.RoleUser, words(s)) }

// encode writes a request, checks it and gives its top-level fields.
func encode(t *testing.T, q *llm.Request, target wire.Target) (fields map[string]jsontext.Value, features []string) {
	t.Helper()
	if target.Model == "" {
		target.Model = "m"
	}
	out, down, err := Format{}.Encode(q, target)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkRequest(out.Body); err != nil {
		t.Fatalf("%v\n%s", err, out.Body)
	}
	if err := json.Unmarshal(out.Body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, d := range down {
		features = append(features, d.Feature)
		if d.Detail == "" {
			t.Errorf("the downgrade %s says nothing", d.Feature)
		}
	}
	again, _, err := Format{}.Encode(q, target)
	if err != nil || string(again.Body) != string(out.Body) {
		t.Errorf("written differently the second time: %s", again.Body)
	}
	return fields, features
}

const wholeRequest = `{"model":"claude-x","max_tokens":4096,
"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h"}}],
"messages":[
 {"role":"user","content":[{"type":"text","text":"Look."},
  {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},
  {"type":"image","source":{"type":"url","url":"https://e.example/a.png"}},
  {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"title":"T","context":"C","citations":{"enabled":true}},
  {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}},
  {"type":"document","source":{"type":"file","file_id":"file_1"}},
  {"type":"document","source":{"type":"content","content":"x"}},
  {"type":"search_result","source":"https://e.example","title":"S","content":[{"type":"text","text":"found"}]}]},
 {"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},
  {"type":"redacted_thinking","data":"cmVk"},{"type":"text","text":"So."},
  {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}},
  {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},
  {"type":"tool_use","id":"toolu_1","name":"look","input":{"a":1,"b":[]}},
  {"type":"tool_use","id":"toolu_2","name":"noargs","input":{}}]},
 {"role":"user","content":[
  {"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"r"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}],"cache_control":{"type":"ephemeral"}},
  {"type":"tool_result","tool_use_id":"toolu_2","content":"broke","is_error":true},
  {"type":"text","text":"Go on."}]}],
"tools":[{"name":"look","description":"Looks.","input_schema":{"type":"object","properties":{"a":{"type":"integer"}}},"cache_control":{"type":"ephemeral"}},
 {"name":"noargs","input_schema":{"type":"object","properties":{}},"eager_input_streaming":true},
 {"type":"web_search_20250305","name":"web_search","max_uses":3}],
"tool_choice":{"type":"auto","disable_parallel_tool_use":true},
"thinking":{"type":"enabled","budget_tokens":2048},
"output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object","properties":{"x":{"type":"string"}},"additionalProperties":false}},"task_budget":{"total":9}},
"metadata":{"user_id":"user_7_account_8_session_9"},"service_tier":"standard_only","stop_sequences":["END"],
"container":"container_1","stream":true}`

// A request of the format itself says the same after a round trip, and every
// word of it that is the vendor's own is still there.
func TestOwnRequestSurvives(t *testing.T) {
	t.Parallel()
	q, err := Format{}.Decode(wire.RawRequest{Body: []byte(wholeRequest)})
	if err != nil {
		t.Fatal(err)
	}
	if q.Session != "9" || q.EndUser != "user_7_account_8" || q.ServiceTier != "default" {
		t.Errorf("session %q of %q, tier %q", q.Session, q.EndUser, q.ServiceTier)
	}
	target := wire.Target{Model: q.Model, Stream: true, Reasoning: wire.ReasoningStyle{Replay: "tools"}}
	out, down, err := Format{}.Encode(q, target)
	if err != nil {
		t.Fatal(err)
	}
	if len(down) != 0 {
		t.Errorf("downgrades: %v", down)
	}
	if err := checkRequest(out.Body); err != nil {
		t.Error(err)
	}
	again, err := Format{}.Decode(wire.RawRequest{Body: out.Body})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compactRequest(q), compactRequest(again)); diff != "" {
		t.Error(diff)
	}
	if out.Path != "/messages" || out.Header.Get("anthropic-version") != "2023-06-01" {
		t.Errorf("%s %v", out.Path, out.Header)
	}
}

// compactRequest makes requests comparable whose raw JSON differs in spaces and
// whose unknown fields stand in another order.
func compactRequest(q *llm.Request) *llm.Request {
	slices.SortFunc(q.Extra, func(a, b llm.Field) int { return strings.Compare(a.Name, b.Name) })
	small := func(raw []byte) []byte {
		if v, ok := compacted(raw); ok {
			return v
		}
		return raw
	}
	for i := range q.Extra {
		q.Extra[i].Value = small(q.Extra[i].Value)
	}
	for i := range q.Tools {
		q.Tools[i].Raw, q.Tools[i].Schema = small(q.Tools[i].Raw), small(q.Tools[i].Schema)
	}
	q.Output.Schema = small(q.Output.Schema)
	for _, m := range q.Messages {
		for i, p := range m.Parts {
			if o, ok := p.(llm.Opaque); ok {
				o.Raw = small(o.Raw)
				m.Parts[i] = o
			}
		}
	}
	return q
}

func TestSystemText(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{
		say(llm.RoleSystem, words("one")), user("hi"), say(llm.RoleAssistant, words("ho")),
		say(llm.RoleDeveloper, words("two")), user("so"),
	}}
	f, down := encode(t, q, wire.Target{})
	if got := string(f["system"]); got != `[{"type":"text","text":"one"},{"type":"text","text":"two"}]` {
		t.Error(got)
	}
	if !slices.Contains(down, "system_position") {
		t.Error(down)
	}
	f, _ = encode(t, q, wire.Target{SystemAnywhere: true})
	if got := string(f["messages"]); !strings.HasSuffix(got, `{"role":"user","content":[{"type":"text","text":"so"}]},{"role":"system","content":[{"type":"text","text":"two"}]}]`) {
		t.Error(got)
	}
}

// What other formats allow is brought into the order that the API demands.
func TestTurnsAreRepaired(t *testing.T) {
	t.Parallel()
	call := func(id string) llm.ToolCall { return llm.ToolCall{ID: id, Name: "f"} }
	result := func(id string) llm.Message {
		return say(llm.RoleTool, llm.ToolResult{CallID: id, Parts: []llm.Part{words("r " + id)}})
	}
	tests := map[string]struct {
		messages []llm.Message
		want     []string // in the written messages
	}{
		"adjacent": {[]llm.Message{user("a"), user("b"), say(llm.RoleAssistant, words("c")), say(llm.RoleAssistant, words("d")), user("e")}, nil},
		"results in another order": {
			[]llm.Message{user("a"), say(llm.RoleAssistant, call("1"), call("2")), result("2"), result("1"), user("b")},
			[]string{`"tool_use_id":"1","content":"r 1"},{"type":"tool_result","tool_use_id":"2","content":"r 2"},{"type":"text","text":"b"}`},
		},
		"result too late":     {[]llm.Message{user("a"), say(llm.RoleAssistant, call("1")), user("b"), result("1")}, []string{`"r 1"},{"type":"text","text":"b"}`}},
		"call without result": {[]llm.Message{user("a"), say(llm.RoleAssistant, call("1")), user("b")}, []string{`"content":"no result","is_error":true`}},
		"call at the end":     {[]llm.Message{user("a"), say(llm.RoleAssistant, call("1"))}, []string{`"no result"`}},
		"result without call": {[]llm.Message{user("a"), result("9"), say(llm.RoleAssistant, words("x")), user("b")}, []string{`Result of an earlier tool call: r 9`}},
		"ids used again": {
			[]llm.Message{user("a"), say(llm.RoleAssistant, call("0")), result("0"), say(llm.RoleAssistant, call("0")), result("0")},
			nil,
		},
		"foreign ids":     {[]llm.Message{user("a"), say(llm.RoleAssistant, call("functions.f:0")), result("functions.f:0")}, []string{`"id":"call_`}},
		"begins with him": {[]llm.Message{say(llm.RoleAssistant, words("x")), user("b")}, nil},
		"blank text":      {[]llm.Message{user("a"), say(llm.RoleAssistant, words(" \n")), user("b")}, nil},
		"system between call and result": {
			[]llm.Message{user("a"), say(llm.RoleAssistant, call("1")), say(llm.RoleSystem, words("s")), result("1")}, nil,
		},
		"no arguments":     {[]llm.Message{user("a"), say(llm.RoleAssistant, call("1")), result("1")}, []string{`"input":{}`}},
		"broken arguments": {[]llm.Message{user("a"), say(llm.RoleAssistant, llm.ToolCall{ID: "1", Name: "f", Arguments: `{"a`}), result("1")}, []string{`"input":{"_malformed_arguments":"{\"a"}`}},
		"empty error": {
			[]llm.Message{user("a"), say(llm.RoleAssistant, call("1")), say(llm.RoleTool, llm.ToolResult{CallID: "1", IsError: true})},
			[]string{`"content":"error","is_error":true`},
		},
		"prefill": {[]llm.Message{user("a"), say(llm.RoleAssistant, words("So \n"))}, []string{`"text":"So"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, target := range []wire.Target{{}, {SystemAnywhere: true}, {NoPrefill: true}} {
				f, _ := encode(t, &llm.Request{Messages: test.messages, Tools: []llm.Tool{{Name: "f"}}}, target)
				for _, want := range test.want {
					if !strings.Contains(string(f["messages"]), want) {
						t.Errorf("no %s in %s", want, f["messages"])
					}
				}
			}
		})
	}
}

func TestPrefillIsAskedFor(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{user("a"), say(llm.RoleAssistant, words("So"))}}
	f, down := encode(t, q, wire.Target{NoPrefill: true})
	if !slices.Contains(down, "prefill") || !strings.Contains(string(f["messages"]), "Go on") {
		t.Error(down, string(f["messages"]))
	}
	// A paused turn of the vendor's tools is no beginning: it goes back as it is.
	q.Messages[1] = say(llm.RoleAssistant, llm.Opaque{Format: llm.FormatMessages, Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"s","name":"w","input":{}}`)})
	if _, down = encode(t, q, wire.Target{NoPrefill: true}); len(down) != 0 {
		t.Error(down)
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	tools := []llm.Tool{
		{Name: "plain"},
		{Name: "mcp.server/odd name", Schema: []byte(`{"properties":{}}`)},
		{Kind: llm.ToolCustom, Name: "patch", Grammar: []byte(`{"type":"grammar"}`)},
		{Kind: llm.ToolBuiltin, Name: "web_search", Format: llm.FormatResponses, Raw: []byte(`{"type":"web_search"}`)},
		{Name: "strict", Strict: ptr(true), Schema: []byte(`{"type":"object","properties":{"properties":{"type":"object"}}}`)},
	}
	names := &wire.ToolNames{}
	q := &llm.Request{Messages: []llm.Message{user("a")}, Tools: tools, ParallelTools: ptr(false)}
	f, down := encode(t, q, wire.Target{Names: names})
	var out []tool
	if err := json.Unmarshal(f["tools"], &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != 4 || names.Back(out[1].Name) != "mcp.server/odd name" || names.Back(out[2].Name) == "patch" {
		t.Errorf("%s", f["tools"])
	}
	if got := string(out[1].InputSchema); got != `{"type":"object","properties":{}}` {
		t.Error(got)
	}
	if got := string(out[3].InputSchema); got != `{"type":"object","properties":{"properties":{"type":"object","additionalProperties":false}},"additionalProperties":false}` {
		t.Error(got)
	}
	if diff := cmp.Diff([]string{"grammar", "tool:web_search"}, down); diff != "" {
		t.Error(diff)
	}
	if got := string(f["tool_choice"]); got != `{"type":"auto","disable_parallel_tool_use":true}` {
		t.Error(got)
	}
	choices := map[string]llm.ToolChoice{
		`{"type":"any"}`:                 {Mode: llm.ToolRequired},
		`{"type":"none"}`:                {Mode: llm.ToolNone},
		`{"type":"tool","name":"plain"}`: {Mode: llm.ToolOne, Names: []string{"plain"}},
		`{"type":"auto"}`:                {Mode: llm.ToolAllowed, Names: []string{"plain"}},
	}
	q.ParallelTools = nil
	for want, choice := range choices {
		q.ToolChoice = choice
		f, _ := encode(t, q, wire.Target{})
		if got := string(f["tool_choice"]); got != want {
			t.Errorf("%v: %s", choice, got)
		}
		if choice.Mode == llm.ToolAllowed && strings.Count(string(f["tools"]), `"name"`) != 1 {
			t.Errorf("%s", f["tools"])
		}
	}
}

// A free-text tool comes back as one, whole and streamed.
func TestFreeTextToolsComeBack(t *testing.T) {
	t.Parallel()
	target := wire.Target{Names: &wire.ToolNames{}, Model: "m"}
	q := &llm.Request{Tools: []llm.Tool{{Kind: llm.ToolCustom, Name: "patch"}}, Messages: []llm.Message{
		user("a"),
		say(llm.RoleAssistant, llm.ToolCall{ID: "c1", Name: "patch", Arguments: "*** \"x\"\n", Custom: true}),
		say(llm.RoleTool, llm.ToolResult{CallID: "c1", Custom: true, Parts: []llm.Part{words("ok")}}),
	}}
	f, _ := encode(t, q, target)
	if !strings.Contains(string(f["messages"]), `"input":{"input":"*** \"x\"\n"}`) {
		t.Errorf("%s", f["messages"])
	}
	want := []llm.Part{llm.ToolCall{ID: "c", Name: "patch", Arguments: "*** \"x\"\n", Custom: true}}
	sent := target.Names.OutFreeText("patch")
	answer := `{"type":"message","id":"i","content":[{"type":"tool_use","id":"c","name":"` + sent + `","input":{"input":"*** \"x\"\n"}}],"stop_reason":"tool_use","usage":{}}`
	a, err := Format{}.DecodeAnswer([]byte(answer), target)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, a.Choices[0].Parts); diff != "" {
		t.Error(diff)
	}
	// Towards a client of this format it is a function again.
	raw := encodeStream(t, llm.Events(&llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{
		llm.ToolCall{ID: "c", Name: sent, Arguments: "*** \"x\"\n", Custom: true},
	}}}}), wire.Caller{})
	if _, err := readGrammar(raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, collect(t, raw, target).Choices[0].Parts); diff != "" {
		t.Error(diff)
	}
}

// Where a model can't be held to a schema, it answers by a tool, and the client
// sees text.
func TestSchemaByTool(t *testing.T) {
	t.Parallel()
	q := &llm.Request{
		Messages:  []llm.Message{user("a")},
		Output:    llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"object","properties":{"x":{"type":"integer"}}}`)},
		Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortHigh},
	}
	target := wire.Target{NoSchemaOutput: true, Names: &wire.ToolNames{}}
	f, down := encode(t, q, target)
	name := target.Names.Out(answerTool)
	if got := string(f["tool_choice"]); got != `{"type":"tool","name":"`+name+`"}` || f["thinking"] != nil || !slices.Contains(down, "reasoning") {
		t.Error(got, down)
	}
	events := `event: message_start
data: {"type":"message_start","message":{"id":"i","model":"m","usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"` + name + `","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

`
	a := collect(t, []byte(events), target)
	want := llm.Choice{Parts: []llm.Part{words(`{"x":1}`)}, Finish: llm.Finish{Reason: llm.FinishStop, Raw: "tool_use"}}
	if diff := cmp.Diff(want, a.Choices[0]); diff != "" {
		t.Error(diff)
	}
	// With tools of its own the client may still see one of them called.
	q.Tools = []llm.Tool{{Name: "f"}}
	if f, _ = encode(t, q, target); string(f["tool_choice"]) != `{"type":"any"}` {
		t.Errorf("%s", f["tool_choice"])
	}
	f, down = encode(t, q, wire.Target{})
	if got := string(f["output_config"]); !strings.Contains(got, `"additionalProperties":false`) {
		t.Error(got, down)
	}
}
