package wire_test

import (
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/converse"
)

// A call that a server left without an id is given one of its own, and one without
// a name, which nobody could run, is left out.
func TestEveryCallHasAnIDAndAName(t *testing.T) {
	t.Parallel()
	stream := func(f int, events ...string) (*llm.Answer, error) {
		return llm.Collect(formats[f].DecodeStream(strings.NewReader("data: "+strings.Join(events, "\n\ndata: ")+"\n\n"), asked))
	}
	for name, read := range map[string]func() (*llm.Answer, error){
		"chat": func() (*llm.Answer, error) {
			return formats[0].DecodeAnswer([]byte(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"f"}},{"id":"a","function":{"arguments":"{}"}},{"function":{"name":"f"}}],"function_call":{}}}]}`), asked)
		},
		"chat, streamed": func() (*llm.Answer, error) {
			return stream(0, `{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f"}},{"index":1,"id":"a","function":{"arguments":"{}"}},{"index":2,"function":{"name":"f"}}]},"finish_reason":"tool_calls"}]}`, `[DONE]`)
		},
		"messages": func() (*llm.Answer, error) {
			return formats[1].DecodeAnswer([]byte(`{"content":[{"type":"tool_use","name":"f"},{"type":"tool_use","id":"a"},{"type":"tool_use","name":"f"}],"stop_reason":"tool_use"}`), asked)
		},
		"messages, streamed": func() (*llm.Answer, error) {
			return stream(1, `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"f"}}`,
				`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a"}}`, `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}`,
				`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","name":"f"}}`,
				`{"type":"message_delta","delta":{"stop_reason":"tool_use"}}`, `{"type":"message_stop"}`)
		},
		"converse": func() (*llm.Answer, error) {
			return converse.Format{}.DecodeAnswer([]byte(`{"output":{"message":{"content":[{"toolUse":{"name":"f"}},{"toolUse":{"toolUseId":"a"}},{"toolUse":{"name":"f"}}]}},"stopReason":"tool_use"}`), asked)
		},
	} {
		a, err := read()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		ids := map[string]bool{"": true}
		for _, p := range a.Choices[0].Parts {
			if c, ok := p.(llm.ToolCall); !ok || c.Name != "f" || ids[c.ID] {
				t.Errorf("%s: %#v", name, p)
			} else {
				ids[c.ID] = true
			}
		}
		if len(ids) != 3 {
			t.Errorf("%s: %d calls, want 2", name, len(ids)-1)
		}
	}
}
