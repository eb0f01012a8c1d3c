package sim

import (
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
)

// frameRead is a frame of a stream as tests read it.
type frameRead struct {
	header map[string]string
	body   string
}

// unpack reads frames, each by its lengths and held to its checksums; what is left
// over is no frame.
func unpack(t *testing.T, stream string) (frames []frameRead, rest string) {
	t.Helper()
	b := []byte(stream)
	for len(b) >= 16 {
		size, head := int(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:]))
		if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) || size > len(b) {
			break
		}
		if crc32.ChecksumIEEE(b[:size-4]) != binary.BigEndian.Uint32(b[size-4:]) {
			t.Errorf("the checksum of %q is wrong", b[:size])
		}
		f := frameRead{map[string]string{}, string(b[12+head : size-4])}
		for h := b[12 : 12+head]; len(h) > 0; {
			n := int(h[0])
			name, typ, long := string(h[1:1+n]), h[1+n], int(binary.BigEndian.Uint16(h[2+n:]))
			if typ != 7 {
				t.Errorf("the header %s is of type %d", name, typ)
			}
			f.header[name] = string(h[4+n : 4+n+long])
			h = h[4+n+long:]
		}
		frames, b = append(frames, f), b[size:]
	}
	return frames, string(b)
}

type converseReply struct {
	Output struct {
		Message struct {
			Role    string          `json:"role"`
			Content []converseBlock `json:"content"`
		} `json:"message"`
	} `json:"output"`
	Stop  string         `json:"stopReason"`
	Usage *converseUsage `json:"usage"`
}

const (
	converseUser = `{"role":"user","content":[{"text":"Hello there, vendors!"}]}`
	converseTool = `"toolConfig":{"tools":[{"toolSpec":{"name":"weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]}`
)

func conversePath(model string) string { return "/bedrock/model/" + model + "/converse" }

// TestConverseStreamsWhatItSays: the pieces of a stream make the whole answer.
func TestConverseStreamsWhatItSays(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, model := range []string{"amazon.nova-sim-n4", "us.anthropic.claude-sonnet-4-5-sim-think-n3-cached50", "openai.gpt-oss-sim-think-n2", "amazon.nova-sim-tools1-mix-par2", "amazon.nova-sim-tools1-noargs", "sim-empty"} {
		body := `{"messages":[` + converseUser + `],` + converseTool + `}`
		var whole converseReply
		c.ok(conversePath(model), body, &whole)
		got := c.post(conversePath(model)+"-stream", body)
		frames, rest := unpack(t, got.body)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/vnd.amazon.eventstream" || len(got.header.Get("X-Amzn-Requestid")) != 32 || rest != "" {
			t.Fatalf("%s: %d %v, left over %q", model, got.status, got.header, rest)
		}
		var streamed converseReply
		for _, f := range frames {
			var e struct {
				Index int `json:"contentBlockIndex"`
				Start struct {
					ToolUse *converseCall `json:"toolUse"`
				} `json:"start"`
				Delta converseDelta  `json:"delta"`
				Stop  string         `json:"stopReason"`
				Usage *converseUsage `json:"usage"`
			}
			read(t, f.body, &e)
			if f.header[":message-type"] != "event" || f.header[":content-type"] != "application/json" {
				t.Errorf("%s: %v", model, f.header)
			}
			blocks := &streamed.Output.Message.Content
			for len(*blocks) <= e.Index && strings.HasPrefix(f.header[":event-type"], "contentBlock") {
				*blocks = append(*blocks, converseBlock{})
			}
			switch f.header[":event-type"] {
			case "contentBlockStart":
				(*blocks)[e.Index].ToolUse = e.Start.ToolUse
			case "contentBlockDelta":
				fill(&(*blocks)[e.Index], e.Delta)
			case "messageStop":
				streamed.Stop = e.Stop
			case "metadata":
				streamed.Usage = e.Usage
			}
		}
		for _, blocks := range [][]converseBlock{whole.Output.Message.Content, streamed.Output.Message.Content} {
			for _, b := range blocks {
				if b.ToolUse != nil {
					b.ToolUse.ID = "" // each has its own
					if len(b.ToolUse.Input) == 0 {
						b.ToolUse.Input = []byte("{}")
					}
				}
			}
		}
		if a, b := encode(whole.Output.Message.Content), encode(streamed.Output.Message.Content); string(a) != string(b) || (len(b) == 2) != (model == "sim-empty") {
			t.Errorf("%s: %s streamed as %s", model, a, b)
		}
		if whole.Stop == "" || streamed.Stop != whole.Stop || *streamed.Usage != *whole.Usage || whole.Usage.Total != whole.Usage.Input+whole.Usage.CacheRead+whole.Usage.CacheWrite+whole.Usage.Output {
			t.Errorf("%s: %+v streamed as %+v", model, whole, streamed)
		}
	}
}

