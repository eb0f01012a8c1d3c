package sim

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// chatUsage is the usage of Chat Completions, with what some vendors add.
type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`

	PromptDetails     *chatPromptDetails     `json:"prompt_tokens_details,omitzero"`
	CompletionDetails *chatCompletionDetails `json:"completion_tokens_details,omitzero"`

	CacheHit    *int             `json:"prompt_cache_hit_tokens,omitzero"`
	CacheMiss   *int             `json:"prompt_cache_miss_tokens,omitzero"`
	Cost        *float64         `json:"cost,omitzero"`
	CostDetails *chatCostDetails `json:"cost_details,omitzero"`
	Ticks       *int64           `json:"cost_in_usd_ticks,omitzero"`
	Cached      *int             `json:"cached_tokens,omitzero"`
	NumCached   *int             `json:"num_cached_tokens,omitzero"`
}

type chatPromptDetails struct {
	Cached  int `json:"cached_tokens"`
	Audio   int `json:"audio_tokens"`
	Written int `json:"cache_write_tokens,omitzero"`
	Created int `json:"cache_creation_input_tokens,omitzero"`
}

type chatCompletionDetails struct {
	Reasoning int `json:"reasoning_tokens"`
	Audio     int `json:"audio_tokens"`
	Accepted  int `json:"accepted_prediction_tokens"`
	Rejected  int `json:"rejected_prediction_tokens"`
}

type chatCostDetails struct {
	Upstream *float64 `json:"upstream_inference_cost"`
}

type chatCall struct {
	Index    *int          `json:"index,omitzero"`
	ID       string        `json:"id,omitzero"`
	Type     string        `json:"type,omitzero"`
	Function *chatFunction `json:"function,omitzero"`
	Custom   *chatCustom   `json:"custom,omitzero"`
}

type chatFunction struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments"`
}

type chatCustom struct {
	Name  string `json:"name,omitzero"`
	Input string `json:"input"`
}

type chatDetail struct {
	Type      string `json:"type"`
	Text      string `json:"text,omitzero"`
	Signature string `json:"signature,omitzero"`
	Format    string `json:"format"`
	Index     int    `json:"index"`
}

type chatMessage struct {
	Role             string         `json:"role"`
	Content          *string        `json:"content"`
	Refusal          *string        `json:"refusal"`
	ReasoningContent *string        `json:"reasoning_content,omitzero"`
	Reasoning        *string        `json:"reasoning,omitzero"`
	Details          []chatDetail   `json:"reasoning_details,omitzero"`
	ToolCalls        []chatCall     `json:"tool_calls,omitzero"`
	Annotations      jsontext.Value `json:"annotations,omitzero"`
}

// chatParts is a message whose content is a list of parts.
type chatParts struct {
	chatMessage
	Content []any `json:"content"`
}

type chatLogprob struct {
	Token   string        `json:"token"`
	Logprob float64       `json:"logprob"`
	Bytes   []int         `json:"bytes"`
	Top     []chatLogprob `json:"top_logprobs,omitzero"`
}

type chatLogprobs struct {
	Content []chatLogprob `json:"content"`
	Refusal []chatLogprob `json:"refusal,format:emitnull"`
}

type chatChoice struct {
	Index        int           `json:"index"`
	Message      any           `json:"message"` // chatMessage or chatParts
	Logprobs     *chatLogprobs `json:"logprobs"`
	FinishReason string        `json:"finish_reason"`
	Native       string        `json:"native_finish_reason,omitzero"`
}

// whole writes an answer as one chat.completion.
func (f chatFormat) whole(x *exchange, a *answer) []byte {
	body := struct {
		ID          string       `json:"id"`
		Object      string       `json:"object"`
		Created     int64        `json:"created"`
		Model       string       `json:"model"`
		Provider    string       `json:"provider,omitzero"`
		Choices     []chatChoice `json:"choices"`
		Usage       *chatUsage   `json:"usage,omitzero"`
		ServiceTier string       `json:"service_tier,omitzero"`
		Fingerprint string       `json:"system_fingerprint"`
	}{
		ID: f.id(x, a), Object: "chat.completion", Created: a.created, Model: a.prompt.model,
		Usage: f.usage(x, a), Fingerprint: "fp_sim",
	}
	if x.family.costs {
		body.Provider = "Simulated"
	} else if !x.family.lenient {
		body.ServiceTier = "default"
	}
	for i, t := range a.turns {
		body.Choices = append(body.Choices, f.choice(x, a, i, t))
	}
	return encode(body)
}

// id is the id of an answer as the vendor writes them.
func (chatFormat) id(x *exchange, a *answer) string {
	switch {
	case x.family.costs:
		return "gen-" + a.id
	case x.family.replay:
		return a.id[:8] + "-" + a.id[8:12] + "-" + a.id[12:16] + "-" + a.id[16:20] + "-" + a.id[20:] + "00000000"
	}
	return "chatcmpl-" + a.id
}

