package sim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

const messagesTool = `{"name":"weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}`

// messagesEvent is what tests look at in a stream of Messages.
type messagesEvent struct {
	Type  string        `json:"type"`
	Index int           `json:"index"`
	Block messagesBlock `json:"content_block"`
	Delta struct {
		Text        string `json:"text"`
		Thinking    string `json:"thinking"`
		Signature   string `json:"signature"`
		PartialJSON string `json:"partial_json"`
		StopReason  string `json:"stop_reason"`
	} `json:"delta"`
	Usage *messagesUsage `json:"usage"`
}

// joinMessages makes the blocks that a stream tells of.
func joinMessages(t *testing.T, body string) (blocks []messagesBlock, kinds []string, stop string, usage *messagesUsage) {
	t.Helper()
	for _, data := range events(body) {
		var e messagesEvent
		read(t, data, &e)
		kinds = append(kinds, e.Type)
		switch e.Type {
		case "content_block_start":
			if e.Block.Type == "tool_use" {
				e.Block.Input = nil
			}
			blocks = append(blocks, e.Block)
		case "content_block_delta":
			b := &blocks[e.Index]
			switch b.Type {
			case "text":
				*b.Text += e.Delta.Text
			case "thinking":
				*b.Thinking += e.Delta.Thinking
				*b.Signature += e.Delta.Signature
			case "tool_use":
				b.Input = append(b.Input, e.Delta.PartialJSON...)
			}
		case "message_delta":
			stop, usage = e.Delta.StopReason, e.Usage
		}
	}
	for i := range blocks {
		if blocks[i].Type == "tool_use" && len(blocks[i].Input) == 0 {
			blocks[i].Input = []byte("{}")
		}
		blocks[i].ID = ""
	}
	return blocks, kinds, stop, usage
}

func TestMessagesStreamSaysTheSame(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, model := range []string{"sim-n30", "sim-think-tools1-mix", "sim-tools1-noargs-par2", "sim-empty", "sim-refuse", "sim-length", "claude-haiku-4-5"} {
		body := `{"model":"` + model + `","max_tokens":999,"tools":[` + messagesTool + `],"messages":[{"role":"user","content":"Hello"}]}`
		var whole messagesBody
		c.ok("/anthropic/v1/messages", body, &whole)
		got := c.post("/anthropic/v1/messages", strings.Replace(body, "{", `{"stream":true,`, 1))
		blocks, kinds, stop, usage := joinMessages(t, got.body)
		for i := range whole.Content {
			whole.Content[i].ID = ""
		}
		if string(encode(blocks)) != string(encode(whole.Content)) && len(blocks)+len(whole.Content) > 0 {
			t.Errorf("%s: got %s in the stream, want %s", model, encode(blocks), encode(whole.Content))
		}
		if stop != *whole.StopReason || usage.Output != whole.Usage.Output || kinds[0] != "message_start" || kinds[len(kinds)-1] != "message_stop" {
			t.Errorf("%s: got stop %q, usage %+v, events %v; want as %+v", model, stop, usage, kinds, whole)
		}
	}
}

func TestMessagesUsageIsDisjoint(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var a messagesBody
	c.ok("/v1/messages", `{"model":"sim-cached50-written25","max_tokens":9,"messages":[{"role":"user","content":"`+strings.Repeat("abcd", 100)+`"}]}`, &a)
	if u := a.Usage; u.Input != 25 || u.CacheRead != 50 || u.CacheCreation != 25 || u.Creation.Short != 25 {
		t.Errorf("got %+v, want 25, 50 and 25", u)
	}
	if *a.StopReason != "max_tokens" || a.Usage.Output != 9 {
		t.Errorf("got %+v, want 9 tokens and the limit", a)
	}
}

