package sim

import (
	"net/http"
	"strings"
	"testing"
)

const (
	chatTool = `{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}`
	chatUser = `{"role":"user","content":"Hello there"}`
)

// chatReply is what tests look at in an answer or a chunk.
type chatReply struct {
	Object  string `json:"object"`
	Choices []struct {
		Message      chatMessage `json:"message"`
		Delta        chatMessage `json:"delta"`
		FinishReason string      `json:"finish_reason"`
	} `json:"choices"`
	Usage *chatUsage `json:"usage"`
}

func TestChatAnswers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var a, b chatReply
	body := `{"model":"sim-n4-b10-cached50","messages":[` + chatUser + `]}`
	c.ok("/openai/v1/chat/completions", body, &a)
	c.ok("/v1/chat/completions", body, &b)
	text := *a.Choices[0].Message.Content
	if n := len(text); n < 37 || n > 40 || text != *b.Choices[0].Message.Content {
		t.Errorf("got %q and %q, want the same 37 to 40 bytes twice", text, *b.Choices[0].Message.Content)
	}
	if u := a.Usage; u.PromptTokens != 3 || u.PromptDetails.Cached != 1 || u.TotalTokens != 3+u.CompletionTokens || u.CompletionTokens != tokens(len(text)) {
		t.Errorf("got usage %+v", u)
	}
}

// streamed joins the chunks of a chat stream.
func streamed(t *testing.T, body string) (text, reasoning, args, finish string, usage []*chatUsage, done bool) {
	t.Helper()
	for _, data := range events(body) {
		if data == "[DONE]" {
			done = true
			continue
		}
		var chunk chatReply
		read(t, data, &chunk)
		if chunk.Usage != nil {
			usage = append(usage, chunk.Usage)
		}
		for _, choice := range chunk.Choices {
			if p := choice.Delta.Content; p != nil {
				text += *p
			}
			if p := choice.Delta.ReasoningContent; p != nil {
				reasoning += *p
			}
			for _, call := range choice.Delta.ToolCalls {
				args += call.Function.Arguments
			}
			finish += choice.FinishReason
		}
	}
	return text, reasoning, args, finish, usage, done
}

func TestChatStreamSaysTheSame(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, model := range []string{"sim-n50-b7", "gpt-4o", "sim-think-json", "sim-n3-b1"} {
		head := `{"model":"` + model + `","messages":[` + chatUser + `]`
		var whole chatReply
		c.ok("/v1/chat/completions", head+"}", &whole)
		got := c.post("/v1/chat/completions", head+`,"stream":true,"stream_options":{"include_usage":true}}`)
		text, reasoning, _, finish, usage, done := streamed(t, got.body)
		if text != *whole.Choices[0].Message.Content || finish != "stop" || !done || len(usage) != 1 || string(encode(usage[0])) != string(encode(whole.Usage)) {
			t.Errorf("%s: got %q, finish %q, usage %v, done %v; want as %+v", model, text, finish, usage, done, whole)
		}
		if p := whole.Choices[0].Message.ReasoningContent; p != nil && *p != reasoning {
			t.Errorf("%s: got reasoning %q, want %q", model, reasoning, *p)
		}
	}
}

func TestChatUsageInStreams(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	body := `{"model":"sim","stream":true,"messages":[` + chatUser + `]}`
	for path, want := range map[string]int{
		"/openai/v1/chat/completions": 0, "/deepseek/chat/completions": 1, "/openrouter/api/v1/chat/completions": 1, "/ollama/v1/chat/completions": 0,
	} {
		_, _, _, finish, usage, done := streamed(t, c.post(path, body).body)
		if len(usage) != want || finish != "stop" || !done {
			t.Errorf("%s: got %d usages, want %d; finish %q, done %v", path, len(usage), want, finish, done)
		}
	}
}

func TestChatToolsGoOnOverTurns(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	history := chatUser
	for round := range 3 {
		body := `{"model":"sim-tools2-par2","tools":[` + chatTool + `],"messages":[` + history + `]}`
		var a chatReply
		c.ok("/openai/v1/chat/completions", body, &a)
		_, _, args, finish, _, _ := streamed(t, c.post("/openai/v1/chat/completions", strings.Replace(body, "{", `{"stream":true,`, 1)).body)
		m := a.Choices[0].Message
		if finish != a.Choices[0].FinishReason {
			t.Errorf("round %d: stream finished with %q, answer with %q", round, finish, a.Choices[0].FinishReason)
		}
		if round == 2 {
			if finish != "stop" || len(m.ToolCalls) > 0 {
				t.Errorf("got %+v after two rounds, want text", a)
			}
			return
		}
		if finish != "tool_calls" || len(m.ToolCalls) != 2 || m.ToolCalls[0].ID == m.ToolCalls[1].ID {
			t.Fatalf("got %+v, want two calls", a)
		}
		if want := m.ToolCalls[0].Function.Arguments + m.ToolCalls[1].Function.Arguments; args != want {
			t.Errorf("got arguments %q in the stream, want %q", args, want)
		}
		history += `,` + string(encode(map[string]any{"role": "assistant", "tool_calls": m.ToolCalls}))
		for _, call := range m.ToolCalls {
			history += `,{"role":"tool","tool_call_id":"` + call.ID + `","content":"sunny"}`
		}
	}
}

func TestChatRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	with := func(rest string) string { return `{"model":"sim","messages":[` + chatUser + `]` + rest + `}` }
	turns := func(messages string) string { return `{"model":"sim","messages":[` + messages + `]}` }
	call := func(id string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"weather","arguments":"{}"}}`
	}
	c.refuses("/openai/v1/chat/completions", []refused{
		{"no JSON", `{"model":`, "parse the JSON"},
		{"twice the same field", `{"model":"sim","model":"sim","messages":[` + chatUser + `]}`, "duplicate"},
		{"no object", `[]`, "must be an object"},
		{"no model", `{"messages":[` + chatUser + `]}`, "Missing required parameter: 'model'"},
		{"no messages", `{"model":"sim"}`, "Missing required parameter: 'messages'"},
		{"empty messages", turns(""), "empty_array"},
		{"unknown field", with(`,"top_k":3`), "Unknown parameter: 'top_k'"},
		{"wrong type", with(`,"temperature":"hot"`), "expected a number, but got a string"},
		{"out of range", with(`,"temperature":3`), "above_max_value"},
		{"unknown role", turns(`{"role":"model","content":"x"}`), "Supported values are"},
		{"field of another vendor", turns(`{"role":"user","content":[{"type":"text","text":"x","cache_control":{}}]}`), "messages[0].content[0].cache_control"},
		{"tool result without call", turns(chatUser + `,{"role":"tool","tool_call_id":"a","content":"x"}`), "must be a response to a"},
		{"call without result", turns(chatUser + `,{"role":"assistant","tool_calls":[` + call("a") + `]},` + chatUser), "did not have response messages: a"},
		{"user between call and result", turns(chatUser + `,{"role":"assistant","tool_calls":[` + call("a") + `]},` + chatUser + `,{"role":"tool","tool_call_id":"a","content":"x"}`), "did not have response"},
		{"duplicate ids", turns(chatUser + `,{"role":"assistant","tool_calls":[` + call("a") + "," + call("a") + `]},{"role":"tool","tool_call_id":"a","content":"x"}`), "Duplicate value"},
		{"long id", turns(chatUser + `,{"role":"assistant","tool_calls":[` + call(strings.Repeat("a", 41)) + `]}`), "maximum length 40"},
		{"arguments as an object", turns(`{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{}}}]}`), "expected a string"},
		{"null content", turns(`{"role":"assistant","content":null}`), "got null"},
		{"empty tools", with(`,"tools":[]`), "empty array"},
		{"bad tool name", with(`,"tools":[{"type":"function","function":{"name":"a.b"}}]`), "does not match pattern"},
		{"flat tool", with(`,"tools":[{"type":"function","name":"f"}]`), "Unknown parameter: 'tools[0].name'"},
		{"schema of no object", with(`,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"string"}}}]`), "invalid_function_parameters"},
		{"open strict schema", with(`,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{}}}}]`), "additionalProperties"},
		{"choice without tools", with(`,"tool_choice":"auto"`), "only allowed when 'tools'"},
		{"choice of another tool", with(`,"tools":[` + chatTool + `],"tool_choice":{"type":"function","function":{"name":"f"}}`), "not found in 'tools'"},
		{"parallel without tools", with(`,"parallel_tool_calls":false`), "only allowed when 'tools'"},
		{"stream options without stream", with(`,"stream_options":{"include_usage":true}`), "only allowed when 'stream'"},
		{"five stops", with(`,"stop":["a","b","c","d","e"]`), "array too long"},
		{"JSON mode without the word", with(`,"response_format":{"type":"json_object"}`), "must contain the word 'json'"},
		{"schema without a name", with(`,"response_format":{"type":"json_schema","json_schema":{"schema":{}}}`), "json_schema.name"},
		{"max_tokens to a reasoning model", `{"model":"gpt-5.4-mini","max_tokens":5,"messages":[` + chatUser + `]}`, "Use 'max_completion_tokens' instead"},
		{"temperature to a reasoning model", `{"model":"gpt-5-mini-sim","temperature":0.5,"messages":[` + chatUser + `]}`, "Only the default (1)"},
		{"image at no address", turns(`{"role":"user","content":[{"type":"image_url","image_url":{"url":"aGk="}}]}`), "valid URL"},
	})
	c.refuses("/deepseek/chat/completions", []refused{
		{
			"reasoning forgotten", `{"model":"sim-think","messages":[` + chatUser + `,{"role":"assistant","tool_calls":[` + call("a") + `]},{"role":"tool","tool_call_id":"a","content":"x"}]}`,
			"must be passed back",
		},
		{"a tool of free text", `{"model":"sim","tools":[{"type":"custom","custom":{"name":"code"}}],"messages":[` + chatUser + `]}`, "custom"},
	})
}

func TestChatTakesWhatItShould(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for name, body := range map[string]string{
		"every part":         `{"model":"sim","messages":[{"role":"developer","content":"Be brief"},{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"file","file":{"file_data":"data:application/pdf;base64,aGk=","filename":"a.pdf"}},{"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}}]}]}`,
		"sampling of no one": `{"model":"gpt-5.4-mini","reasoning_effort":"none","temperature":0.5,"messages":[` + chatUser + `]}`,
		"free tool":          `{"model":"sim-tools1","tools":[{"type":"custom","custom":{"name":"code"}}],"messages":[` + chatUser + `]}`,
		"three variants":     `{"model":"sim","n":3,"logprobs":true,"top_logprobs":2,"messages":[` + chatUser + `]}`,
	} {
		for _, s := range []string{"", `"stream":true,`} {
			if got := c.post("/openai/v1/chat/completions", strings.Replace(body, "{", "{"+s, 1)); got.status != http.StatusOK {
				t.Errorf("%s: got %d %s", name, got.status, got.body)
			}
		}
	}
}
