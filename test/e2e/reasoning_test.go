package e2e

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestReasoningSurvivesClientsThatDropIt plays an agent's loop as a Chat client
// does, which has no place for signed reasoning: the simulated providers refuse
// a tool turn whose reasoning is missing, altered or another model's.
func TestReasoningSurvivesClientsThatDropIt(t *testing.T) {
	l := newLab(t)
	// What must be replayed depends on the family, so the names are of families.
	for _, family := range []string{"chat/gpt-5.4-mini", "messages/claude-sonnet-4-5", "responses/gpt-5.4", "gemini/gemini-3-pro", "deepseek/deepseek-v4-pro"} {
		for _, more := range []string{"", `"stream":true,`} {
			model := family + "-sim-think-tools3-par2"
			messages := []any{map[string]any{"role": "user", "content": "find it out, " + model + more}}
			steps := 0
			for range 6 {
				list, err := json.Marshal(messages)
				if err != nil {
					t.Fatal(err)
				}
				body := `{"model":"` + model + `",` + more + `"reasoning_effort":"high","max_completion_tokens":4000,"messages":` + string(list) +
					`,"tools":[{"type":"function","function":{"name":"look_up","description":"d","parameters":{"type":"object","properties":{"what":{"type":"string"}},"required":["what"]}}}]}`
				status, answer, err := l.post(t, "/v1/chat/completions", body)
				if status != 200 || err != nil {
					t.Errorf("%s, step %d: %d %v %s", model, steps, status, err, answer)
					break
				}
				text, calls := readChat(t, answer, more != "")
				if len(calls) == 0 {
					if text == "" {
						t.Errorf("%s: neither text nor calls: %s", model, answer)
					}
					break
				}
				steps++
				messages = append(messages, map[string]any{"role": "assistant", "content": nil, "tool_calls": calls})
				for _, c := range calls {
					messages = append(messages, map[string]any{"role": "tool", "tool_call_id": c["id"], "content": "found"})
				}
			}
			if steps != 3 {
				t.Errorf("%s %s: %d steps with tools, want 3", model, more, steps)
			}
		}
	}
}

type chatCall struct {
	Index    int    `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type chatMessage struct {
	Content   string     `json:"content"`
	ToolCalls []chatCall `json:"tool_calls"`
}

// readChat reads a Chat answer as a client that knows nothing of reasoning.
func readChat(t *testing.T, answer string, stream bool) (text string, calls []map[string]any) {
	t.Helper()
	var joined []chatCall
	add := func(doc string) {
		var in struct {
			Choices []struct {
				Message, Delta chatMessage
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(doc), &in, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatalf("%v in %s", err, doc)
		}
		for _, c := range in.Choices {
			text += c.Message.Content + c.Delta.Content
			joined = append(joined, c.Message.ToolCalls...)
			for _, d := range c.Delta.ToolCalls {
				if d.Index == len(joined) {
					joined = append(joined, chatCall{})
				}
				j := &joined[d.Index]
				j.ID += d.ID
				j.Function.Name += d.Function.Name
				j.Function.Arguments += d.Function.Arguments
			}
		}
	}
	if !stream {
		add(answer)
	} else {
		for line := range strings.Lines(answer) {
			if data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && data != "[DONE]" {
				add(data)
			}
		}
	}
	for _, c := range joined {
		calls = append(calls, map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Function.Name, "arguments": c.Function.Arguments}})
	}
	return text, calls
}
