package chat_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// Refusals whose bodies aren't OpenAI's: what they say is found all the same.
func TestFlatRefusalsAreRead(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		message string
		code    string
		kind    llm.Kind
	}{
		{400, `{"code":"Client specified an invalid argument","error":"Bad field"}`, "Bad field", "Client specified an invalid argument", llm.KindBadRequest},
		{400, `{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}`, "Invalid model: x", "1500", llm.KindBadRequest},
		{422, `{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":false}]}`, "body.store: Extra inputs are not permitted", "", llm.KindBadRequest},
		{422, `{"object":"error","message":{"detail":[{"loc":["body","messages",3],"msg":"No"},{"loc":["body","n"],"msg":"Nor that"}]},"type":"invalid_request_error","param":null,"code":null}`, "body.messages.3: No; body.n: Nor that", "", llm.KindBadRequest},
		{401, `{"detail":"Unauthorized"}`, "Unauthorized", "", llm.KindAuth},
		{429, `{"message":"Rate limit exceeded","type":"rate_limited","code":1300}`, "Rate limit exceeded", "1300", llm.KindRateLimit},
		{498, `{"error":{"message":"flex has no capacity","type":"capacity"}}`, "flex has no capacity", "", llm.KindOverloaded},
	} {
		e := chat.Format{}.DecodeError(c.status, http.Header{}, []byte(c.body))
		if e.Message != c.message || e.Code != c.code || e.Kind != c.kind || e.Status != c.status {
			t.Errorf("%s: %+v", c.body, e)
		}
	}
}

// Errors inside answers that succeeded, in the places where vendors put them.
func TestErrorsInsideAnswersAreFound(t *testing.T) {
	for body, want := range map[string]string{
		`{"object":"error","message":"out of order","type":"internal_server_error","code":"1000"}`:      "out of order 1000",
		`{"id":"1","model":"m","choices":[],"x_groq":{"error":{"message":"over capacity","code":"c"}}}`: "over capacity c",
		`{"code":"The service is currently unavailable","error":"try again"}`:                           "try again The service is currently unavailable",
		`{"error":{"message":"no","code":"x"}}`:                                                         "no x",
	} {
		_, err := chat.Format{}.DecodeAnswer([]byte(body), wire.Target{})
		_, inStream := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader("data: "+body+"\n\n"), wire.Target{}))
		m := chat.Format{}.NewMeter(wire.Target{})
		v := m.Event("", []byte(body))
		for i, err := range []error{err, inStream, v.Err} {
			e := llm.AsError(err)
			if e == nil || e.Message+" "+e.Code != want {
				t.Errorf("%d: %s: %+v", i, body, e)
			}
		}
	}
}

