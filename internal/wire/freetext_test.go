package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Models that know functions alone are given a free-text tool as one. Whoever
// offered it gets its calls back as such, and may send them again.
func TestFreeTextToolsGoThereAndBack(t *testing.T) {
	t.Parallel()
	const said = "*** \"x\"\n"
	call := llm.ToolCall{ID: "c1", Name: "apply.patch", Arguments: said, Custom: true}
	q := &llm.Request{
		Messages: []llm.Message{
			{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "a"}}},
			{Role: llm.RoleAssistant, Parts: []llm.Part{call}},
			{Role: llm.RoleTool, Parts: []llm.Part{llm.ToolResult{CallID: "c1", Name: "apply.patch", Custom: true, Parts: []llm.Part{llm.Text{Text: "done"}}}}},
		},
		Tools:      []llm.Tool{{Kind: llm.ToolCustom, Name: "apply.patch", Grammar: []byte(`{"type":"grammar"}`)}},
		ToolChoice: llm.ToolChoice{Mode: llm.ToolOne, Names: []string{"apply.patch"}},
	}
	arguments := wire.FreeTextArguments(said)
	quoted := string(scan.Quote(arguments))
	for i, answers := range [][2]string{
		{ // Chat Completions
			`{"id":"1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c2","type":"function","function":{"name":"NAME","arguments":` + quoted + `}}]},"finish_reason":"tool_calls"}]}`,
			`data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"id":"c2","type":"function","function":{"name":"NAME","arguments":""}}]}}]}` + "\n\n" +
				`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":` + quoted[:9] + `"}}]}}]}` + "\n\n" +
				`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"` + quoted[9:] + `}}]}}]}` + "\n\n" +
				`data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n",
		},
		{ // Messages
			`{"type":"message","id":"1","content":[{"type":"tool_use","id":"c2","name":"NAME","input":` + arguments + `}],"stop_reason":"tool_use","usage":{}}`,
			`data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"c2","name":"NAME","input":{}}}` + "\n\n" +
				`data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":` + quoted + `}}` + "\n\n" +
				`data: {"type":"content_block_stop","index":0}` + "\n\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"tool_use"}}` + "\n\n" + `data: {"type":"message_stop"}` + "\n\n",
		},
		{ // Gemini
			`{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c2","name":"NAME","args":` + arguments + `}}]},"finishReason":"STOP"}]}`,
			`data: {"candidates":[{"content":{"parts":[{"functionCall":{"id":"c2","name":"NAME","args":` + arguments + `}}]},"finishReason":"STOP"}]}` + "\n\n",
		},
	} {
		f := formats[i]
		target := wire.Target{Model: "m", Names: &wire.ToolNames{}, NoFreeText: true}
		out, downgrades, err := f.Encode(q, target)
		if err != nil || len(downgrades) != 1 || downgrades[0].Feature != "grammar" {
			t.Fatalf("%s: %v, %v", f.Name(), downgrades, err)
		}
		sent := target.Names.OutFreeText("apply.patch")
		if n := strings.Count(string(out.Body), `"`+sent+`"`); n < 3 || strings.Contains(string(out.Body), `"custom"`) || strings.Contains(string(out.Body), "apply.patch") {
			t.Errorf("%s: the tool, the choice and the call don't go by one name: %s", f.Name(), out.Body)
		}
		want := []llm.Part{llm.ToolCall{ID: "c2", Name: "apply.patch", Arguments: said, Custom: true}}
		whole, err := f.DecodeAnswer([]byte(strings.ReplaceAll(answers[0], "NAME", sent)), target)
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		if d := cmp.Diff(want, whole.Choices[0].Parts); d != "" {
			t.Errorf("%s, whole: %s", f.Name(), d)
		}
		streamed, err := llm.Collect(f.DecodeStream(strings.NewReader(strings.ReplaceAll(answers[1], "NAME", sent)), target))
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		if d := cmp.Diff(want, streamed.Choices[0].Parts); d != "" || streamed.Choices[0].Finish.Reason != llm.FinishToolCalls {
			t.Errorf("%s, streamed: %s", f.Name(), d)
		}
	}
}
