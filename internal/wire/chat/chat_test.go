package chat_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

var origin = llm.Origin{Provider: "p", Model: "m"}

func framed(lines []byte) []byte { return append(wiretest.Framed(lines), "data: [DONE]\n\n"...) }

// grammar checks a Chat stream as its official clients read it.
func grammar(t *testing.T, stream []byte, usageAsked bool) {
	t.Helper()
	r := sse.NewReader(bytes.NewReader(stream))
	defer r.Close()
	finished := map[int]bool{}
	roleSaid := map[int]bool{}
	named := map[[2]int]bool{}
	usage, done := 0, false
	id := ""
	for {
		ev, err := r.Next()
		if err != nil {
			break
		}
		if ev.Comment {
			continue
		}
		if done {
			t.Fatalf("an event after the terminator: %s", ev.Data)
		}
		if string(ev.Data) == "[DONE]" {
			done = true
			continue
		}
		var c struct {
			ID, Object, Model string
			Created           int64
			Choices           []struct {
				Index int
				Delta struct {
					Role      string
					ToolCalls []struct {
						Index    *int
						ID, Type string
						Function *struct{ Name, Arguments string }
						Custom   *struct{ Name, Input string }
					} `json:"tool_calls"`
				}
				FinishReason *string `json:"finish_reason"`
			}
			Usage *struct {
				Prompt     int64 `json:"prompt_tokens"`
				Completion int64 `json:"completion_tokens"`
				Total      int64 `json:"total_tokens"`
			}
		}
		if err := json.Unmarshal(ev.Data, &c, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("%s: %v", ev.Data, err)
		}
		if c.Object != "chat.completion.chunk" || c.Created == 0 || c.Model == "" || c.ID == "" || (id != "" && id != c.ID) {
			t.Errorf("chunk head is wrong: %s", ev.Data)
		}
		id = c.ID
		if c.Usage != nil {
			usage++
			if len(c.Choices) != 0 || c.Usage.Total != c.Usage.Prompt+c.Usage.Completion {
				t.Errorf("usage chunk is wrong: %s", ev.Data)
			}
		}
		for _, ch := range c.Choices {
			if finished[ch.Index] {
				t.Errorf("a chunk after the finish: %s", ev.Data)
			}
			if !roleSaid[ch.Index] && ch.FinishReason == nil && ch.Delta.Role != "assistant" {
				t.Errorf("the first chunk says no role: %s", ev.Data)
			}
			roleSaid[ch.Index] = true
			for _, tc := range ch.Delta.ToolCalls {
				if tc.Index == nil {
					t.Fatalf("a tool delta without an index: %s", ev.Data)
				}
				k := [2]int{ch.Index, *tc.Index}
				if !named[k] && (tc.ID == "" || tc.Type == "" || (tc.Function == nil || tc.Function.Name == "") && (tc.Custom == nil || tc.Custom.Name == "")) {
					t.Errorf("a call begins without id, type and name: %s", ev.Data)
				}
				named[k] = true
			}
			if ch.FinishReason != nil {
				finished[ch.Index] = true
			}
		}
	}
	if !done || len(finished) == 0 || usageAsked != (usage == 1) {
		t.Errorf("done %v, finished %v, usage chunks %d", done, finished, usage)
	}
}

func caller() wire.Caller {
	return wire.Caller{Request: &llm.Request{StreamUsage: true}, Model: "shown", ID: "turn", Now: time.Unix(1_750_000_000, 0)}
}