// Vendors that put reasoning into the content: as parts of it, or in the text.
func TestReasoningInTheContentIsTakenOut(t *testing.T) {
	want := []llm.Part{
		llm.Reasoning{Text: "let me see", Blob: &llm.Blob{Kind: llm.BlobPlain}},
		llm.Text{Text: "a < b"},
	}
	part := func(s string) string { return `{"type":"thinking","thinking":[{"type":"text","text":"` + s + `"}]}` }
	for name, c := range map[string]struct {
		target wire.Target
		whole  string
		pieces []string
	}{
		"parts": {
			wire.Target{},
			`[` + part("let me see") + `,{"type":"text","text":"a < b"}]`,
			[]string{`[` + part("let me") + `]`, `[` + part(" see") + `]`, `[{"type":"text","text":"a "}]`, `"< b"`},
		},
		"inline": {
			wire.Target{InlineThinking: true},
			`"\n<think>let me see</think>\n\na < b"`,
			[]string{`"\n<thi"`, `"nk>let me"`, `" see</"`, `"think>"`, `"\n\n"`, `"a "`, `"< b"`},
		},
	} {
		a, err := chat.Format{}.DecodeAnswer([]byte(`{"choices":[{"message":{"role":"assistant","content":`+c.whole+`},"finish_reason":"stop"}]}`), c.target)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, a.Choices[0].Parts); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		stream := ""
		for _, p := range c.pieces {
			stream += `data: {"choices":[{"index":0,"delta":{"content":` + p + "}}]}\n\n"
		}
		stream += `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
		a, err = llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(stream), c.target))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, a.Choices[0].Parts); d != "" {
			t.Errorf("%s, streamed: %s", name, d)
		}
	}
}

// Text that only looks like the beginning of reasoning stays text.
func TestTextThatBeginsLikeReasoningIsWhole(t *testing.T) {
	for _, text := range []string{"<thi", "<b>bold</b>", " \n", "<think", "a <think>b</think>"} {
		stream := ""
		for i := range len(text) {
			stream += `data: {"choices":[{"index":0,"delta":{"content":"` + strings.ReplaceAll(text[i:i+1], "\n", `\n`) + `"}}]}` + "\n\n"
		}
		stream += `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
		a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(stream), wire.Target{InlineThinking: true}))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]llm.Part{llm.Text{Text: text}}, a.Choices[0].Parts); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func TestUsageInEachVendorsWords(t *testing.T) {
	cost := llm.NanoUSD(172125)
	for body, want := range map[string]llm.Usage{
		`{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"prompt_tokens_details":{"cached_tokens":11},"completion_tokens_details":{"reasoning_tokens":340},"cost_in_usd_ticks":1721250}`: {Input: 1, CacheRead: 11, Output: 342, ReasoningOfOutput: 340, ProviderCost: &cost},
		`{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"num_cached_tokens":4}`:                                                                                                          {Input: 6, CacheRead: 4, Output: 2},
		`{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_token_details":{"cached_tokens":4}}`:                                                                                     {Input: 6, CacheRead: 4, Output: 2},
		`{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"cached_tokens":4}`:                                                                                                              {Input: 6, CacheRead: 4, Output: 2},
		`{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4,"cache_creation_input_tokens":3}}`:                                                    {Input: 3, CacheRead: 4, CacheWrite: 3, Output: 2},
	} {
		a, err := chat.Format{}.DecodeAnswer([]byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":`+body+`}`), wire.Target{})
		if err != nil {
			t.Fatal(err)
		}
		want.Quality = llm.QualityExact
		if d := cmp.Diff(want, a.Usage); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

// How much to think, in each vendor's words for it.
func TestReasoningIsAskedForInTheModelsWords(t *testing.T) {
	on := llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortHigh}
	off := llm.ReasoningConfig{Mode: llm.ReasoningOff}
	budget := 2000
	for _, c := range []struct {
		ask   llm.ReasoningConfig
		style wire.ReasoningStyle
		want  string // what stands in the body
		lost  string
	}{
		{on, wire.ReasoningStyle{Control: "switch", Switch: "enable_thinking"}, `"enable_thinking":true}`, ""},
		{off, wire.ReasoningStyle{Control: "switch", Switch: "chat_template_kwargs.thinking"}, `"chat_template_kwargs":{"thinking":false}`, ""},
		{llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: &budget}, wire.ReasoningStyle{Control: "switch", Switch: "enable_thinking", BudgetField: "thinking_budget"}, `"enable_thinking":true,"thinking_budget":2000`, ""},
		{off, wire.ReasoningStyle{Control: "switch", Switch: "enable_thinking", BudgetField: "thinking_budget"}, `"enable_thinking":false}`, ""},
		{on, wire.ReasoningStyle{Control: "effort", Efforts: []llm.Effort{llm.EffortNone, llm.EffortMedium}, Words: map[llm.Effort]string{llm.EffortMedium: "default"}}, `"reasoning_effort":"default"`, ""},
		{off, wire.ReasoningStyle{Control: "effort", Efforts: []llm.Effort{llm.EffortNone, llm.EffortMedium}, Words: map[llm.Effort]string{llm.EffortMedium: "default"}}, `"reasoning_effort":"none"`, ""},
		{on, wire.ReasoningStyle{Control: "toggle"}, `"thinking":{"type":"enabled"}}`, ""},
		{on, wire.ReasoningStyle{Control: "none"}, `"messages":[{"role":"user","content":"hi"}]}`, "reasoning"},
		{off, wire.ReasoningStyle{Control: "none", CannotDisable: true}, `"messages":[{"role":"user","content":"hi"}]}`, "reasoning_off"},
	} {
		q := &llm.Request{Reasoning: c.ask, Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "hi"}}}}}
		out, lost, err := chat.Format{}.Encode(q, wire.Target{Model: "m", Reasoning: c.style})
		if err != nil || !strings.Contains(string(out.Body), c.want) {
			t.Errorf("%+v: %v %s", c.style, err, out.Body)
		}
		if c.lost == "" != (len(lost) == 0) || c.lost != "" && lost[0].Feature != c.lost {
			t.Errorf("%+v: lost %v", c.style, lost)
		}
	}
}

