package gemini_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func user(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleUser, Parts: parts} }
func model(parts ...llm.Part) llm.Message {
	return llm.Message{Role: llm.RoleAssistant, Parts: parts}
}

func tool(id, text string) llm.Message {
	return llm.Message{Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: id, Parts: []llm.Part{llm.Text{Text: text}}}}}
}
func text(s string) llm.Part { return llm.Text{Text: s} }

func call(id, name, args string) llm.ToolCall {
	return llm.ToolCall{ID: id, Name: name, Arguments: args}
}

func signature(data string, at llm.Origin) *llm.Blob {
	return &llm.Blob{Kind: llm.BlobThought, Data: data, Origin: at}
}

// canonical makes two JSON texts comparable.
func canonical(t testing.TB, s string) string {
	t.Helper()
	v := jsontext.Value(s)
	if err := v.Canonicalize(); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	return string(v)
}

func encode(t testing.TB, q *llm.Request, tg wire.Target) (string, []string) {
	t.Helper()
	out, down, err := format.Encode(q, tg)
	if err != nil {
		t.Fatal(err)
	}
	var features []string
	for _, d := range down {
		features = append(features, d.Feature)
	}
	return string(out.Body), features
}

func contents(t testing.TB, tg wire.Target, messages ...llm.Message) string {
	t.Helper()
	out, err := format.EncodeConversation(&llm.Request{Messages: messages}, tg)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestEncodeWritesBackWhatDecodeRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		fullCamel,
		`{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}}`,
		`{"contents":[{"parts":[{"text":"x"},{"executableCode":{"code":"1"}}]}],"generationConfig":{"responseMimeType":"text/x.enum","responseJsonSchema":{"type":"string"},"thinkingConfig":{"thinkingLevel":"HIGH"}}}`,
		`{"contents":[{"parts":[{"text":"x"}]}],"generationConfig":{"responseMimeType":"application/json","speechConfig":{"a":1}},"serviceTier":"flex","unknown_field":[1]}`,
	} {
		q := decode(t, wholePath, "", body)
		written, down := encode(t, q, wire.Target{Model: "m"})
		if len(down) > 0 {
			t.Errorf("downgrades: %v", down)
		}
		if twice, _ := encode(t, q, wire.Target{Model: "m"}); twice != written {
			t.Error("the same request gave other bytes")
		}
		again := decode(t, wholePath, "", written)
		// Ids that were made for calls stay; so do all other words, in any order.
		slices.SortFunc(q.Extra, byName)
		slices.SortFunc(again.Extra, byName)
		for i := range q.Extra {
			q.Extra[i].Value = []byte(canonical(t, string(q.Extra[i].Value)))
		}
		for i := range again.Extra {
			again.Extra[i].Value = []byte(canonical(t, string(again.Extra[i].Value)))
		}
		want := *q
		want.Messages = withoutUnsigned(q.Messages)
		if len(want.Output.Modalities) == 1 {
			want.Output.Modalities = nil // text alone is what is given anyway
		}
		if diff := cmp.Diff(&want, again); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, written)
		}
	}
}

// withoutUnsigned leaves out thoughts that don't go back, and puts results in the
// order of their calls.
func withoutUnsigned(in []llm.Message) (out []llm.Message) {
	for _, m := range in {
		m.Parts = slices.DeleteFunc(slices.Clone(m.Parts), func(p llm.Part) bool { _, ok := p.(llm.Reasoning); return ok })
		slices.SortStableFunc(m.Parts, func(a, b llm.Part) int {
			x, _ := a.(llm.ToolResult)
			y, _ := b.(llm.ToolResult)
			return strings.Compare(x.CallID, y.CallID)
		})
		out = append(out, m)
	}
	return out
}

func byName(a, b llm.Field) int { return strings.Compare(a.Name, b.Name) }