func TestRecordedStreamsGoThroughAndBack(t *testing.T) {
	f := chat.Format{}
	for file, lines := range wiretest.Recordings(t, wiretest.Streams) {
		t.Run(file, func(t *testing.T) {
			in := framed(lines)
			target := wire.Target{Origin: origin, Model: "m"}
			first, err := llm.Collect(f.DecodeStream(bytes.NewReader(in), target))
			if err != nil {
				t.Fatal(err)
			}
			if first.Usage.Quality != llm.QualityExact || first.Usage.IsZero() {
				t.Errorf("usage %+v", first.Usage)
			}
			var out bytes.Buffer
			e := f.NewStream(&out, caller())
			for ev, err := range f.DecodeStream(bytes.NewReader(in), target) {
				if err != nil {
					t.Fatal(err)
				}
				if err := e.Write(ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			grammar(t, out.Bytes(), true)
			second, err := llm.Collect(f.DecodeStream(&out, target))
			if err != nil {
				t.Fatal(err)
			}
			second.Model, second.ID, second.Created = first.Model, first.ID, first.Created
			second.Choices[0].Finish.Raw = first.Choices[0].Finish.Raw
			second.Usage.ProviderCost = first.Usage.ProviderCost // clients aren't told
			if d := cmp.Diff(first, second); d != "" {
				t.Errorf("changed on the way (-before +after):\n%s", d)
			}
		})
	}
}

func TestTheMeterSeesWhatTheDecoderSees(t *testing.T) {
	f := chat.Format{}
	for file, lines := range wiretest.Recordings(t, wiretest.Streams) {
		for _, keep := range []bool{false, true} {
			in := framed(lines)
			target := wire.Target{Origin: origin, Model: "m"}
			want, err := llm.Collect(f.DecodeStream(bytes.NewReader(in), target))
			if err != nil {
				t.Fatal(err)
			}
			m := f.NewMeter(target)
			if k, ok := m.(wire.Keeper); ok && keep {
				k.Keep()
			}
			meaningful := false
			r := sse.NewReader(bytes.NewReader(in))
			for {
				ev, err := r.Next()
				if err != nil {
					break
				}
				v := m.Event(string(ev.Name), ev.Data)
				if v.Err != nil {
					t.Fatal(v.Err)
				}
				meaningful = meaningful || v.Meaningful
			}
			got := m.Result()
			var calls []string
			for _, p := range want.Choices[0].Parts {
				if c, ok := p.(llm.ToolCall); ok {
					calls = append(calls, c.ID)
				}
			}
			if !meaningful || !got.Complete || got.ID != want.ID || got.Model != want.Model || got.Finish != want.Choices[0].Finish.Reason || got.OutputBytes == 0 {
				t.Errorf("%s: meaningful %v, %+v", file, meaningful, got)
			}
			if d := cmp.Diff(want.Usage, got.Usage) + cmp.Diff(calls, got.ToolCalls); d != "" {
				t.Errorf("%s: %s", file, d)
			}
			if keep {
				if d := cmp.Diff(want.Choices[0].Parts, got.Parts); d != "" {
					t.Errorf("%s: kept parts differ: %s", file, d)
				}
			}
		}
	}
}

func TestRecordedAnswersGoThroughAndBack(t *testing.T) {
	f := chat.Format{}
	for file, body := range wiretest.Recordings(t, wiretest.Answers) {
		t.Run(file, func(t *testing.T) {
			target := wire.Target{Origin: origin, Model: "m"}
			first, err := f.DecodeAnswer(body, target)
			if err != nil {
				t.Fatal(err)
			}
			out, err := f.EncodeAnswer(first, caller())
			if err != nil {
				t.Fatal(err)
			}
			second, err := f.DecodeAnswer(out, target)
			if err != nil {
				t.Fatal(err)
			}
			second.Model = first.Model
			second.Choices[0].Finish.Raw = first.Choices[0].Finish.Raw
			second.Usage.ServiceTier = first.Usage.ServiceTier
			second.Usage.ProviderCost = first.Usage.ProviderCost // clients aren't told
			if d := cmp.Diff(first, second); d != "" {
				t.Errorf("changed on the way (-before +after):\n%s", d)
			}
			m := f.NewMeter(target)
			if v := m.Body(body); v.Err != nil || !v.Done {
				t.Errorf("%+v", v)
			}
			if got := m.Result(); !got.Complete || got.Usage.Output != first.Usage.Output || got.Finish != first.Choices[0].Finish.Reason {
				t.Errorf("%+v", got)
			}
		})
	}
}

const rich = `{"model":"gpt","messages":[
 {"role":"developer","content":"be brief"},
 {"role":"user","content":[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low"}}]},
 {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}},{"id":"c2","type":"function","function":{"name":"noargs","arguments":""}}]},
 {"role":"tool","tool_call_id":"c1","content":"one"},
 {"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"two"}]},
 {"role":"user","content":"go on"}],
 "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}},{"type":"function","function":{"name":"noargs"}}],
 "tool_choice":{"type":"function","function":{"name":"look"}},"parallel_tool_calls":false,
 "response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"},"strict":true}},
 "max_completion_tokens":50,"stop":["a","b"],"temperature":0.5,"logprobs":true,"n":2,"user":"u","stream":true,"stream_options":{"include_usage":true},"unheard_of":{"x":[1]}}`

func TestARequestSurvivesDecodingAndEncoding(t *testing.T) {
	f := chat.Format{}
	first, err := f.Decode(wire.RawRequest{Body: []byte(rich)})
	if err != nil {
		t.Fatal(err)
	}
	out, downgrades, err := f.Encode(first, wire.Target{Model: "gpt", Stream: true, StreamUsage: true, SystemRole: llm.RoleDeveloper})
	if err != nil || len(downgrades) > 0 {
		t.Fatal(err, downgrades)
	}
	again, _, err := f.Encode(first, wire.Target{Model: "gpt", Stream: true, StreamUsage: true, SystemRole: llm.RoleDeveloper})
	if err != nil || !bytes.Equal(out.Body, again.Body) {
		t.Errorf("not the same bytes twice: %v", err)
	}
	second, err := f.Decode(wire.RawRequest{Body: out.Body})
	if err != nil {
		t.Fatalf("%v in %s", err, out.Body)
	}
	if d := cmp.Diff(first, second, cmp.Transformer("json", func(b []byte) string { return string(b) }), cmp.Comparer(sameCall)); d != "" {
		t.Errorf("changed on the way (-before +after):\n%s", d)
	}
}

// sameCall takes no arguments and an empty object for the same.
func sameCall(a, b llm.ToolCall) bool {
	for _, c := range []*llm.ToolCall{&a, &b} {
		if c.Arguments == "" {
			c.Arguments = "{}"
		}
	}
	return a.ID == b.ID && a.Name == b.Name && a.Arguments == b.Arguments
}

func TestEncodeSaysWhatATargetCantTake(t *testing.T) {
	f := chat.Format{}
	req, err := f.Decode(wire.RawRequest{Body: []byte(rich)})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = f.Encode(req, wire.Target{Model: "m", NoVision: true})
	if e := llm.AsError(err); e == nil || e.Kind != llm.KindBadRequest || !strings.Contains(e.Message, "images") {
		t.Errorf("an image to a blind model: %v", err)
	}
	_, down, err := f.Encode(req, wire.Target{Model: "m", Reject: []string{"temperature"}, Rename: map[string]string{"max_tokens": "max_completion_tokens"}})
	if err != nil || len(down) != 1 || down[0].Feature != "temperature" {
		t.Errorf("%v %v", down, err)
	}
}

func TestOrphansAreMended(t *testing.T) {
	f := chat.Format{}
	req := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.ToolCall{ID: "lost", Name: "f"}}},
		{Role: llm.RoleUser, Parts: []llm.Part{llm.ToolResult{CallID: "unknown", Name: "g", Parts: []llm.Part{llm.Text{Text: "r"}}}}},
	}}
	out, _, err := f.Encode(req, wire.Target{Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"lost","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"(no result)","tool_call_id":"lost"},{"role":"user","content":"Result of g: r"}]}`
	if d := cmp.Diff(want, string(out.Body)); d != "" {
		t.Error(d)
	}
}

// OpenAI ends a refusal in words with "stop"; in other formats it has an end of its
// own.
func TestARefusalInWordsEndsAsOne(t *testing.T) {
	f := chat.Format{}
	const whole = `{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"No."},"finish_reason":"stop"}]}`
	const streamed = `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","refusal":"No"}}]}

data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"refusal":"."}}]}

data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

`
	want := []llm.Choice{{Parts: []llm.Part{llm.Refusal{Text: "No."}}, Finish: llm.Finish{Reason: llm.FinishContentFilter, Raw: "stop"}}}
	a, err := f.DecodeAnswer([]byte(whole), wire.Target{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := llm.Collect(f.DecodeStream(strings.NewReader(streamed), wire.Target{}))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, a.Choices) + cmp.Diff(want, s.Choices); d != "" {
		t.Error(d)
	}
	m := f.NewMeter(wire.Target{})
	r := sse.NewReader(strings.NewReader(streamed))
	for {
		ev, err := r.Next()
		if err != nil {
			break
		}
		m.Event(string(ev.Name), ev.Data)
	}
	if got := m.Result().Finish; got != llm.FinishContentFilter {
		t.Errorf("metered %q", got)
	}
	again, err := f.EncodeAnswer(a, wire.Caller{})
	if err != nil || !strings.Contains(string(again), `"refusal":"No."`) || !strings.Contains(string(again), `"finish_reason":"stop"`) {
		t.Errorf("%v %s", err, again)
	}
}

// The official SDK refuses a stream in which nobody spoke.
func TestAStreamWithoutWordsNamesItsRole(t *testing.T) {
	var out strings.Builder
	e := chat.Format{}.NewStream(&out, wire.Caller{Request: &llm.Request{}})
	for _, ev := range []llm.Event{llm.Start{ID: "1"}, llm.Finish{Reason: llm.FinishContentFilter}} {
		if err := e.Write(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `"delta":{"role":"assistant"}`) || !strings.Contains(got, `"finish_reason":"content_filter"`) {
		t.Error(got)
	}
}

func TestStreamsThatBreak(t *testing.T) {
	f := chat.Format{}
	chunk := `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n"
	finish := `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	for _, c := range []struct {
		name, in string
		kind     llm.Kind
	}{
		{"cut", chunk, llm.KindTruncated},
		{"empty", "", llm.KindTruncated},
		{"done without a finish", chunk + "data: [DONE]\n\n", llm.KindTruncated},
		{"garbage", chunk + "data: {oops\n\n", llm.KindUpstream},
		{"error inside", chunk + `data: {"error":{"message":"full","code":429}}` + "\n\n", llm.KindRateLimit},
		{"no terminator", chunk + finish, ""},
		{"whole", chunk + finish + "data: [DONE]\n\n", ""},
	} {
		_, err := llm.Collect(f.DecodeStream(strings.NewReader(c.in), wire.Target{}))
		if e := llm.AsError(err); (e == nil) != (c.kind == "") || e != nil && e.Kind != c.kind {
			t.Errorf("%s: %v, want %q", c.name, err, c.kind)
		}
	}
}

func TestErrorsAreClassed(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   llm.Kind
	}{
		{400, `{"error":{"message":"This model's maximum context length is 8192","type":"invalid_request_error","code":"context_length_exceeded"}}`, llm.KindContextLength},
		{429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, llm.KindQuota},
		{429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, llm.KindRateLimit},
		{401, `{"error":"bad key"}`, llm.KindAuth},
		{503, `{"error":{"message":"busy","type":"server_error"}}`, llm.KindOverloaded},
		{502, `<html><body><h1>Bad Gateway</h1></body></html>`, llm.KindUpstream},
		{500, ``, llm.KindUpstream},
		{400, `{"error":{"message":"Missing reasoning_content field"}}`, llm.KindReasoning},
	} {
		e := chat.Format{}.DecodeError(c.status, nil, []byte(c.body))
		if e.Kind != c.kind || e.Message == "" || strings.Contains(e.Message, "<h1>") {
			t.Errorf("%d %s: %+v", c.status, c.body, e)
		}
	}
}

func TestErrorsAreShown(t *testing.T) {
	for _, c := range []struct {
		e      llm.Error
		status int
		want   string
	}{
		{llm.Error{Kind: llm.KindBadRequest, Status: 405, Message: "send a POST", Param: "n"}, 405, `{"error":{"message":"send a POST","type":"invalid_request_error","param":"n","code":null}}`},
		{llm.Error{Kind: llm.KindQuota, Message: "over", Code: "budget_exceeded"}, 429, `{"error":{"message":"over","type":"insufficient_quota","param":null,"code":"budget_exceeded"}}`},
		{llm.Error{Kind: llm.KindOverloaded, Status: 529, Message: "bu\xffsy", Provider: "p", Code: "overloaded_error"}, 529, `{"error":{"message":"p: bu�sy","type":"server_error","param":null,"code":"server_is_overloaded"}}`},
		{llm.Error{Kind: llm.KindAuth, Status: 401, Message: "sk-123 is wrong", Provider: "p"}, 502, `{"error":{"message":"p: the provider refuses this gateway's account; its operator can see why with ` + "`oido doctor`" + `","type":"server_error","param":null,"code":"server_error"}}`},
	} {
		if status, body := (chat.Format{}).EncodeError(&c.e); status != c.status || string(body) != c.want {
			t.Errorf("%+v: %d %s", c.e, status, body)
		}
	}
}

func TestSpliceKeepsEveryOtherByte(t *testing.T) {
	f := chat.Format{}
	body := "{ \"model\" : \"a\",\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\"} ], \"stream\":true , \"stream_options\":{\"include_obfuscation\":false} }"
	raw := wire.RawRequest{Body: []byte(body)}
	p, err := f.Peek(raw)
	if err != nil || p.Model != "a" || !p.Stream || p.StreamUsage {
		t.Fatal(p, err)
	}
	out, err := f.Splice(raw, p, wire.Edits{Model: "b", AskUsage: true})
	if err != nil {
		t.Fatal(err)
	}
	want := "{ \"model\" : \"b\",\n\t\"messages\":[ {\"role\":\"user\",\"content\":\"\\u00e9\"} ], \"stream\":true , \"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false} }"
	if d := cmp.Diff(want, string(out.Body)); d != "" {
		t.Error(d)
	}
}

// The same request is forwarded as the same bytes, whatever is added to it.
func TestSpliceIsStable(t *testing.T) {
	f := chat.Format{}
	raw := wire.RawRequest{Body: []byte(`{"model":"m","a":1,"b":2,"messages":[]}`)}
	p, err := f.Peek(raw)
	if err != nil {
		t.Fatal(err)
	}
	edits := wire.Edits{Rename: map[string]string{"a": "x", "b": "y"}, Set: map[string][]byte{"r": []byte("1"), "s": []byte("2"), "t": []byte("3"), "u": []byte("4")}}
	for range 20 {
		out, err := f.Splice(raw, p, edits)
		if want := `{"r":1,"s":2,"t":3,"u":4,"model":"m","x":1,"y":2,"messages":[]}`; err != nil || string(out.Body) != want {
			t.Fatalf("%s %v, want %s", out.Body, err, want)
		}
	}
}

func TestPeekRefuses(t *testing.T) {
	for _, body := range []string{``, `[]`, `{`, `{"model":1,"messages":[]}`, `{"model":"a","model":"b"}`, `{"messages":[]}`, `{"model":"a","stream":"yes"}`, "{\"model\":\"\xff\"}"} {
		if _, err := (chat.Format{}).Peek(wire.RawRequest{Body: []byte(body)}); llm.AsError(err) == nil || llm.AsError(err).Kind != llm.KindBadRequest {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestPeekCostsNoAllocation(t *testing.T) {
	raw := wire.RawRequest{Body: []byte(`{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("word ", 10_000) + `"}]}`)}
	f := chat.Format{}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := f.Peek(raw); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestModelLists(t *testing.T) {
	models, _, err := chat.Format{}.DecodeModels([]byte(`{"data":[{"id":"a/b","context_length":1000,"pricing":{"prompt":"0.0000015","completion":"0.00001"},"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]}},{"id":"x","created":1700000000,"owned_by":"o"}]}`))
	if err != nil || len(models) != 2 {
		t.Fatal(models, err)
	}
	if m := models[0]; m.PricePerMillion["input"] != "1.5" || m.PricePerMillion["output"] != "10" || !*m.Vision || m.Context != 1000 {
		t.Errorf("%+v", m)
	}
}