func TestMessagesReasoningMustComeBack(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const path = "/anthropic/v1/messages"
	head := func(model string) string {
		return `{"model":"` + model + `","max_tokens":4096,"tools":[` + messagesTool + `],"messages":[{"role":"user","content":"Hi"}`
	}
	var a messagesBody
	c.ok(path, head("sim-think-tools1")+`]}`, &a)
	if len(a.Content) != 2 || a.Content[0].Type != "thinking" {
		t.Fatalf("got %s, want reasoning and a call", encode(a))
	}
	result := `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + a.Content[1].ID + `","content":"sunny"}]}]}`
	turn := func(blocks ...messagesBlock) string {
		return `,{"role":"assistant","content":` + string(encode(blocks)) + `}` + result
	}
	other := "other"
	altered := a.Content[0]
	altered.Thinking = &other
	forged := a.Content[0]
	forged.Signature = &other
	var end messagesBody
	c.ok(path, head("sim-think-tools1")+turn(a.Content...), &end)
	if *end.StopReason != "end_turn" {
		t.Errorf("got %s after the result, want text", encode(end))
	}
	// By a budget, a turn must begin with reasoning; later steps of it may do without.
	tight := strings.Replace(head("sim-think-tools1"), "{", `{"thinking":{"type":"enabled","budget_tokens":1024},`, 1)
	step := `,{"role":"assistant","content":[{"type":"tool_use","id":"toolu_other","name":"weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_other","content":"sunny"}]}`
	own := strings.TrimSuffix(turn(a.Content...), "]}")
	c.ok(path, tight+own+step+"]}", &end)
	c.refuses(path, []refused{
		{"begun without", tight + step + own + "]}", "messages.1.content.0.type: Expected `thinking`"},
		{"missing", head("sim-think-tools1") + turn(a.Content[1]), "Expected `thinking`"},
		{"altered", head("sim-think-tools1") + turn(altered, a.Content[1]), "Invalid `signature`"},
		{"forged", head("sim-think-tools1") + turn(forged, a.Content[1]), "Invalid `signature`"},
		{"of another model", head("sim-think-tools2") + turn(a.Content...), "Invalid `signature`"},
	})
	for name, body := range map[string]string{
		"turned off":          strings.Replace(head("sim-think-tools1"), "{", `{"thinking":{"type":"disabled"},`, 1) + turn(a.Content[1]),
		"a call of another's": strings.ReplaceAll(head("sim-think-tools1")+turn(a.Content[1]), a.Content[1].ID, "toolu_other"),
	} {
		if got := c.post(path, body); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
}

// A Claude thinks when it is asked to, and then alone wants its reasoning back.
func TestAClaudeThinksWhenItIsAsked(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const path, model = "/anthropic/v1/messages", "claude-haiku-4-5-sim-think-tools2"
	head := func(rest string) string {
		return `{"model":"` + model + `","max_tokens":4096,"tools":[` + messagesTool + `]` + rest + `,"messages":[{"role":"user","content":"Hi"}`
	}
	const asked = `,"thinking":{"type":"enabled","budget_tokens":1024}`
	var thinks, doesnt messagesBody
	c.ok(path, head(asked)+`]}`, &thinks)
	c.ok(path, head("")+`]}`, &doesnt)
	if len(thinks.Content) != 2 || thinks.Content[0].Type != "thinking" || len(doesnt.Content) != 1 || doesnt.Content[0].Type != "tool_use" {
		t.Fatalf("asked %s, unasked %s", encode(thinks), encode(doesnt))
	}
	turn := func(call messagesBlock) string {
		return `,{"role":"assistant","content":[` + string(encode(call)) + `]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + call.ID + `","content":"sunny"}]}]}`
	}
	for _, call := range []messagesBlock{thinks.Content[1], doesnt.Content[0]} {
		c.ok(path, head("")+turn(call), &doesnt)
		c.refuses(path, []refused{{"asked in the middle", head(asked) + turn(call), "Expected `thinking`"}})
	}
}

func TestMessagesRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	with := func(rest string) string {
		return `{"model":"sim","max_tokens":2000,"messages":[{"role":"user","content":"Hi"}]` + rest + `}`
	}
	turns := func(messages string) string { return `{"model":"sim","max_tokens":9,"messages":[` + messages + `]}` }
	const user, use = `{"role":"user","content":"Hi"}`, `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}`
	const result = `{"type":"tool_result","tool_use_id":"a","content":"x"}`
	mark := `{"type":"text","text":"x","cache_control":{"type":"ephemeral"}},`
	c.refuses("/anthropic/v1/messages", []refused{
		{"no max_tokens", `{"model":"sim","messages":[` + user + `]}`, "max_tokens: Field required"},
		{"unknown field", with(`,"n":2`), "n: Extra inputs are not permitted"},
		{"unknown field in a block", turns(`{"role":"user","content":[{"type":"text","text":"x","foo":1}]}`), "messages.0.content.0.foo: Extra inputs"},
		{"wrong type", with(`,"stop_sequences":"x"`), "stop_sequences: Input should be a valid list"},
		{"hot", with(`,"temperature":1.5`), "less than or equal to 1"},
		{"system message", turns(`{"role":"system","content":"x"},` + user), "top-level `system`"},
		{"assistant first", turns(`{"role":"assistant","content":"x"}`), "first message must use"},
		{"no messages", turns(``), "at least one message"},
		{"empty content", turns(`{"role":"user","content":""}`), "non-empty content"},
		{"empty text", turns(`{"role":"user","content":[{"type":"text","text":""}]}`), "must be non-empty"},
		{"blank text", turns(`{"role":"user","content":" \n"}`), "non-whitespace"},
		{"trailing blank", turns(user + `,{"role":"assistant","content":"x "}`), "trailing whitespace"},
		{"prefill", `{"model":"claude-opus-4-7","max_tokens":9,"messages":[` + user + `,{"role":"assistant","content":"x"}]}`, "does not support assistant message prefill"},
		{"result without call", turns(`{"role":"user","content":[` + result + `]}`), "unexpected `tool_use_id`"},
		{"call without result", turns(user + `,` + use + `,` + user), "without `tool_result` blocks immediately after: a"},
		{"text before the result", turns(user + `,` + use + `,{"role":"user","content":[{"type":"text","text":"x"},` + result + `]}`), "without `tool_result` blocks"},
		{"two results", turns(user + `,` + use + `,{"role":"user","content":[` + result + `,` + result + `]}`), "single result"},
		{"duplicate ids", turns(user + `,` + use + `,{"role":"user","content":[` + result + `]},` + use + `,{"role":"user","content":[` + result + `]}`), "must be unique"},
		{"bad id", turns(user + `,` + strings.Replace(use, `"a"`, `"a.b"`, 1)), "String should match pattern"},
		{"input as text", turns(user + `,` + strings.Replace(use, `{}`, `"{}"`, 1)), "valid dictionary"},
		{"OpenAI's tool", with(`,"tools":[` + chatTool + `]`), "tools.0.function: Extra inputs"},
		{"tool without a schema", with(`,"tools":[{"name":"f"}]`), "tools.0.input_schema: Field required"},
		{"two tools of a name", with(`,"tools":[` + messagesTool + `,` + messagesTool + `]`), "must be unique"},
		{"choice without tools", with(`,"tool_choice":{"type":"auto"}`), "only be specified while providing tools"},
		{"small budget", with(`,"thinking":{"type":"enabled","budget_tokens":100}`), "greater than or equal to 1024"},
		{"large budget", with(`,"thinking":{"type":"enabled","budget_tokens":2000}`), "must be greater than `thinking.budget_tokens`"},
		{"forced while thinking", with(`,"thinking":{"type":"enabled","budget_tokens":1024},"tools":[` + messagesTool + `],"tool_choice":{"type":"any"}`), "forces tool use"},
		{"cool while thinking", with(`,"thinking":{"type":"enabled","budget_tokens":1024},"temperature":0.5`), "may only be set to 1"},
		{"budget to a new model", strings.Replace(with(`,"thinking":{"type":"enabled","budget_tokens":1024}`), "sim", "claude-opus-4-7", 1), "thinking.type.adaptive"},
		{"adaptive to an old one", strings.Replace(with(`,"thinking":{"type":"adaptive"}`), "sim", "claude-haiku-4-5", 1), "not supported on this model"},
		{"sampling to a new one", strings.Replace(with(`,"temperature":0.5`), "sim", "claude-opus-4-7", 1), "deprecated"},
		{"two samplers", strings.Replace(with(`,"temperature":0.5,"top_p":0.5`), "sim", "claude-haiku-4-5", 1), "cannot both"},
		{"five marks", turns(`{"role":"user","content":[` + strings.TrimSuffix(strings.Repeat(mark, 5), ",") + `]}`), "maximum of 4 blocks"},
		{"image of no kind", turns(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"aGk="}}]}`), "image/webp"},
		{"image of no bytes", turns(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"%%"}}]}`), "Invalid base64"},
	})
	c.header.Del("Anthropic-Version")
	c.refuses("/anthropic/v1/messages", []refused{{"no version", with(``), "anthropic-version: header is required"}})
}

func TestMessagesMergesNeighbours(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var counted struct {
		Tokens int `json:"input_tokens"`
	}
	c.ok("/anthropic/v1/messages/count_tokens", `{"model":"sim","messages":[{"role":"user","content":"abcd"},{"role":"user","content":[{"type":"text","text":"efgh"}]}]}`, &counted)
	if counted.Tokens != 2 {
		t.Errorf("got %d tokens, want 2", counted.Tokens)
	}
	got := c.post("/anthropic/v1/messages", `{"model":"sim","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"abcd"},{"role":"user","content":"efgh"}]}`)
	if got.status != http.StatusOK || !slices.Contains(strings.Split(got.body, "\n"), "event: message_stop") {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