func TestStreamAndModelStandInThePath(t *testing.T) {
	t.Parallel()
	q := &llm.Request{Messages: []llm.Message{user(text("x"))}}
	out, _, err := format.Encode(q, wire.Target{Model: "a/b", Stream: true})
	if err != nil || out.Path != "/models/a%2Fb:streamGenerateContent" || out.Query.Encode() != "alt=sse" || strings.Contains(string(out.Body), "a/b") {
		t.Errorf("%+v, %v", out, err)
	}
	if out, _, err = format.Encode(q, wire.Target{Model: "m"}); err != nil || out.Path != "/models/m:generateContent" || out.Query != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestConversations(t *testing.T) {
	t.Parallel()
	level := wire.Target{Model: "m", Origin: origin, Reasoning: wire.ReasoningStyle{Control: "level", Replay: "tools"}}
	image := llm.Media{MIME: "image/png", Data: "aGk="}
	for _, test := range []struct {
		name     string
		t        wire.Target
		messages []llm.Message
		want     string
	}{
		{
			"results of a step stand together in call order",
			target,
			[]llm.Message{
				user(text("q")), model(call("1", "f", ""), call("2", "g", `{"a":1}`)),
				tool("2", "two"), tool("1", `{"n":1}`), user(text("and?")),
			},
			`[{"role":"user","parts":[{"text":"q"}]},
			  {"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}},{"functionCall":{"id":"2","name":"g","args":{"a":1}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"n":1}}},{"functionResponse":{"id":"2","name":"g","response":{"output":"two"}}}]},
			  {"role":"user","parts":[{"text":"and?"}]}]`,
		},
		{
			"a call without result gets one, a result without call becomes text",
			target,
			[]llm.Message{user(text("q")), model(call("1", "f", "")), tool("9", "lost"), model(text("hm"))},
			`[{"role":"user","parts":[{"text":"q"}]},
			  {"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"error":"no result"}}}]},
			  {"role":"user","parts":[{"text":"Result of : lost"}]},
			  {"role":"model","parts":[{"text":"hm"}]}]`,
		},
		{
			"neighbours of one role are joined, and system text between them keeps its place",
			target,
			[]llm.Message{
				user(text("a")), user(text("b")),
				{Role: llm.RoleDeveloper, Parts: []llm.Part{text("c")}},
				model(text("d")), model(text("e")),
			},
			`[{"role":"user","parts":[{"text":"a"},{"text":"b"},{"text":"<system>\nc\n</system>"}]},{"role":"model","parts":[{"text":"d"},{"text":"e"}]}]`,
		},
		{
			"signatures go to their maker alone",
			target,
			[]llm.Message{
				user(text("q")),
				model(llm.Text{Text: "x", Blob: signature("mine", origin)}, llm.Text{Text: "y", Blob: signature("foreign", llm.Origin{Provider: "o"})}, llm.Text{Blob: signature("mine too", origin)}),
			},
			`[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"x","thoughtSignature":"mine"},{"text":"y"},{"text":"","thoughtSignature":"mine too"}]}]`,
		},
		{
			"the first call of each step is marked when it isn't signed",
			level,
			[]llm.Message{
				user(text("old")), model(call("0", "f", "")), tool("0", "x"), model(text("done")),
				user(text("new")),
				model(llm.ToolCall{ID: "1", Name: "f", Blob: signature("s", origin)}, call("2", "f", "")), tool("1", "a"), tool("2", "b"),
				model(llm.ToolCall{ID: "3", Name: "f", Blob: signature("s", llm.Origin{Provider: "o"})}, call("4", "f", "")), tool("3", "c"), tool("4", "d"),
			},
			`[{"role":"user","parts":[{"text":"old"}]},
			  {"role":"model","parts":[{"functionCall":{"id":"0","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"0","name":"f","response":{"output":"x"}}}]},
			  {"role":"model","parts":[{"text":"done"}]},
			  {"role":"user","parts":[{"text":"new"}]},
			  {"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"s"},{"functionCall":{"id":"2","name":"f","args":{}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"a"}}},{"functionResponse":{"id":"2","name":"f","response":{"output":"b"}}}]},
			  {"role":"model","parts":[{"functionCall":{"id":"3","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"4","name":"f","args":{}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"3","name":"f","response":{"output":"c"}}},{"functionResponse":{"id":"4","name":"f","response":{"output":"d"}}}]}]`,
		},
		{
			"signed thoughts go back in turns with calls, others don't",
			level,
			[]llm.Message{
				user(text("q")),
				model(llm.Reasoning{Text: "t1", Blob: signature("s", origin)}, text("x")),
				user(text("r")),
				model(llm.Reasoning{Text: "t2", Blob: signature("s", origin)}, llm.Reasoning{Text: "t3"}, llm.ToolCall{ID: "1", Name: "f", Blob: signature("c", origin)}), tool("1", "a"),
			},
			`[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"x"}]},{"role":"user","parts":[{"text":"r"}]},
			  {"role":"model","parts":[{"text":"t2","thought":true,"thoughtSignature":"s"},{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"c"}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"a"}}}]}]`,
		},
		{
			"an image in a result stands inside it",
			level,
			[]llm.Message{user(text("q")), model(llm.ToolCall{ID: "1", Name: "f", Blob: signature("c", origin)}), {Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "1", Parts: []llm.Part{text("see"), image}}}}},
			`[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}},"thoughtSignature":"c"}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"see"},"parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}}]}]`,
		},
		{
			"or after it, where the model is of the older kind",
			target,
			[]llm.Message{user(text("q")), model(call("1", "f", "")), {Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "1", Parts: []llm.Part{image}, IsError: true}}}},
			`[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"error":""}}}]},
			  {"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}]`,
		},
		{
			"a result with references in it is text",
			target,
			[]llm.Message{user(text("q")), model(llm.ToolCall{ID: "1", Name: "f", Arguments: "free", Custom: true}, call("2", "g", `{"a":1,"a":2}`)), tool("1", `{"$ref":"#/x"}`), tool("2", `{"a":1,"a":2}`)},
			`[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"input":"free"}}},{"functionCall":{"id":"2","name":"g","args":{"input":"{\"a\":1,\"a\":2}"}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"{\"$ref\":\"#/x\"}"}}},{"functionResponse":{"id":"2","name":"g","response":{"output":"{\"a\":1,\"a\":2}"}}}]}]`,
		},
		{
			"calls follow a turn of the user's",
			target,
			[]llm.Message{model(call("1", "f", "")), tool("1", "x")},
			`[{"role":"user","parts":[{"text":"(the conversation goes on)"}]},{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{}}}]},
			  {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{"output":"x"}}}]}]`,
		},
	} {
		if diff := cmp.Diff(canonical(t, test.want), canonical(t, contents(t, test.t, test.messages...))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSystemText(t *testing.T) {
	t.Parallel()
	system := llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{text("be brief")}}
	body, _ := encode(t, &llm.Request{Messages: []llm.Message{system, user(text("x"))}}, target)
	if want := `{"contents":[{"parts":[{"text":"x"}],"role":"user"}],"systemInstruction":{"parts":[{"text":"be brief"}]}}`; body != want {
		t.Errorf("got %s", body)
	}
	body, _ = encode(t, &llm.Request{Messages: []llm.Message{system}}, target)
	if want := `{"contents":[{"parts":[{"text":"be brief"}],"role":"user"}]}`; body != want {
		t.Errorf("alone: got %s", body)
	}
	if got := contents(t, target, system, user(text("x"))); got != `[{"parts":[{"text":"x"}],"role":"user"}]` {
		t.Errorf("contents alone: %s", got)
	}
}

func TestFieldsOfTheRequest(t *testing.T) {
	t.Parallel()
	budget := wire.ReasoningStyle{Control: "budget", MinBudget: 128, MaxBudget: 2000}
	pro := wire.ReasoningStyle{Control: "budget", MinBudget: 128, MaxBudget: 2000, CannotDisable: true}
	level := wire.ReasoningStyle{Control: "level", Efforts: []llm.Effort{llm.EffortLow, llm.EffortHigh}}
	tools := []llm.Tool{{Name: "f"}, {Name: "g.h"}}
	strict := []llm.Tool{{Name: "f", Strict: p(true)}}
	for _, test := range []struct {
		name string
		q    llm.Request
		t    wire.Target
		want string // the fields beside contents
		down []string
	}{
		{"budget of an effort", llm.Request{MaxOutput: p(4000), Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortMedium}}, wire.Target{Reasoning: budget}, `{"generationConfig":{"maxOutputTokens":4000,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":2000}}}`, nil},
		{"dynamic budget", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningAdaptive, Summary: "omitted"}}, wire.Target{Reasoning: budget}, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}}`, nil},
		{"no thinking", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, wire.Target{Reasoning: budget}, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}`, nil},
		{"no thinking where that can't be", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, wire.Target{Reasoning: pro}, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":128}}}`, []string{"reasoning_off"}},
		{"level", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortXHigh, Summary: "omitted"}}, wire.Target{Reasoning: level}, `{"generationConfig":{"thinkingConfig":{"thinkingLevel":"HIGH"}}}`, nil},
		{"level of a budget", llm.Request{MaxOutput: p(10000), Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: p(1000), Summary: "omitted"}}, wire.Target{Reasoning: level}, `{"generationConfig":{"maxOutputTokens":10000,"thinkingConfig":{"thinkingLevel":"LOW"}}}`, nil},
		{"lowest level", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOff}}, wire.Target{Reasoning: level}, `{"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}}`, []string{"reasoning_off"}},
		{"no control", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Effort: llm.EffortLow}}, wire.Target{Reasoning: wire.ReasoningStyle{Control: "none"}}, `{}`, []string{"reasoning"}},
		{"as said where nothing is known", llm.Request{Reasoning: llm.ReasoningConfig{Mode: llm.ReasoningOn, Budget: p(7), Summary: "omitted"}}, wire.Target{}, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":7}}}`, nil},

		{"tools", llm.Request{Tools: tools}, wire.Target{Names: &wire.ToolNames{}}, `{"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g_h_` + hashOf("g.h") + `"}]}]}`, nil},
		{"one tool", llm.Request{Tools: tools[:1], ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"f"}}}, wire.Target{}, `{"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`, nil},
		{"some tools", llm.Request{Tools: tools[:1], ToolChoice: llm.ToolChoice{Mode: llm.ToolAllowed, Names: []string{"f"}}}, wire.Target{}, `{"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f"]}}}`, nil},
		{"strict tools", llm.Request{Tools: strict}, wire.Target{}, `{"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"}}}`, nil},
		{"no tools", llm.Request{Tools: tools, ToolChoice: llm.ToolChoice{Mode: llm.ToolAuto}}, wire.Target{NoTools: true}, `{}`, []string{"tools"}},
		{"a tool of text", llm.Request{Tools: []llm.Tool{{Kind: llm.ToolCustom, Name: "c", Grammar: []byte("{}")}}}, wire.Target{}, `{"tools":[{"functionDeclarations":[{"name":"c_text_52a9c70c","description":"The input must keep this grammar: {}","parametersJsonSchema":{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}}]}]}`, []string{"grammar"}},
		{"vendors' tools", llm.Request{Tools: []llm.Tool{{Kind: llm.ToolBuiltin, Name: "googleSearch", Format: llm.FormatGemini, Raw: []byte(`{"googleSearch":{}}`)}, {Kind: llm.ToolBuiltin, Name: "bash", Format: llm.FormatMessages}}}, wire.Target{}, `{"tools":[{"googleSearch":{}}]}`, []string{"tool:bash"}},

		{"schema", llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"const":"a"}`)}}, wire.Target{}, `{"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"string","enum":["a"]}}}`, nil},
		{"schema in words", llm.Request{Output: llm.OutputFormat{Kind: llm.OutputSchema, Schema: []byte(`{"const":"a"}`)}}, wire.Target{NoSchemaOutput: true}, `{"systemInstruction":{"parts":[{"text":"Answer with one JSON value that fits this JSON Schema, and nothing else:\n{\"const\":\"a\"}"}]},"generationConfig":{"responseMimeType":"application/json"}}`, []string{"json_schema"}},

		{"cap", llm.Request{MaxOutput: p(9)}, wire.Target{MaxOutput: 5}, `{"generationConfig":{"maxOutputTokens":5}}`, []string{"max_tokens"}},
		{"refused fields", llm.Request{Sampling: llm.Sampling{TopK: p(1), Seed: p(int64(2)), TopP: p(0.5)}}, wire.Target{Reject: []string{"topK", "generationConfig.seed", "cachedContent"}}, `{"generationConfig":{"topP":0.5}}`, []string{"topK", "generationConfig.seed"}},
		{"renamed and set fields", llm.Request{MaxOutput: p(3)}, wire.Target{Rename: map[string]string{"maxOutputTokens": "cap"}, Set: map[string]any{"generationConfig": map[string]any{"a": 1}, "b.c": true}}, `{"generationConfig":{"cap":3,"a":1},"b":{"c":true}}`, nil},
		{"fields of others", llm.Request{Extra: []llm.Field{{Format: llm.FormatChat, Name: "modalities"}, {Format: llm.FormatChat, Name: "\x00x"}}}, wire.Target{}, `{}`, []string{"modalities"}},
		{"what has no word", llm.Request{EndUser: "u", Sampling: llm.Sampling{LogitBias: []byte(`{}`)}, Tools: tools[:1], ParallelTools: p(false), ServiceTier: "scale"}, wire.Target{}, `{"tools":[{"functionDeclarations":[{"name":"f"}]}]}`, []string{"service_tier", "parallel_tool_calls", "logit_bias", "user"}},
		{"a tier", llm.Request{ServiceTier: "standard_only"}, wire.Target{}, `{"serviceTier":"standard"}`, nil},
	} {
		test.q.Messages = []llm.Message{user(text("x"))}
		body, down := encode(t, &test.q, test.t)
		want := `{"contents":[{"parts":[{"text":"x"}],"role":"user"}]` + strings.Replace(","+test.want[1:], ",}", "}", 1)
		if diff := cmp.Diff(canonical(t, want), canonical(t, body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.down, down); diff != "" {
			t.Errorf("%s: downgrades (-want +got):\n%s", test.name, diff)
		}
	}
}

