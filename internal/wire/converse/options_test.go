package converse

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	const strictIn, strictOut = `{"type":"object","properties":{"b":{"type":"object","properties":{}},"a":{"type":"array","items":{"type":["object","null"]}}}}`,
		`{"type":"object","properties":{"b":{"type":"object","properties":{},"additionalProperties":false},"a":{"type":"array","items":{"type":["object","null"],"additionalProperties":false}}},"additionalProperties":false}`
	one := []llm.Message{user(say("Hi"))}
	f := llm.Tool{Name: "f", Schema: []byte(`{"type":"object"}`)}
	called := []llm.Message{user(say("Hi")), assistant(llm.ToolCall{ID: "t", Name: "f"}), results(llm.ToolResult{CallID: "t", Parts: []llm.Part{say("x")}})}
	calledText := `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"x"}]}}]}`
	mode := func(m llm.ToolMode, names ...string) llm.ToolChoice { return llm.ToolChoice{Mode: m, Names: names} }
	effort := func(e llm.Effort) llm.ReasoningConfig {
		return llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: e}
	}
	control := func(c string, efforts ...llm.Effort) wire.Target {
		return wire.Target{Reasoning: wire.ReasoningStyle{Control: c, Efforts: efforts}}
	}
	longNames := &wire.ToolNames{}
	inWords := map[string]string{ // what the model is told beside the client's words
		"a choice of a model that takes none":                         "Answer by calling a tool.",
		"one tool of a model that takes no choice":                    "Answer by calling the tool f.",
		"an answer by a schema of no object":                          `Answer with one JSON value that keeps this JSON Schema, and with nothing else:\n{\"type\":\"array\"}`,
		"an answer by a schema of a model that can't be made to call": `Answer with one JSON value that keeps this JSON Schema, and with nothing else:\n{\"type\":\"object\"}`,
		"any JSON": "Answer with one JSON object and with nothing else.",
		"calls in the conversation, and no tools any more": "Answer without calling any tool.",
		"calls in the conversation, and no more of them":   "Answer without calling any tool.",
	}
	for _, c := range []struct {
		name string
		in   llm.Request
		t    wire.Target
		want string // behind the conversation
		lost []string
	}{
		{"nothing", llm.Request{}, wire.Target{MaxOutput: 4096}, ``, nil},
		{
			"sampling, a cap and stops",
			llm.Request{MaxOutput: p(100), Stop: []string{"END", " ", "\n\nHuman:"}, Sampling: llm.Sampling{Temperature: p(0.5), TopP: p(0.9), TopK: p(40)}},
			wire.Target{},
			`"inferenceConfig":{"maxTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["END","\n\nHuman:"]},"additionalModelRequestFields":{"top_k":40}`,
			[]string{"stop"},
		},
		{"numbers beyond what is taken", llm.Request{MaxOutput: p(9999), Sampling: llm.Sampling{Temperature: p(1.7), TopP: p(1.5)}}, wire.Target{MaxOutput: 4096}, `"inferenceConfig":{"maxTokens":4096,"temperature":1,"topP":1}`, []string{"max_tokens", "temperature", "top_p"}},
		{
			"what has no word",
			llm.Request{
				Sampling: llm.Sampling{FrequencyPenalty: p(1.0), PresencePenalty: p(1.0), Seed: p(int64(1)), N: p(2), LogProbs: p(true), LogitBias: []byte(`{}`)},
				Metadata: map[string]string{"a": "b"}, EndUser: "u", Store: p(true), Cache: llm.CacheHints{Key: "k", Retention: "24h"}, ServiceTier: "scale",
				Output: llm.OutputFormat{Verbosity: "low", Modalities: []string{"text", "audio"}}, Extra: []llm.Field{{Format: llm.FormatChat, Name: "prediction"}, {Format: llm.FormatChat, Name: "\x00mark"}},
			},
			wire.Target{},
			``,
			[]string{"modalities", "service_tier", "frequency_penalty", "presence_penalty", "seed", "n", "logprobs", "logit_bias", "metadata", "user", "store", "prompt_cache_key", "prompt_cache_retention", "verbosity", "prediction"},
		},
		{"a tier", llm.Request{ServiceTier: "flex"}, wire.Target{}, `"serviceTier":{"type":"flex"}`, nil},
		{"a tier by another vendor's word", llm.Request{ServiceTier: "standard_only"}, wire.Target{}, `"serviceTier":{"type":"default"}`, nil},
		{
			"fields refused, renamed and added",
			llm.Request{MaxOutput: p(10), Sampling: llm.Sampling{Temperature: p(0.5), TopK: p(5)}, Reasoning: effort(llm.EffortLow)},
			wire.Target{
				Reject:    []string{"inferenceConfig.temperature", "inferenceConfig.topP"},
				Rename:    map[string]string{topKField: "additionalModelRequestFields.inferenceConfig.topK", effortField: "additionalModelRequestFields.reasoning_effort"},
				Set:       map[string]any{"additionalModelRequestFields.anthropic_beta": []string{"x"}, "performanceConfig": map[string]string{"latency": "standard"}},
				Reasoning: wire.ReasoningStyle{Control: "effort"},
			},
			`"inferenceConfig":{"maxTokens":10},"additionalModelRequestFields":{"inferenceConfig":{"topK":5},"reasoning_effort":"low","anthropic_beta":["x"]},"performanceConfig":{"latency":"standard"}`,
			[]string{"inferenceConfig.temperature"},
		},

		{"a tool, and the choice left to the model", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolAuto)}, wire.Target{}, `"toolConfig":{"tools":[` + ftool + `],"toolChoice":{"auto":{}}}`, nil},
		{"any tool", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolRequired)}, wire.Target{}, `"toolConfig":{"tools":[` + ftool + `],"toolChoice":{"any":{}}}`, nil},
		{"one tool", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolOne, "f"), ParallelTools: p(false)}, wire.Target{}, `"toolConfig":{"tools":[` + ftool + `],"toolChoice":{"tool":{"name":"f"}}}`, []string{"parallel_tool_calls"}},
		{"some tools", llm.Request{Tools: []llm.Tool{f, {Name: "g"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolAllowed, Names: []string{"f"}, Required: true}}, wire.Target{}, `"toolConfig":{"tools":[` + ftool + `],"toolChoice":{"any":{}}}`, nil},
		{"no tool", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolNone), ParallelTools: p(false)}, wire.Target{}, ``, nil},
		{"a choice of a model that takes none", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolRequired)}, wire.Target{Reject: []string{"toolConfig.toolChoice"}}, `"toolConfig":{"tools":[` + ftool + `]}`, []string{"tool_choice"}},
		{"one tool of a model that takes no choice", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolOne, "f")}, wire.Target{Reject: []string{"toolConfig.toolChoice"}}, `"toolConfig":{"tools":[` + ftool + `]}`, []string{"tool_choice"}},
		{"the choice left to a model that takes none", llm.Request{Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolAuto)}, wire.Target{Reject: []string{"toolConfig.toolChoice"}}, `"toolConfig":{"tools":[` + ftool + `]}`, nil},
		{
			"tools with descriptions, of free text, and another vendor's",
			llm.Request{Tools: []llm.Tool{{Name: "my.tool", Description: "D", Schema: []byte(`{"properties":{"a":{}}}`)}, {Kind: llm.ToolCustom, Name: "patch", Grammar: []byte(`"g"`)}, {Kind: llm.ToolBuiltin, Name: "web_search"}, {Name: "bare", Description: " "}}},
			wire.Target{Names: longNames},
			`"toolConfig":{"tools":[{"toolSpec":{"name":"` + longNames.Out("my.tool") + `","description":"D","inputSchema":{"json":{"type":"object","properties":{"a":{}}}}}},` +
				`{"toolSpec":{"name":"` + longNames.OutFreeText("patch") + `","description":"The input must keep this grammar: \"g\"","inputSchema":{"json":` + string(wire.FreeTextSchema) + `}}},` +
				`{"toolSpec":{"name":"bare","inputSchema":{"json":` + string(anySchema) + `}}}]}`,
			[]string{"grammar", "tool:web_search"},
		},
		{"a tool held to its schema", llm.Request{Tools: []llm.Tool{{Name: "f", Schema: []byte(strictIn), Strict: p(true)}}}, wire.Target{}, `"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":` + strictOut + `},"strict":true}}]}`, nil},
		{"a tool that can't be held to it", llm.Request{Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`), Strict: p(true)}}}, wire.Target{Reject: []string{"toolConfig.tools.strict"}}, `"toolConfig":{"tools":[` + ftool + `]}`, []string{"strict"}},
		{"tools for a model without", llm.Request{Tools: []llm.Tool{f}}, wire.Target{NoTools: true}, ``, []string{"tools"}},
		{
			"calls in the conversation, and no tools any more",
			llm.Request{Messages: called},
			wire.Target{},
			`"toolConfig":{"tools":[` + ftool + `]}`,
			[]string{"tool_choice"},
		},
		{
			"calls in the conversation, and no more of them",
			llm.Request{Messages: called, Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolNone)},
			wire.Target{},
			`"toolConfig":{"tools":[` + ftool + `]}`,
			[]string{"tool_choice"},
		},

		{
			"an answer by a schema",
			llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Name: "a b", Description: "D", Schema: []byte(`{"type":"object","properties":{}}`)}},
			wire.Target{},
			`"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}","name":"` + (*wire.ToolNames)(nil).Out("a b") + `","description":"D"}}}}`, nil,
		},
		{
			"an answer by a tool",
			llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Description: "D", Schema: []byte(`{"type":"object"}`)}},
			wire.Target{NoSchemaOutput: true},
			`"toolConfig":{"tools":[{"toolSpec":{"name":"` + longNames.Out(answerTool) + `","description":"Gives the answer. D","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"` + longNames.Out(answerTool) + `"}}}`, nil,
		},
		{
			"an answer by a tool beside others",
			llm.Request{Tools: []llm.Tool{f}, Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"object"}`)}},
			wire.Target{NoSchemaOutput: true},
			`"toolConfig":{"tools":[` + ftool + `,{"toolSpec":{"name":"` + longNames.Out(answerTool) + `","description":"Gives the answer.","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"any":{}}}`, nil,
		},
		{"an answer by a schema of no object", llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"array"}`)}}, wire.Target{NoSchemaOutput: true}, ``, []string{"json_schema"}},
		{"any JSON", llm.Request{Output: llm.OutputFormat{Kind: llm.OutputJSON}}, wire.Target{}, ``, []string{"json_object"}},

		{"thinking by the API's own field", llm.Request{Reasoning: effort(llm.EffortMinimal)}, wire.Target{}, `"outputConfig":{"effort":"low"}`, []string{"effort"}},
		{"thinking by a budget that the API has no field for", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: p(30_000)}}, control("effort", llm.EffortLow, llm.EffortHigh), `"outputConfig":{"effort":"high"}`, []string{"effort"}},
		{
			"thinking by a budget",
			llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: p(2000)}, MaxOutput: p(1500), Sampling: llm.Sampling{Temperature: p(0.5), TopP: p(0.99), TopK: p(3)}},
			control("budget"),
			`"inferenceConfig":{"maxTokens":3500,"topP":0.99},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`,
			[]string{"temperature", "top_k"},
		},
		{"a budget from a level", llm.Request{Reasoning: effort(llm.EffortLow)}, wire.Target{MaxOutput: 10_000, Reasoning: wire.ReasoningStyle{Control: "budget"}}, `"inferenceConfig":{"maxTokens":10000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`, nil},
		{"no room for a budget", llm.Request{Reasoning: effort(llm.EffortLow)}, wire.Target{MaxOutput: 1000, Reasoning: wire.ReasoningStyle{Control: "budget"}}, ``, []string{"reasoning"}},
		{"a budget and a demanded call", llm.Request{Reasoning: effort(llm.EffortLow), Tools: []llm.Tool{f}, ToolChoice: mode(llm.ToolRequired)}, control("budget"), `"toolConfig":{"tools":[` + ftool + `],"toolChoice":{"any":{}}}`, []string{"reasoning"}},
		{"a budget in a turn that began without", llm.Request{Messages: called, Tools: []llm.Tool{f}, Reasoning: effort(llm.EffortLow)}, control("budget"), `"toolConfig":{"tools":[` + ftool + `]}`, []string{"reasoning"}},
		{
			"adaptive thinking, shown",
			llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningAdaptive, Effort: llm.EffortMax, Summary: "auto"}},
			control("adaptive", llm.EffortLow, llm.EffortHigh),
			`"outputConfig":{"effort":"high"},"additionalModelRequestFields":{"thinking":{"type":"adaptive","display":"summarized"}}`,
			[]string{"effort"},
		},
		{"a level without thinking", llm.Request{Reasoning: llm.ReasoningConfig{Effort: llm.EffortLow}}, control("adaptive"), `"outputConfig":{"effort":"low"}`, nil},
		{"thinking by a switch with a level", llm.Request{Reasoning: effort(llm.EffortMedium)}, control("object"), `"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"medium"}}`, nil},
		{
			"its highest level, which takes no sampling",
			llm.Request{Reasoning: effort(llm.EffortMax), MaxOutput: p(5), Sampling: llm.Sampling{Temperature: p(0.1), TopP: p(0.99)}},
			control("object"),
			`"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}`,
			[]string{"effort", "max_tokens", "temperature", "top_p"},
		},
		{"no thinking", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, control("budget"), `"additionalModelRequestFields":{"thinking":{"type":"disabled"}}`, nil},
		{"no thinking by an object", llm.Request{Reasoning: effort(llm.EffortNone)}, control("object"), `"additionalModelRequestFields":{"reasoningConfig":{"type":"disabled"}}`, nil},
		{"no thinking by a level", llm.Request{Reasoning: effort(llm.EffortNone)}, control("effort", llm.EffortNone, llm.EffortLow), `"outputConfig":{"effort":"none"}`, nil},
		{"no thinking where it can't be said", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, wire.Target{}, ``, []string{"reasoning"}},
		{"no thinking of a model that always does", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, wire.Target{Reasoning: wire.ReasoningStyle{Control: "adaptive", CannotDisable: true}}, ``, []string{"reasoning"}},
		{"a model that can't be steered", llm.Request{Reasoning: effort(llm.EffortLow)}, control("none"), ``, []string{"reasoning"}},
		{"temperature and top_p of a thinker", llm.Request{Sampling: llm.Sampling{Temperature: p(0.5), TopP: p(0.9)}}, control("adaptive"), `"inferenceConfig":{"temperature":0.5}`, []string{"top_p"}},
		{
			"an answer by a schema of a model that can't be made to call",
			llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"type":"object"}`)}},
			wire.Target{NoSchemaOutput: true, Reject: []string{"toolConfig.toolChoice"}},
			``,
			[]string{"json_schema"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.in.Messages == nil {
				c.in.Messages = one
			}
			if c.t.Names == nil {
				c.t.Names = &wire.ToolNames{}
			}
			got, lost := encoded(t, &c.in, c.t)
			turns, system := hi, ""
			if len(c.in.Messages) > 1 {
				turns += `,` + calledText
			}
			if told := inWords[c.name]; told != "" {
				system = `"system":[{"text":"` + told + `"}],`
			}
			if c.want != "" {
				c.want = `,` + c.want
			}
			if d := cmp.Diff(`{`+system+`"messages":[`+turns+`]`+c.want+`}`, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.lost, lost); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCachePoints(t *testing.T) {
	t.Parallel()
	mark, hour := &llm.CacheMark{}, &llm.CacheMark{TTL: "1h"}
	const point, hourly = `{"cachePoint":{"type":"default"}}`, `{"cachePoint":{"type":"default","ttl":"1h"}}`
	marked := func(s string, m *llm.CacheMark) llm.Text { return llm.Text{Text: s, Cache: m} }
	full := &llm.Request{
		Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`), Cache: hour}},
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Parts: []llm.Part{marked("S", mark)}},
			user(marked("Hi", &llm.CacheMark{TTL: "5m"})),
			assistant(llm.ToolCall{ID: "t", Name: "f", Cache: mark}),
			results(llm.ToolResult{CallID: "t", Parts: []llm.Part{marked("x", mark)}}),
		},
	}
	for _, c := range []struct {
		name string
		in   *llm.Request
		t    wire.Target
		want string
		lost []string
	}{
		{
			"more than the API takes: the first and the last stay", full,
			wire.Target{},
			`{"system":[{"text":"S"}],"messages":[{"role":"user","content":[{"text":"Hi"},` + point + `]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}},` + point + `]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"x"}]}},` + point + `]}],"toolConfig":{"tools":[` + ftool + `,` + hourly + `]}}`,
			[]string{"cache_control"},
		},
		{
			"a model without caches", full,
			wire.Target{Reject: []string{"cachePoint"}},
			`{"system":[{"text":"S"}],"messages":[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"x"}]}}]}],"toolConfig":{"tools":[` + ftool + `]}}`,
			[]string{"cachePoint"},
		},
		{
			"lifetimes that the model has no word for", &llm.Request{Messages: []llm.Message{user(marked("Hi", hour))}},
			wire.Target{Reject: []string{"cachePoint.ttl"}},
			`{"messages":[{"role":"user","content":[{"text":"Hi"},` + point + `]}]}`,
			[]string{"cachePoint.ttl"},
		},
		{
			"the end of the conversation, once", &llm.Request{Cache: llm.CacheHints{Auto: hour}, Messages: []llm.Message{user(marked("Hi", mark))}},
			wire.Target{},
			`{"messages":[{"role":"user","content":[{"text":"Hi"},` + point + `]}]}`, nil,
		},
		{
			"a mark on what is left out", &llm.Request{Messages: []llm.Message{user(marked(" ", mark), say("Hi"))}},
			wire.Target{},
			`{"messages":[` + hi + `]}`, nil,
		},
		{
			"a mark left behind by a result that moved", &llm.Request{
				Tools: []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}},
				Messages: []llm.Message{
					user(say("Hi")), assistant(llm.ToolCall{ID: "t", Name: "f"}), user(say("wait")), assistant(say("ok")),
					results(llm.ToolResult{CallID: "t", Parts: []llm.Part{say("x")}, Cache: mark}),
				},
			},
			wire.Target{NoPrefill: true},
			`{"messages":[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"x"}]}},{"text":"wait"}]},` +
				`{"role":"assistant","content":[{"text":"ok"}]},{"role":"user","content":[{"text":"Go on from where you stopped."}]}],"toolConfig":{"tools":[` + ftool + `]}}`,
			[]string{"prefill"},
		},
		{
			"a model that takes no status of results", &llm.Request{
				Tools:    []llm.Tool{{Name: "f", Schema: []byte(`{"type":"object"}`)}},
				Messages: []llm.Message{user(say("Hi")), assistant(llm.ToolCall{ID: "t", Name: "f"}), results(llm.ToolResult{CallID: "t", IsError: true, Parts: []llm.Part{say("x")}})},
			},
			wire.Target{Reject: []string{"toolResult.status"}},
			`{"messages":[` + hi + `,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},` +
				`{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"The tool failed:"},{"text":"x"}]}}]}],"toolConfig":{"tools":[` + ftool + `]}}`,
			[]string{"toolResult.status"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, lost := encoded(t, c.in, c.t)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.lost, lost); d != "" {
				t.Error(d)
			}
		})
	}
}