func (f chatFormat) choice(x *exchange, a *answer, i int, t turn) chatChoice {
	m := chatMessage{Role: "assistant"}
	var parts []any // of the content, where it isn't text
	if t.text != "" || t.refusal == "" && len(t.calls) == 0 || x.family.replay {
		m.Content = &t.text
	}
	m.Refusal = optional(t.refusal)
	if !x.family.lenient {
		m.Annotations = jsontext.Value("[]")
	}
	if t.reasoning != "" {
		switch x.reasoningPlace() {
		case placeParts:
			parts = append([]any{thinkingPart(t.reasoning)}, textParts(t.text)...)
		case placeText:
			text := "<think>" + t.reasoning + "</think>\n\n" + t.text
			m.Content = &text
		case "reasoning_content":
			m.ReasoningContent = &t.reasoning
		case "reasoning":
			m.Reasoning = &t.reasoning
		}
		if x.family.details {
			m.Details = []chatDetail{{Type: "reasoning.text", Text: t.reasoning, Signature: t.seal, Format: "anthropic-claude-v1"}}
		}
	}
	for n, c := range t.calls {
		entry := chatCall{ID: x.chatCallID(c), Type: "function", Function: &chatFunction{c.name, c.input}}
		if c.free {
			entry = chatCall{ID: x.chatCallID(c), Type: "custom", Custom: &chatCustom{c.name, c.input}}
		}
		if x.family.bareCalls {
			entry.Type = ""
		}
		if x.family.lenient {
			entry.Index = &n
		}
		m.ToolCalls = append(m.ToolCalls, entry)
	}
	choice := chatChoice{Index: i, Message: m, FinishReason: x.chatFinish(t.end)}
	if parts != nil {
		choice.Message = chatParts{m, parts}
	}
	if x.family.costs {
		choice.Native = choice.FinishReason
	}
	if a.prompt.logprobs && t.text != "" {
		choice.Logprobs = &chatLogprobs{}
		for piece := range cut(t.text, a.prompt.script.size) {
			choice.Logprobs.Content = append(choice.Logprobs.Content, logprob(piece))
		}
	}
	return choice
}

// Where reasoning stands that has no field of its own.
const (
	placeParts = "parts of the content"
	placeText  = "the text"
)

// reasoningPlace is the field that the model's reasoning stands in, or one of the
// places above; "" hides it.
func (x *exchange) reasoningPlace() string {
	switch {
	case x.family.thinkParts:
		return placeParts
	case x.family.inText != nil && x.family.inText.MatchString(x.script.base):
		return placeText
	}
	return x.family.reasoningField
}

func thinkingPart(text string) any {
	return map[string]any{"type": "thinking", "thinking": textParts(text)}
}

func textParts(text string) []any {
	if text == "" {
		return []any{}
	}
	return []any{map[string]string{"type": "text", "text": text}}
}

// chatCallID is the id of a call in the shape that the vendor gives.
func (x *exchange) chatCallID(c call) string {
	if x.family.callID != nil {
		return c.id[:9]
	}
	return "call_" + c.id
}

func (x *exchange) chatFinish(end ending) string {
	switch end {
	case endDone, endStopped:
		if x.family.eos {
			return "eos"
		}
		return "stop"
	case endLimit:
		return "length"
	case endCalls:
		if x.script.noFinish {
			return ""
		}
		return "tool_calls"
	default:
		return "stop"
	}
}

func logprob(piece string) chatLogprob {
	l := chatLogprob{Token: piece, Logprob: -0.25, Bytes: make([]int, len(piece))}
	for i := range l.Bytes {
		l.Bytes[i] = int(piece[i])
	}
	return l
}

func (chatFormat) usage(x *exchange, a *answer) *chatUsage {
	if a.usage == nil {
		return nil
	}
	n := a.usage
	u := &chatUsage{PromptTokens: n.input, CompletionTokens: n.output, TotalTokens: n.input + n.output}
	u.PromptDetails = &chatPromptDetails{Cached: n.cached, Written: n.written}
	u.CompletionDetails = &chatCompletionDetails{Reasoning: n.reasoning}
	if x.family.cacheHits {
		miss := n.input - n.cached
		u.CacheHit, u.CacheMiss = &n.cached, &miss
	}
	if x.family.costs {
		cost := (float64(n.input) + 4*float64(n.output)) / 1e6
		u.Cost, u.CostDetails = &cost, &chatCostDetails{}
	}
	if x.family.usage != nil {
		x.family.usage(u, n)
	}
	return u
}