// hashOf is what tells a shortened tool name from others.
func hashOf(name string) string {
	sent := (&wire.ToolNames{}).Out(name)
	return sent[strings.LastIndexByte(sent, '_')+1:]
}

func TestWhatWouldChangeTheMeaningIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		q llm.Request
		t wire.Target
	}{
		"image":        {llm.Request{Messages: []llm.Message{user(llm.Media{Data: "aGk="})}}, wire.Target{NoVision: true}},
		"document":     {llm.Request{Messages: []llm.Message{user(llm.Media{Kind: llm.MediaDocument, Data: "aGk="})}}, wire.Target{NoPDF: true}},
		"audio":        {llm.Request{Messages: []llm.Message{user(llm.Media{Kind: llm.MediaAudio, Data: "aGk="})}}, wire.Target{NoAudio: true}},
		"foreign file": {llm.Request{Messages: []llm.Message{user(llm.Media{FileID: "file-1", Format: llm.FormatChat})}}, wire.Target{}},
		"tool call":    {llm.Request{Messages: []llm.Message{user(text("x"))}, Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}}, wire.Target{NoTools: true}},
		"nothing":      {llm.Request{Messages: []llm.Message{user(text(""))}}, wire.Target{}},
	} {
		_, _, err := format.Encode(&test.q, test.t)
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.KindBadRequest || e.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrefillIsLeftOutWhereItIsRefused(t *testing.T) {
	t.Parallel()
	body, down := encode(t, &llm.Request{Messages: []llm.Message{user(text("x")), model(text("Once"))}}, wire.Target{NoPrefill: true})
	if strings.Contains(body, "Once") || !slices.Equal(down, []string{"prefill"}) {
		t.Errorf("%s %v", body, down)
	}
}

// However much is cited, of however long a text, an answer stays in proportion to it.
func TestCitationsDontMultiplyTheAnswer(t *testing.T) {
	t.Parallel()
	said := llm.Text{Text: strings.Repeat("words ", 20_000), Citations: slices.Repeat([]llm.Citation{{URL: "https://x"}}, 5000)}
	out, err := format.EncodeAnswer(&llm.Answer{Choices: []llm.Choice{{Parts: []llm.Part{said}}}}, wire.Caller{})
	if err != nil || len(out) > 3*len(said.Text) {
		t.Errorf("%d bytes of %d: %v", len(out), len(said.Text), err)
	}
	if n := bytes.Count(out, []byte("groundingChunkIndices")); n != 1000 {
		t.Errorf("%d citations", n)
	}
}
