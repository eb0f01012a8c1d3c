package sim

import (
	"net/http"
	"strings"
	"testing"
)

const responsesTool = `{"type":"function","name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}`

// responsesEvent is what tests look at in a stream of Responses.
type responsesEvent struct {
	Type     string        `json:"type"`
	Sequence int           `json:"sequence_number"`
	Delta    string        `json:"delta"`
	Item     responsesItem `json:"item"`
	Response responsesBody `json:"response"`
}

func TestResponsesStreamSaysTheSame(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, model := range []string{"sim-n20", "sim-think-tools1-mix-par2", "sim-refuse", "sim-empty", "sim-length"} {
		body := `{"model":"` + model + `","input":"Hello","reasoning":{"summary":"auto"},"tools":[` + responsesTool + `]}`
		var whole responsesBody
		c.ok("/openai/v1/responses", body, &whole)
		var echo struct {
			Tools []any `json:"tools"`
		}
		if c.ok("/openai/v1/responses", body, &echo); len(echo.Tools) != 1 {
			t.Errorf("%s: the request's tools are echoed as %v", model, echo.Tools)
		}
		var deltas string
		var items []responsesItem
		var last responsesEvent
		for i, data := range events(c.post("/openai/v1/responses", strings.Replace(body, "{", `{"stream":true,`, 1)).body) {
			last = responsesEvent{}
			read(t, data, &last)
			if last.Sequence != i {
				t.Fatalf("%s: event %d has number %d", model, i, last.Sequence)
			}
			deltas += last.Delta
			if last.Type == "response.output_item.done" {
				items = append(items, last.Item)
			}
		}
		if last.Type != "response."+whole.Status || string(encode(last.Response.Output)) != string(encode(items)) && len(items) > 0 {
			t.Errorf("%s: ended with %s, want %s", model, encode(last), encode(whole))
		}
		if len(items) != len(whole.Output) || *last.Response.Usage != *whole.Usage {
			t.Errorf("%s: got %s, want as %s", model, encode(last.Response), encode(whole))
		}
		if want := spoken(whole.Output); deltas != want {
			t.Errorf("%s: got deltas %q, want %q", model, deltas, want)
		}
	}
}

// spoken is the content of items, in their order.
func spoken(items []responsesItem) string {
	var b strings.Builder
	for _, item := range items {
		for _, list := range []*[]responsesPart{item.Summary, item.Content} {
			if list == nil {
				continue
			}
			for _, part := range *list {
				for _, text := range []*string{part.Text, part.Refusal} {
					if text != nil {
						b.WriteString(*text)
					}
				}
			}
		}
		if item.Arguments != nil {
			b.WriteString(*item.Arguments)
		}
	}
	return b.String()
}

func TestResponsesReasoningIsChecked(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	head := func(model string) string {
		return `{"model":"` + model + `","store":false,"tools":[` + responsesTool + `],"input":[{"role":"user","content":"Hi"}`
	}
	var a responsesBody
	c.ok("/openai/v1/responses", head("sim-think-tools1")+`]}`, &a)
	if len(a.Output) != 2 || a.Output[0].Encrypted == "" || a.Output[1].Type != "function_call" {
		t.Fatalf("got %s, want reasoning and a call", encode(a))
	}
	thought, call := a.Output[0], a.Output[1]
	turn := func(model string, items ...any) string {
		history := head(model)
		for _, item := range items {
			history += "," + string(encode(item))
		}
		return history + `,{"type":"function_call_output","call_id":"` + call.CallID + `","output":"sunny"}]}`
	}
	var end responsesBody
	c.ok("/openai/v1/responses", turn("sim-think-tools1", thought, call), &end)
	if end.Output[len(end.Output)-1].Type != "message" {
		t.Errorf("got %s after the result, want text", encode(end))
	}
	altered, bare := thought, thought
	altered.Encrypted = strings.Replace(thought.Encrypted, "A", "B", 1)
	bare.Summary = nil
	other := call
	other.ID, other.CallID = "fc_other", "call_other"
	told := map[string]string{"type": "function_call_output", "call_id": "call_other", "output": "sunny"}
	c.refuses("/openai/v1/responses", []refused{
		{"altered", turn("sim-think-tools1", altered, call), "invalid_encrypted_content"},
		{"of another model", turn("sim-think-tools2", thought, call), "invalid_encrypted_content"},
		{"without summary", turn("sim-think-tools1", bare, call), "input[1].summary"},
		{"missing", turn("sim-think-tools1", call), "without its required 'reasoning' item"},
		{"of an earlier step alone", turn("sim-think-tools1", thought, other, told, call), "without its required 'reasoning' item"},
	})
	nothing := thought
	nothing.Encrypted = ""
	if got := c.post("/openai/v1/responses", turn("sim-think-tools1", nothing, call)); got.status != http.StatusNotFound {
		t.Errorf("got %d %s for reasoning that nobody stored, want 404", got.status, got.body)
	}
}

func TestResponsesRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	with := func(rest string) string { return `{"model":"sim","input":"Hi"` + rest + `}` }
	items := func(list string) string { return `{"model":"sim","input":[` + list + `]}` }
	const call, output = `{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}`, `{"type":"function_call_output","call_id":"a","output":"x"}`
	c.refuses("/openai/v1/responses", []refused{
		{"no input", `{"model":"sim"}`, "Missing required parameter: 'input'"},
		{"messages", with(`,"messages":[]`), "Unknown parameter: 'messages'"},
		{"stop", with(`,"stop":["x"]`), "Unknown parameter: 'stop'"},
		{"few tokens", with(`,"max_output_tokens":3`), "below_min_value"},
		{"nested tool", with(`,"tools":[` + chatTool + `]`), "Unknown parameter: 'tools[0].function'"},
		{"unknown tool", with(`,"tools":[{"type":"bash"}]`), "Supported values"},
		{"nested choice", with(`,"tools":[` + responsesTool + `],"tool_choice":{"type":"function","function":{"name":"weather"}}`), "Unknown parameter"},
		{"unknown item", items(`{"type":"thought"}`), "Supported values"},
		{"text of the other side", items(`{"role":"user","content":[{"type":"output_text","text":"x"}]}`), "input_text"},
		{"text of this side", items(`{"role":"assistant","content":[{"type":"input_text","text":"x"}]}`), "output_text"},
		{"tool role", items(`{"role":"tool","content":"x"}`), "Supported values"},
		{"output without call", items(output), "No tool call found"},
		{"call without output", items(call), "No tool output found for function call a"},
		{"two calls of an id", items(call + "," + call + "," + output), "Duplicate call_id"},
		{"long call_id", items(strings.Replace(call, `"a"`, `"`+strings.Repeat("a", 65)+`"`, 1)), "maximum length 64"},
		{"id of another kind", items(strings.Replace(call, `{`, `{"id":"call_1",`, 1) + "," + output), "begins with 'fc'"},
		{"arguments as an object", items(strings.Replace(call, `"{}"`, `{}`, 1)), "expected a string"},
		{"chained", with(`,"previous_response_id":"resp_1"`), "previous_response_not_found"},
		{"unnamed schema", with(`,"text":{"format":{"type":"json_schema","schema":{}}}`), "text.format.name"},
		{"effort of no reasoner", `{"model":"gpt-4o","input":"x","reasoning":{"effort":"low"}}`, "unsupported_parameter"},
		{"temperature to a reasoner", `{"model":"gpt-5.4-mini","input":"x","temperature":0.2}`, "unsupported_parameter"},
	})
	var counted struct {
		Tokens int `json:"input_tokens"`
	}
	c.ok("/openai/v1/responses/input_tokens", `{"model":"sim","input":"abcdefgh"}`, &counted)
	if counted.Tokens != 2 {
		t.Errorf("got %d tokens, want 2", counted.Tokens)
	}
}

func TestResponsesAreStored(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	with := func(rest string) string {
		return `{"model":"sim-think-tools1","tools":[` + responsesTool + `],` + rest + `}`
	}
	for _, vendor := range []string{"/openai", "/xai"} {
		path := vendor + "/v1/responses"
		var first, second, whole responsesBody
		c.ok(path, with(`"input":"Hi"`), &first)
		call := first.Output[len(first.Output)-1]
		output := `{"type":"function_call_output","call_id":"` + call.CallID + `","output":"sunny"}`
		c.ok(path, with(`"previous_response_id":"`+first.ID+`","input":[`+output+`]`), &second)
		var history strings.Builder
		for _, item := range first.Output {
			history.WriteString("," + string(encode(item)))
		}
		c.ok(path, with(`"store":false,"input":[{"role":"user","content":"Hi"}`+history.String()+`,`+output+`]`), &whole)
		if a, b := spoken(second.Output), spoken(whole.Output); a != b || a == "" || string(encode(second.Usage)) != string(encode(whole.Usage)) {
			t.Errorf("%s: said %q after the first, %q after all of it", vendor, a, b)
		}
		var kept responsesBody
		if c.get(path+"/"+second.ID, &kept); string(encode(kept)) != string(encode(second)) {
			t.Errorf("%s: got %s, want %s", vendor, encode(kept), encode(second))
		}
		if got, err := c.do(http.MethodDelete, path+"/"+first.ID, ""); err != nil || got.status != http.StatusOK || !strings.Contains(got.body, `"deleted":true`) {
			t.Errorf("%s: %v %d %s", vendor, err, got.status, got.body)
		}
		for _, id := range []string{first.ID, whole.ID} {
			if got, err := c.do(http.MethodGet, path+"/"+id, ""); err != nil || got.status != http.StatusNotFound {
				t.Errorf("%s: %v %d %s", vendor, err, got.status, got.body)
			}
			if got := c.post(path, with(`"input":"Hi","previous_response_id":"`+id+`"`)); got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", vendor, got.status, got.body)
			}
		}
	}
}