// chatStream writes an answer as chunks.
type chatStream struct {
	x       *exchange
	a       *answer
	out     *outlet
	head    []byte // of every chunk, up to the choices
	nothing []byte // what stands for usage where there is none
	counts  bool   // every chunk tells the usage so far
	pieces  int    // of the answer, when they are counted
	buf     []byte
}

func (f chatFormat) stream(x *exchange, a *answer) {
	s := &chatStream{x: x, a: a}
	s.head = append(s.head, `data: {"id":`...)
	s.head = append(s.head, encode(f.id(x, a))...)
	if !x.family.noObject {
		s.head = append(s.head, `,"object":"chat.completion.chunk"`...)
	}
	s.head = append(s.head, `,"created":`...)
	s.head = append(s.head, encode(a.created)...)
	s.head = append(s.head, `,"model":`...)
	s.head = append(s.head, encode(a.prompt.model)...)
	if x.family.costs {
		s.head = append(s.head, `,"provider":"Simulated"`...)
	} else if !x.family.lenient {
		s.head = append(s.head, `,"service_tier":"default"`...)
	}
	s.head = append(s.head, `,"system_fingerprint":"fp_sim","choices":[`...)
	trailing := a.prompt.askUsage && !x.family.inFinish && !x.family.usageInChoice
	s.counts = a.prompt.askUsage && x.family.everyUsage
	if trailing || x.family.inFinish {
		s.nothing = []byte(`,"usage":null`)
	}
	s.out = x.open("text/event-stream; charset=utf-8")
	if x.family.costs {
		s.out.frame([]byte(": OPENROUTER PROCESSING\n\n"))
	}
	if x.family.keepAlive {
		s.out.frame([]byte(": keep-alive\n\n"))
	}
	for i := range a.turns {
		first := `{"role":"assistant","content":""}`
		if x.family.noRole {
			first = `{"content":""}`
		}
		s.delta(i, first, false)
	}
	for i, t := range a.turns {
		s.turn(i, t)
	}
	usage := f.usage(x, a)
	if usage == nil {
		s.nothing = nil
	}
	s.out.finish()
	for i, t := range a.turns {
		s.finish(i, t, usage)
	}
	if usage != nil && (trailing || x.family.alwaysUsage) {
		s.chunk(nil, encode(usage), false)
	}
	s.out.frame(f.tail())
}

func (chatFormat) frame(event []byte) []byte {
	return bytes.Join([][]byte{[]byte("data: "), event, []byte("\n\n")}, nil)
}

func (chatFormat) tail() []byte { return []byte("data: [DONE]\n\n") }

func (chatFormat) idle() []byte { return []byte(": keep-alive\n\n") }

func (chatFormat) lists() bool { return true }

func (chatFormat) broken(o *outlet, f *failure) []byte {
	if o.x.family.vendorError {
		body := map[string]any{"choices": []any{}, "x_groq": map[string]any{"error": map[string]string{"message": f.message, "type": "server_error", "code": "over_capacity"}}}
		return append(append([]byte("data: "), encode(body)...), "\n\n"...)
	}
	end := func(reason string) string {
		return `"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":""},"finish_reason":"` + reason + `"}]`
	}
	b := append([]byte("data: "), openAIError(o.x, f)...)
	switch {
	case f.kind == overloaded && o.x.family.tiredWord != "":
		b = []byte("data: {" + end(o.x.family.tiredWord) + "}")
	case o.x.family.finishError:
		b = append(append(append(b[:len(b)-1], ','), end("error")...), '}')
	}
	return append(b, "\n\n"...)
}

// turn writes the content of one variant.
func (s *chatStream) turn(i int, t turn) {
	size := s.a.prompt.script.size
	switch field := s.x.reasoningPlace(); field {
	case "":
	case placeParts:
		for piece := range cut(t.reasoning, size) {
			s.delta(i, `{"content":`+string(encode([]any{thinkingPart(piece)}))+`}`, true)
		}
	case placeText:
		if t.reasoning != "" {
			t.text = "<think>" + t.reasoning + "</think>\n\n" + t.text
		}
	default:
		for piece := range cut(t.reasoning, size) {
			b := append(s.reset(), `{"`...)
			b = append(b, field...)
			b = quote(append(b, `":`...), piece)
			if s.x.family.details {
				detail := chatDetail{Type: "reasoning.text", Text: piece, Format: "anthropic-claude-v1"}
				b = append(append(append(b, `,"reasoning_details":[`...), encode(detail)...), ']')
			}
			s.delta(i, string(append(b, '}')), true)
		}
		if s.x.family.details && t.reasoning != "" {
			detail := chatDetail{Type: "reasoning.text", Signature: t.seal, Format: "anthropic-claude-v1"}
			s.delta(i, `{"reasoning_details":[`+string(encode(detail))+`]}`, false)
		}
	}
	for piece := range cut(t.refusal, size) {
		s.delta(i, string(append(quote(append(s.reset(), `{"refusal":`...), piece), '}')), true)
	}
	if s.a.prompt.logprobs || i > 0 || s.counts {
		s.slowText(i, t.text, size)
	} else {
		s.text(t.text, size)
	}
	for n, c := range t.calls {
		s.call(i, n, c, size)
	}
}

