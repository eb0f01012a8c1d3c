package sim

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

const encryptedPrefix = "gAAAAAB"

type responsesUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached  int `json:"cached_tokens"`
		Written int `json:"cache_write_tokens,omitzero"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int    `json:"total_tokens"`
	Ticks *int64 `json:"cost_in_usd_ticks,omitzero"`
}

type responsesPart struct {
	Type        string         `json:"type"`
	Text        *string        `json:"text,omitzero"`
	Refusal     *string        `json:"refusal,omitzero"`
	Annotations jsontext.Value `json:"annotations,omitzero"`
	Logprobs    jsontext.Value `json:"logprobs,omitzero"`
}

// responsesItem is an item of an answer; only what belongs to its type is set.
type responsesItem struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	Status    string           `json:"status,omitzero"`
	Summary   *[]responsesPart `json:"summary,omitzero"`
	Encrypted string           `json:"encrypted_content,omitzero"`
	Content   *[]responsesPart `json:"content,omitzero"`
	Role      string           `json:"role,omitzero"`
	CallID    string           `json:"call_id,omitzero"`
	Name      string           `json:"name,omitzero"`
	Arguments *string          `json:"arguments,omitzero"`
	Input     *string          `json:"input,omitzero"`
}

type responsesBody struct {
	ID         string            `json:"id"`
	Object     string            `json:"object"`
	CreatedAt  int64             `json:"created_at"`
	Status     string            `json:"status"`
	Background bool              `json:"background"`
	Error      *responsesError   `json:"error"`
	Incomplete *incompleteReason `json:"incomplete_details"`
	Model      string            `json:"model"`
	Output     []responsesItem   `json:"output"`
	Usage      *responsesUsage   `json:"usage"`
	Echo       jsontext.Value    `json:",embed"`
}

type incompleteReason struct {
	Reason string `json:"reason"`
}

// echoes are what an answer repeats of its request, as it is when it isn't said.
var echoes = map[string]any{
	"instructions": nil, "max_output_tokens": nil, "max_tool_calls": nil, "parallel_tool_calls": true, "previous_response_id": nil,
	"prompt_cache_key": nil, "reasoning": map[string]any{"effort": nil, "summary": nil}, "safety_identifier": nil,
	"service_tier": "default", "store": true, "temperature": 1, "text": map[string]any{"format": map[string]any{"type": "text"}, "verbosity": "medium"},
	"tool_choice": "auto", "tools": []any{}, "top_logprobs": 0, "top_p": 1, "truncation": "disabled", "user": nil, "metadata": map[string]any{},
}

type responsesError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// body is an answer of which nothing was said yet.
func (responsesFormat) body(a *answer) responsesBody {
	echo := maps.Clone(echoes)
	for name := range echo {
		if v, ok := a.prompt.asked[name]; ok && v != nil {
			echo[name] = v
		}
	}
	return responsesBody{
		ID: "resp_" + a.id, Object: "response", CreatedAt: a.created, Status: "in_progress", Model: a.prompt.model,
		Output: []responsesItem{}, Echo: encode(echo),
	}
}

// done is the answer at its end.
func (r responsesFormat) done(a *answer, output []responsesItem) responsesBody {
	b := r.body(a)
	b.Status, b.Output = "completed", output
	if a.turns[0].end == endLimit {
		b.Status = "incomplete"
		b.Incomplete = &incompleteReason{"max_output_tokens"}
	}
	if n := a.usage; n != nil {
		b.Usage = &responsesUsage{Input: n.input, Output: n.output, Total: n.input + n.output, Ticks: n.ticks}
		b.Usage.InputDetails.Cached, b.Usage.InputDetails.Written = n.cached, n.written
		b.Usage.OutputDetails.Reasoning = n.reasoning
	}
	return b
}

// items are what an answer is made of.
func (responsesFormat) items(x *exchange, a *answer) []responsesItem {
	t := a.turns[0]
	items := []responsesItem{}
	if t.reasoning != "" {
		summary := []responsesPart{}
		if !a.prompt.mute {
			summary = append(summary, responsesPart{Type: "summary_text", Text: &t.reasoning})
		}
		items = append(items, responsesItem{ID: "rs_" + x.newID(32), Type: "reasoning", Summary: &summary, Encrypted: encryptedPrefix + t.seal})
	}
	status := "completed"
	if t.end == endLimit {
		status = "incomplete"
	}
	if t.text != "" || t.refusal != "" {
		part := responsesPart{Type: "output_text", Text: &t.text, Annotations: jsontext.Value("[]"), Logprobs: jsontext.Value("[]")}
		if t.refusal != "" {
			part = responsesPart{Type: "refusal", Refusal: &t.refusal}
		}
		items = append(items, responsesItem{
			ID: "msg_" + x.newID(32), Type: "message", Status: status, Content: &[]responsesPart{part}, Role: "assistant",
		})
	}
	for _, c := range t.calls {
		item := responsesItem{ID: "fc_" + x.newCallID(a.prompt), Type: "function_call", Status: "completed", CallID: "call_" + c.id, Name: c.name, Arguments: &c.input}
		if c.free {
			item = responsesItem{ID: "ctc_" + x.newCallID(a.prompt), Type: "custom_tool_call", Status: "completed", CallID: "call_" + c.id, Name: c.name, Input: &c.input}
		}
		items = append(items, item)
	}
	return items
}

func (r responsesFormat) whole(x *exchange, a *answer) []byte {
	b := r.done(a, r.items(x, a))
	x.store(a, b)
	return encode(b)
}

func (responsesFormat) frame(event []byte) []byte { return typedFrame(event) }

func (responsesFormat) tail() []byte { return nil }

func (responsesFormat) idle() []byte { return []byte(": keep-alive\n\n") }

func (responsesFormat) lists() bool { return false }

func (responsesFormat) broken(o *outlet, f *failure) []byte {
	return typedFrame(encode(struct {
		Type     string  `json:"type"`
		Code     string  `json:"code"`
		Message  string  `json:"message"`
		Param    *string `json:"param"`
		Sequence int     `json:"sequence_number"`
	}{"error", cmp.Or(f.code, "server_error"), f.message, nil, o.frames}))
}

// responsesStream writes an answer as numbered events.
type responsesStream struct {
	out *outlet
	buf []byte
	// The item that is being written.
	index int
	id    string
}

// event writes one event: its name, its number and its other members.
func (s *responsesStream) event(name, members string) {
	s.buf = fmt.Appendf(s.buf[:0], "event: %s\ndata: {\"type\":%q,\"sequence_number\":%d%s}\n\n", name, name, s.out.frames, members)
	s.out.frame(s.buf)
}

func (r responsesFormat) stream(x *exchange, a *answer) {
	s := &responsesStream{out: x.open("text/event-stream; charset=utf-8")}
	start := `,"response":` + string(encode(r.body(a)))
	s.event("response.created", start)
	s.event("response.in_progress", start)
	items := r.items(x, a)
	for i, item := range items {
		s.index, s.id = i, item.ID
		s.item(item, a.prompt.script.size)
	}
	s.out.finish()
	end := r.done(a, items)
	if !s.out.over {
		x.store(a, end)
	}
	s.event("response."+end.Status, `,"response":`+string(encode(end)))
}

// item writes an item: added, filled, done.
func (s *responsesStream) item(item responsesItem, size int) {
	empty := ""
	open := item
	open.Status = "in_progress"
	switch item.Type {
	case "reasoning":
		open.Status, open.Summary = "", &[]responsesPart{}
		s.added(open)
		s.summary(*item.Summary, size)
	case "message":
		open.Content = &[]responsesPart{}
		s.added(open)
		s.content((*item.Content)[0], size)
	case "function_call":
		open.Arguments = &empty
		s.added(open)
		s.deltas("response.function_call_arguments", s.at(), *item.Arguments, size)
		s.event("response.function_call_arguments.done", s.at()+`,"arguments":`+quoted(*item.Arguments))
	default:
		open.Input = &empty
		s.added(open)
		s.deltas("response.custom_tool_call_input", s.at(), *item.Input, size)
		s.event("response.custom_tool_call_input.done", s.at()+`,"input":`+quoted(*item.Input))
	}
	s.event("response.output_item.done", `,"output_index":`+strconv.Itoa(s.index)+`,"item":`+string(encode(item)))
}

func (s *responsesStream) added(item responsesItem) {
	s.event("response.output_item.added", `,"output_index":`+strconv.Itoa(s.index)+`,"item":`+string(encode(item)))
}

// at says which item an event is of.
func (s *responsesStream) at() string {
	return `,"item_id":` + quoted(s.id) + `,"output_index":` + strconv.Itoa(s.index)
}

func (s *responsesStream) summary(parts []responsesPart, size int) {
	for i, part := range parts {
		at := s.at() + `,"summary_index":` + strconv.Itoa(i)
		s.event("response.reasoning_summary_part.added", at+`,"part":{"type":"summary_text","text":""}`)
		s.deltas("response.reasoning_summary_text", at, *part.Text, size)
		s.event("response.reasoning_summary_text.done", at+`,"text":`+quoted(*part.Text))
		s.event("response.reasoning_summary_part.done", at+`,"part":`+string(encode(part)))
	}
}

func (s *responsesStream) content(part responsesPart, size int) {
	at := s.at() + `,"content_index":0`
	empty := ""
	open, name, member, content := part, "response.output_text", `"text":`, part.Text
	if part.Type == "refusal" {
		name, member, content = "response.refusal", `"refusal":`, part.Refusal
		open.Refusal = &empty
	} else {
		open.Text = &empty
	}
	s.event("response.content_part.added", at+`,"part":`+string(encode(open)))
	s.deltas(name, at, *content, size)
	s.event(name+".done", at+`,`+member+quoted(*content)+logprobsOf(part))
	s.event("response.content_part.done", at+`,"part":`+string(encode(part)))
}

// logprobsOf is the member that only text has.
func logprobsOf(part responsesPart) string {
	if part.Type == "refusal" {
		return ""
	}
	return `,"logprobs":[]`
}

// deltas writes content in pieces; at says of what they are.
func (s *responsesStream) deltas(name, at, content string, size int) {
	head := []byte("event: " + name + ".delta\ndata: {\"type\":\"" + name + ".delta\"" + at + `,"delta":`)
	var buf []byte
	for piece := range cut(content, size) {
		if s.out.over {
			return
		}
		buf = quote(append(buf[:0], head...), piece)
		buf = append(buf, `,"sequence_number":`...)
		buf = strconv.AppendInt(buf, int64(s.out.frames), 10)
		buf = append(buf, "}\n\n"...)
		s.out.piece(buf)
	}
}

func quoted(s string) string { return string(quote(nil, s)) }