// fill adds a piece to a block.
func fill(b *converseBlock, d converseDelta) {
	switch {
	case d.Text != nil:
		if b.Text == nil {
			b.Text = new(string)
		}
		*b.Text += *d.Text
	case d.ToolUse != nil:
		b.ToolUse.Input = append(b.ToolUse.Input, d.ToolUse.Input...)
	case d.Reasoning != nil:
		if b.Reasoning == nil {
			b.Reasoning = &struct {
				Text converseThought `json:"reasoningText"`
			}{}
		}
		if d.Reasoning.Text != nil {
			b.Reasoning.Text.Text += *d.Reasoning.Text
		}
		if d.Reasoning.Signature != nil {
			b.Reasoning.Text.Signature += *d.Reasoning.Signature
		}
	}
}

// TestConverseRefusesWhatTheAPIRefuses has one mistake in each request.
func TestConverseRefusesWhatTheAPIRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const call = `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"weather","input":{}}}]}`
	result := func(id string) string {
		return `{"role":"user","content":[{"toolResult":{"toolUseId":"` + id + `","content":[{"text":"ok"}]}}]}`
	}
	said := func(messages ...string) string { return `"messages":[` + strings.Join(messages, ",") + `]` }
	user := func(blocks string) string { return said(`{"role":"user","content":[` + blocks + `]}`) }
	const document = `{"document":{"format":"pdf","name":"a","source":{"bytes":"YQ=="}}}`
	for name, x := range map[string]struct{ model, body, want string }{
		"a field of none":               {"", said(converseUser) + `,"model":"m"`, "extraneous key [model]"},
		"nothing said":                  {"", said(), "must have at least one message"},
		"the assistant first":           {"", said(`{"role":"assistant","content":[{"text":"a"}]}`), "must start with a user message"},
		"two users":                     {"", said(converseUser, converseUser), "must alternate"},
		"a system message":              {"", said(`{"role":"system","content":[{"text":"a"}]}`), "enum value set: [assistant, user]"},
		"blank text":                    {"", user(`{"text":" "}`), "is blank"},
		"an empty message":              {"", user(``), "is empty"},
		"two in one block":              {"", user(`{"text":"a","cachePoint":{"type":"default"}}`), "several of the members"},
		"a cache point before all":      {"", user(`{"cachePoint":{"type":"default"}},{"text":"a"}`), "nothing before it"},
		"a fifth cache point":           {"", user(strings.Repeat(`{"text":"a"},{"cachePoint":{"type":"default"}},`, 5) + `{"text":"a"}`), "A maximum of 4"},
		"a document alone":              {"", user(document), "and no text"},
		"two documents of a name":       {"", user(document + `,` + document + `,{"text":"a"}`), "another document's"},
		"an image that isn't base64":    {"", user(`{"text":"a"},{"image":{"format":"png","source":{"bytes":"%"}}}`), "not in base64"},
		"an image of the assistant's":   {"", said(converseUser, `{"role":"assistant","content":[{"image":{"format":"png","source":{"bytes":"YQ=="}}}]}`), "extraneous key [image]"},
		"calls and no toolConfig":       {"", said(converseUser, call, result("t1")), "The toolConfig field must be defined"},
		"a call without a result":       {"", said(converseUser, call, converseUser) + "," + converseTool, "Expected toolResult blocks"},
		"a result without a call":       {"", user(`{"toolResult":{"toolUseId":"t1","content":[{"text":"a"}]}}`) + "," + converseTool, "exceeds the number of toolUse blocks"},
		"another call's result":         {"", said(converseUser, call, result("t2")) + "," + converseTool, "Expected toolResult blocks at messages.2.content for the following Ids: t1"},
		"words behind a call":           {"", said(converseUser, `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"weather","input":{}}},{"text":"so"}]}`, result("t1")) + "," + converseTool, "exceeds the number of toolUse blocks"},
		"a result of nothing":           {"", said(converseUser, call, `{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}}]}`) + "," + converseTool, "is empty"},
		"arguments that are text":       {"", said(converseUser, `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"weather","input":"{}"}}]}`, result("t1")) + "," + converseTool, "can not be converted"},
		"a conversation that ends":      {"", said(converseUser, call) + "," + converseTool, "Expected toolResult blocks"},
		"no tools":                      {"", said(converseUser) + `,"toolConfig":{"tools":[]}`, "length greater than or equal to 1"},
		"a schema of no object":         {"", said(converseUser) + `,"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}`, "must be one of the following: object"},
		"a choice of none":              {"", said(converseUser) + `,` + strings.Replace(converseTool, `"tools"`, `"toolChoice":{"none":{}},"tools"`, 1), "extraneous key [none]"},
		"a choice that isn't there":     {"", said(converseUser) + `,` + strings.Replace(converseTool, `"tools"`, `"toolChoice":{"tool":{"name":"x"}},"tools"`, 1), "is not among"},
		"a choice that isn't supported": {"meta.llama-", said(converseUser) + `,` + strings.Replace(converseTool, `"tools"`, `"toolChoice":{"auto":{}},"tools"`, 1), "doesn't support the toolConfig.toolChoice.auto field"},
		"too hot":                       {"", said(converseUser) + `,"inferenceConfig":{"temperature":1.5}`, "less than or equal to 1"},
		"no output":                     {"", said(converseUser) + `,"inferenceConfig":{"maxTokens":0}`, "greater than or equal to 1"},
		"another model's field":         {"amazon.nova-lite-", said(converseUser) + `,"additionalModelRequestFields":{"top_k":5}`, "extraneous key [top_k]"},
		"reasoning of another's":        {"amazon.nova-lite-", said(converseUser) + `,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`, "extraneous key [thinking]"},
		"a cap at the highest level":    {"amazon.nova-2-lite-", said(converseUser) + `,"inferenceConfig":{"maxTokens":9},"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}`, "cannot be set"},
		"an effort of none":             {"meta.llama-", said(converseUser) + `,"outputConfig":{"effort":"low"}`, "doesn't support the outputConfig.effort field"},
		"a schema that isn't enforced":  {"amazon.nova-lite-", said(converseUser) + `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{}"}}}}`, "doesn't support the outputConfig.textFormat field"},
		"an open schema":                {"", said(converseUser) + `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}"}}}}`, "additionalProperties"},
		"sampling of a newer Claude":    {"anthropic.claude-opus-4-7-", said(converseUser) + `,"inferenceConfig":{"temperature":0.5}`, "doesn't support the inferenceConfig.temperature field"},
		"a budget over the cap":         {"anthropic.claude-sonnet-4-5-", said(converseUser) + `,"inferenceConfig":{"maxTokens":2000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}}`, "must be greater than"},
		"reasoning that nobody wrote":   {"anthropic.claude-sonnet-4-5-", said(converseUser, `{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"aGFsbG8="}}},{"text":"so"}]}`, converseUser), "Invalid `signature`"},
		"reasoning sent back":           {"openai.gpt-oss-", said(converseUser, `{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"so"}]}`, converseUser), "doesn't support the messages.1.content.0.reasoningContent field"},
	} {
		got := c.post(conversePath(x.model+"sim"), "{"+x.body+"}")
		var said struct {
			Message string `json:"message"`
		}
		read(t, got.body, &said)
		if got.status != http.StatusBadRequest || !strings.Contains(said.Message, x.want) || !strings.HasSuffix(got.header.Get("X-Amzn-Errortype"), "Exception") {
			t.Errorf("%s: %d %s %s", name, got.status, got.header.Get("X-Amzn-Errortype"), got.body)
		}
	}
}