// Names of who speaks and refusals have no place where the target refuses them.
func TestMembersOfMessagesThatATargetRefuses(t *testing.T) {
	q := &llm.Request{Messages: []llm.Message{
		{Role: llm.RoleUser, Name: "ada", Parts: []llm.Part{llm.Text{Text: "hi"}}},
		{Role: llm.RoleAssistant, Parts: []llm.Part{llm.Refusal{Text: "no"}}},
		{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "please"}}},
	}}
	out, lost, err := chat.Format{}.Encode(q, wire.Target{Model: "m", Reject: []string{"messages.name", "messages.refusal"}})
	const want = `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"no"},{"role":"user","content":"please"}]}`
	if err != nil || string(out.Body) != want || len(lost) != 2 {
		t.Errorf("%v %v %s", err, lost, out.Body)
	}
}

// The lists of vendors that say more than OpenAI's, in one page each.
func TestListsInEachVendorsShape(t *testing.T) {
	yes, no := true, false
	for body, want := range map[string][]wire.ListedModel{
		`[{"id":"a/b","object":"model","created":0,"type":"chat","context_length":131072,"pricing":{"hourly":0,"input":0.88,"output":1.76,"base":0,"finetune":0,"cached_input":0.2}},
		  {"id":"pic","type":"image","pricing":{"input":0,"output":0}},{"id":"vec","type":"embedding","pricing":{"input":0.02,"output":0}},{"id":"odd","type":"new"}]`: {
			{ID: "a/b", Chat: &yes, Context: 131072, PricePerMillion: map[string]string{"input": "0.88", "output": "1.76", "cache_read": "0.2"}},
			{ID: "pic", Chat: &no, PricePerMillion: map[string]string{}},
			{ID: "vec", Chat: &no, Embeds: true, PricePerMillion: map[string]string{"input": "0.02", "output": "0"}},
			{ID: "odd"},
		},
		`{"object":"list","data":[{"id":"m-2411","capabilities":{"completion_chat":true,"function_calling":true,"vision":false,"reasoning":false},"max_context_length":32768,
		  "aliases":["m-latest"],"deprecation":"2026-12-31T12:00:00Z","deprecation_replacement_model":"m-2512"},{"id":"embed","capabilities":{"completion_chat":false}}]}`: {
			{
				ID: "m-2411", Chat: &yes, Context: 32768, Tools: &yes, Vision: &no, Thinking: &no, Aliases: []string{"m-latest"}, Replacement: "m-2512",
				Shutdown: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC),
			},
			{ID: "embed", Chat: &no},
		},
		`{"object":"list","data":[{"id":"g","active":true,"context_window":8192,"max_completion_tokens":4096},{"id":"h","active":false}]}`: {{ID: "g", Context: 8192, MaxOutput: 4096}, {ID: "h", State: "retired"}},
		// OpenAI's, as its SDK has it.
		`{"object":"list","data":[{"id":"o","object":"model","created":1715367049,"owned_by":"system","shutdown_date":"2027-01-14"},{"id":"p","object":"model","created":1715367049,"owned_by":"system","shutdown_date":null}]}`: {
			{ID: "o", OwnedBy: "system", Created: time.Unix(1715367049, 0).UTC(), Shutdown: time.Date(2027, 1, 14, 0, 0, 0, 0, time.UTC)},
			{ID: "p", OwnedBy: "system", Created: time.Unix(1715367049, 0).UTC()},
		},
		// OpenRouter's, as it documents it: prices are of one token.
		`{"data":[{"id":"v/m","canonical_slug":"v/m","name":"V: M","created":1715367049,"context_length":128000,"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},
		  "pricing":{"prompt":"0.000003","completion":"0.000015","request":"0","input_cache_read":"0.0000003","input_cache_write":"0.00000375"},"top_provider":{"context_length":128000,"max_completion_tokens":16384,"is_moderated":false},
		  "supported_parameters":["tools","temperature"],"expiration_date":"2026-12-31"},
		  {"id":"v/vec","architecture":{"input_modalities":["text"],"output_modalities":["embeddings"]},"pricing":{"prompt":"0.00000002","completion":"0"},"expiration_date":null},
		  {"id":"v/auto","architecture":{"output_modalities":["text"]},"pricing":{"prompt":"-1","completion":"-1"}}],"total_count":3,"links":{"next":null}}`: {
			{
				ID: "v/m", Name: "V: M", Created: time.Unix(1715367049, 0).UTC(), Context: 128000, MaxOutput: 16384, Shutdown: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), Chat: &yes, Vision: &yes, Tools: &yes, Thinking: &no,
				PricePerMillion: map[string]string{"input": "3", "output": "15", "cache_read": "0.3", "cache_write": "3.75"},
			},
			{ID: "v/vec", Chat: &no, Embeds: true, Vision: &no, PricePerMillion: map[string]string{"input": "0.02", "output": "0"}},
			{ID: "v/auto", Chat: &yes, Vision: &no, PricePerMillion: map[string]string{}},
		},
		`{"object":"list","data":[{"id":"local","object":"model","owned_by":"vllm","max_model_len":40960}]}`: {{ID: "local", OwnedBy: "vllm", Context: 40960}},
		// An odd entry doesn't cost the list.
		`{"data":[{"id":"a","context_length":"many","shutdown_date":5},7,{"id":8},null,{"context_length":1},{"id":"b","context_length":5}]}`: {{ID: "a"}, {ID: "b", Context: 5}},
		// Somebody else's use of the same names.
		`{"data":[{"id":"x","type":7,"capabilities":["chat"],"aliases":{},"deprecation":{},"active":"yes"}]}`: {{ID: "x"}},
	} {
		got, next, err := chat.Format{}.DecodeModels([]byte(body))
		if err != nil || next != nil {
			t.Fatal(err, next)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", body, d)
		}
	}
}