// text writes the text of the first variant, the bulk of most streams.
func (s *chatStream) text(text string, size int) {
	head := append(bytes.Clone(s.head), `{"index":0,"delta":{"content":`...)
	tail := append([]byte(`},"logprobs":null,"finish_reason":null}]`), s.nothing...)
	tail = append(tail, "}\n\n"...)
	var buf []byte
	for piece := range cut(text, size) {
		if s.out.over {
			return
		}
		buf = quote(append(buf[:0], head...), piece)
		s.out.piece(append(buf, tail...))
	}
}

// slowText writes text that isn't the only variant's or carries logprobs.
func (s *chatStream) slowText(i int, text string, size int) {
	for piece := range cut(text, size) {
		var probs *chatLogprobs
		if s.a.prompt.logprobs {
			probs = &chatLogprobs{Content: []chatLogprob{logprob(piece)}}
		}
		s.chunk(encode(chatDelta{Index: i, Delta: jsontext.Value(append(quote([]byte(`{"content":`), piece), '}')), Logprobs: probs}), s.nothing, true)
	}
}

type chatDelta struct {
	Index        int            `json:"index"`
	Delta        jsontext.Value `json:"delta"`
	Logprobs     *chatLogprobs  `json:"logprobs"`
	FinishReason *string        `json:"finish_reason"`
	Native       *string        `json:"native_finish_reason,omitzero"`
	Usage        *chatUsage     `json:"usage,omitzero"`
}

func (s *chatStream) call(i, n int, c call, size int) {
	if s.x.family.bareCalls {
		whole := chatCall{ID: s.x.chatCallID(c), Function: &chatFunction{c.name, c.input}}
		s.delta(i, `{"content":null,"tool_calls":[`+string(encode(whole))+`]}`, true)
		return
	}
	open := chatCall{Index: &n, ID: s.x.chatCallID(c), Type: "function", Function: &chatFunction{Name: c.name}}
	if c.free {
		open = chatCall{Index: &n, ID: s.x.chatCallID(c), Type: "custom", Custom: &chatCustom{Name: c.name}}
	}
	s.delta(i, `{"tool_calls":[`+string(encode(open))+`]}`, true)
	for piece := range cut(c.input, size) {
		more := chatCall{Index: &n, Function: &chatFunction{Arguments: piece}}
		if c.free {
			more = chatCall{Index: &n, Custom: &chatCustom{Input: piece}}
		}
		s.delta(i, `{"tool_calls":[`+string(encode(more))+`]}`, true)
	}
}

func (s *chatStream) finish(i int, t turn, usage *chatUsage) {
	reason := s.x.chatFinish(t.end)
	d := chatDelta{Index: i, Delta: jsontext.Value(`{}`), FinishReason: &reason}
	if s.x.family.costs {
		d.Native = &reason
	}
	told := s.nothing
	switch {
	case usage == nil:
	case s.x.family.inFinish:
		told = append([]byte(`,"usage":`), encode(usage)...)
	case s.x.family.usageInChoice:
		d.Usage = usage
	case s.x.family.vendorUsage:
		told = append(append(append(bytes.Clone(told), `,"x_groq":{"usage":`...), encode(usage)...), '}')
	}
	s.chunk(encode(d), told, false)
}

// delta writes a chunk with a change of one variant.
func (s *chatStream) delta(i int, delta string, counts bool) {
	s.chunk(encode(chatDelta{Index: i, Delta: jsontext.Value(delta)}), s.nothing, counts)
}

// chunk writes a chunk with a choice, or with none and usage alone.
func (s *chatStream) chunk(choice, usage []byte, counts bool) {
	if s.out.over {
		return
	}
	if counts && s.counts && s.a.usage != nil {
		s.pieces++
		so := &chatUsage{PromptTokens: s.a.usage.input, CompletionTokens: s.pieces, TotalTokens: s.a.usage.input + s.pieces}
		usage = append([]byte(`,"usage":`), encode(so)...)
	}
	b := append(bytes.Clone(s.head), choice...)
	b = append(b, ']')
	if choice == nil {
		b = append(b, `,"usage":`...)
	}
	b = append(append(b, usage...), "}\n\n"...)
	if counts {
		s.out.piece(b)
		return
	}
	s.out.frame(b)
}

func (s *chatStream) reset() []byte {
	s.buf = s.buf[:0]
	return s.buf
}

// quote appends s as a JSON string.
func quote(b []byte, s string) []byte {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil {
		return append(b, `""`...) // broken UTF-8, which nothing here makes
	}
	return b
}