// TestConverseWantsClaudesReasoningBack: a turn of calls goes on with the reasoning
// that led to it, or is refused.
func TestConverseWantsClaudesReasoningBack(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	path := conversePath("us.anthropic.claude-sonnet-4-5-sim-tools2")
	const thinking = `"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000}},` + converseTool
	var first converseReply
	c.ok(path, `{"messages":[`+converseUser+`],`+thinking+`}`, &first)
	blocks := first.Output.Message.Content
	if first.Stop != "tool_use" || len(blocks) != 2 || blocks[0].Reasoning == nil || blocks[0].Reasoning.Text.Signature == "" {
		t.Fatalf("%+v", first)
	}
	answer := `{"role":"user","content":[{"toolResult":{"toolUseId":"` + blocks[1].ToolUse.ID + `","content":[{"text":"ok"}]}}]}`
	turn := func(blocks []converseBlock) string {
		return `{"messages":[` + converseUser + `,{"role":"assistant","content":` + string(encode(blocks)) + `},` + answer + `],` + thinking + `}`
	}
	var next converseReply
	c.ok(path, turn(blocks), &next)
	if got := c.post(path, turn(blocks[1:])); got.status != http.StatusBadRequest || !strings.Contains(got.body, "must start with a thinking block") {
		t.Errorf("%d %s", got.status, got.body)
	}
	blocks[0].Reasoning.Text.Text += "!"
	if got := c.post(path, turn(blocks)); got.status != http.StatusBadRequest || !strings.Contains(got.body, "Invalid `signature`") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestConverseFailsInAmazonsWords: before an answer by a header, inside a stream by
// a frame.
func TestConverseFailsInAmazonsWords(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	body := `{"messages":[` + converseUser + `]}`
	for script, want := range map[string]string{
		"sim-e429": "ThrottlingException", "sim-quota": "ThrottlingException", "sim-ctx": "ValidationException", "sim-e503": "ServiceUnavailableException",
		"sim-e500": "InternalServerException", "sim-e403": "AccessDeniedException", "sim-e413": "RequestEntityTooLargeException", "nobody": "ValidationException",
	} {
		for _, end := range []string{"", "-stream"} {
			if got := c.post(conversePath(script)+end, body); got.status < 400 || got.header.Get("X-Amzn-Errortype") != want || !strings.HasPrefix(got.body, `{"message":"`) {
				t.Errorf("%s: %d %s %s", script, got.status, got.header.Get("X-Amzn-Errortype"), got.body)
			}
		}
	}
	for script, want := range map[string]string{"sim-n4-err2": "modelStreamErrorException", "sim-n4-e529-err2": "serviceUnavailableException", "sim-n4-e429-err2": "throttlingException", "sim-n4-e401-err2": "expiredTokenException"} {
		frames, rest := unpack(t, c.post(conversePath(script)+"-stream", body).body)
		if last := frames[len(frames)-1].header; len(frames) != 4 || rest != "" || last[":message-type"] != "exception" || last[":exception-type"] != want {
			t.Errorf("%s: %d frames, %v, %q", script, len(frames), last, rest)
		}
	}
	if frames, rest := unpack(t, c.post(conversePath("sim-n4-bad2")+"-stream", body).body); len(frames) != 3 || rest == "" {
		t.Errorf("nothing is wrong with the frames: %d", len(frames))
	}
	if frames, rest := unpack(t, c.post(conversePath("sim-n4-end2")+"-stream", body).body); len(frames) != 3 || rest != "" {
		t.Errorf("%d frames and %q", len(frames), rest)
	}
}