// Calls that end without a word for why are whole once the terminator came, and
// not before.
func TestCallsThatEndWithoutAReason(t *testing.T) {
	for _, calls := range []string{
		`"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]`,
		`"tool_calls":[{"function":{"name":"f"}}]`,
		`"function_call":{"name":"f","arguments":"{}"}`,
	} {
		endsInCalls(t, `data: {"id":"1","model":"m","choices":[{"index":0,"delta":{`+calls+`},"finish_reason":""}]}`+"\n\n")
	}
}

func endsInCalls(t *testing.T, call string) {
	t.Helper()
	const said = `{"choices":[{"index":0,"delta":{"content":"a"}}]}`
	const end = "data: [DONE]\n\n"
	a, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(call+end), wire.Target{}))
	if err != nil || a.Choices[0].Finish.Reason != llm.FinishToolCalls || len(a.Choices[0].Parts) != 1 {
		t.Errorf("%v %+v", err, a)
	}
	m := chat.Format{}.NewMeter(wire.Target{})
	m.Event("", []byte(said))
	chunk := strings.TrimSuffix(strings.TrimPrefix(call, "data: "), "\n\n")
	if v := m.Event("", []byte(chunk)); v.Err != nil || m.Result().Complete {
		t.Errorf("%+v %+v", v, m.Result())
	}
	if v := m.Event("", []byte("[DONE]")); !v.Done || !m.Result().Complete || m.Result().Finish != llm.FinishToolCalls {
		t.Errorf("%+v %+v", v, m.Result())
	}
	if _, err := llm.Collect(chat.Format{}.DecodeStream(strings.NewReader(call), wire.Target{})); llm.AsError(err) == nil || llm.AsError(err).Kind != llm.KindTruncated {
		t.Errorf("%v", err)
	}
}
