package sim

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
)

// chatFormat is OpenAI's Chat Completions, as OpenAI and those after it serve it.
type chatFormat struct{}

func (chatFormat) voice() voice { return openAIVoice{} }

func (chatFormat) headers(x *exchange, h http.Header) { openAIHeaders(x, h) }

func (chatFormat) refusal(x *exchange, f *failure) []byte { return openAIError(x, f) }

func (chatFormat) plays(recording string) bool {
	return recording != "" && !slices.ContainsFunc([]string{"openai-resp-", "anthropic-", "google-"}, func(prefix string) bool {
		return strings.HasPrefix(recording, prefix)
	})
}

var chatEfforts = oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")

// chatFields are the parameters of a request.
var chatFields = fields{
	"model": anyText, "messages": anyList, "audio": anyObject, "functions": anyList, "function_call": nil,
	"frequency_penalty": within(-2, 2), "presence_penalty": within(-2, 2), "logit_bias": anyObject,
	"logprobs": anyFlag, "top_logprobs": count(0, 20),
	"max_completion_tokens": count(1, math.MaxInt32), "max_tokens": count(1, math.MaxInt32),
	"metadata": chatMetadata, "modalities": textList, "moderation": nil, "n": count(1, 128),
	"parallel_tool_calls": anyFlag, "prediction": anyObject,
	"prompt_cache_key": anyText, "prompt_cache_retention": anyText,
	"prompt_cache_options": shape(fields{"mode": anyText, "ttl": anyText}),
	"reasoning_effort":     chatEfforts, "response_format": chatResponseFormat,
	"safety_identifier": longest(64), "seed": anyInt, "service_tier": anyText, "stop": chatStop, "store": anyFlag,
	"stream": anyFlag, "stream_options": shape(fields{"include_usage": anyFlag, "include_obfuscation": anyFlag}),
	"temperature": within(0, 2), "tool_choice": nil, "tools": anyList, "top_p": within(0, 1), "user": anyText,
	"verbosity": oneOf("low", "medium", "high"), "web_search_options": anyObject,
}

func chatMetadata(n node) {
	object := n.object()
	if len(object) > 16 {
		n.fail("object_above_max_properties", "Invalid '%s': too many properties. Expected an object with at most 16 properties, but got an object with %d properties instead.", n.at, len(object))
	}
	for key := range object {
		longest(512)(n.field(key).need())
	}
}

func chatStop(n node) {
	if n.isText() {
		return
	}
	textList(n)
	if items := n.items(); len(items) > 4 {
		n.fail("array_above_max_length", "Invalid '%s': array too long. Expected an array with maximum length 4, but got an array with length %d instead.", n.at, len(items))
	}
}

func chatResponseFormat(n node) {
	switch n.field("type").need().among("text", "json_object", "json_schema") {
	case "json_schema":
		n.obey(fields{"type": nil, "json_schema": chatSchema})
		n.field("json_schema").need()
	default:
		n.obey(fields{"type": nil})
	}
}

// chatSchema checks a named schema, in Chat below json_schema, in Responses
// beside the type.
func chatSchema(n node) {
	n.obey(fields{"type": nil, "name": longest(64), "description": anyText, "schema": anyObject, "strict": anyFlag})
	n.field("name").need().match(toolName)
	if n.field("strict").flag() {
		strictSchema(n, "response_format '"+n.field("name").text()+"'", n.field("schema").v, 0)
	}
}

func (f chatFormat) read(x *exchange, root node) *prompt {
	known := chatFields
	if x.family.fields != nil {
		known = x.family.fields
	}
	root.obey(known)
	p := &prompt{variants: root.field("n").integer()}
	p.stream = root.field("stream").flag()
	p.askUsage = root.field("stream_options").field("include_usage").flag()
	p.limit = root.field("max_tokens").integer()
	if !x.family.oldLimit {
		p.limit = max(p.limit, root.field("max_completion_tokens").integer())
	}
	p.logprobs = root.field("logprobs").flag()
	p.single = root.field("parallel_tool_calls").has() && !root.field("parallel_tool_calls").flag()
	if stop := root.field("stop"); stop.isText() {
		p.stops = []string{stop.text()}
	} else {
		for _, item := range stop.items() {
			p.stops = append(p.stops, item.text())
		}
	}
	f.readTools(x, p, root)
	f.readFormat(p, root)
	p.reasons = f.reasons(x, root)
	p.mute = x.family.reasoningField == "" && !x.family.thinkParts
	(&chatHistory{x: x, p: p}).read(root.field("messages").need())
	f.depend(x, p, root)
	if x.family.check != nil {
		x.family.check(x, p, root)
	}
	return p
}

// reasons says whether the model reasons before it answers: the words of its
// name or the request ask for it, and nothing turns it off.
func (chatFormat) reasons(x *exchange, root node) bool {
	toggle, effort, object := root.field("thinking").field("type").v, root.field("reasoning_effort").v, root.field("reasoning")
	if toggle == "disabled" || effort == "none" || object.field("enabled").v == false || object.field("effort").v == "none" {
		return false
	}
	kwargs := root.field("chat_template_kwargs")
	for _, n := range []node{root.field("enable_thinking"), kwargs.field("enable_thinking"), kwargs.field("thinking"), object.field("enabled")} {
		if n.has() {
			return n.flag()
		}
	}
	if x.script.think || toggle == "enabled" {
		return true
	}
	m, _ := x.find(x.model)
	return x.family.replay && m.thinks || x.family.details && object.has()
}

func (chatFormat) readTools(x *exchange, p *prompt, root node) {
	kinds := []string{"function", "custom"}
	if x.family.functions {
		kinds = kinds[:1]
	}
	tools := root.field("tools")
	if tools.has() && len(tools.items()) == 0 {
		tools.fail("empty_array", "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	for _, t := range tools.items() {
		t.obey(fields{"type": anyText, "function": anyObject, "custom": anyObject})
		switch t.field("type").need().among(kinds...) {
		case "function":
			fn := t.field("function").need()
			fn.obey(fields{"name": longest(64), "description": anyText, "parameters": anyObject, "strict": anyFlag})
			name := fn.field("name").need().match(toolName)
			p.declare(tool{name: name, schema: functionSchema(fn.field("parameters"), name, fn.field("strict").flag())})
		case "custom":
			custom := t.field("custom").need()
			custom.obey(fields{"name": longest(64), "description": anyText, "format": anyObject})
			p.declare(tool{name: custom.field("name").need().match(toolName), free: true})
		}
	}
	choice := root.field("tool_choice")
	if !tools.has() {
		if choice.has() {
			choice.fail("", "'tool_choice' is only allowed when 'tools' are specified.")
		}
		if parallel := root.field("parallel_tool_calls"); parallel.has() {
			parallel.fail("", "'parallel_tool_calls' is only allowed when 'tools' are specified.")
		}
		return
	}
	if choice.isText() {
		p.choice = map[string]choiceKind{"none": choiceNone, "required": choiceAny}[choice.among("none", "auto", "required")]
		return
	}
	chatNamedChoice(p, choice)
}

// chatNamedChoice reads a choice that names a tool, or several.
func chatNamedChoice(p *prompt, choice node) {
	if !choice.has() {
		return
	}
	switch kind := choice.field("type").need().among("function", "custom", "allowed_tools"); kind {
	case "function", "custom":
		choice.obey(fields{"type": nil, kind: shape(fields{"name": anyText})})
		name := choice.field(kind).need().field("name").need()
		p.choice, p.forced = choiceAny, name.text()
		if !p.declares(p.forced) {
			choice.fail("", "Invalid value for 'tool_choice': function '%s' not found in 'tools'.", p.forced)
		}
	case "allowed_tools":
		allowed := choice.field("allowed_tools").need()
		if allowed.field("mode").need().among("auto", "required") == "required" {
			p.choice = choiceAny
		}
		for _, t := range allowed.field("tools").need().items() {
			if name := t.field("function").field("name").text(); p.forced == "" && name != "" {
				p.forced = name
			}
		}
	}
}

func (chatFormat) readFormat(p *prompt, root node) {
	format := root.field("response_format")
	switch format.field("type").text() {
	case "json_object":
		p.object = true
	case "json_schema":
		p.object = true
		p.schema = format.field("json_schema").field("schema").v
		p.read(string(encode(p.schema)))
	}
}

// depend checks what one parameter says of another, and what a model doesn't
// take.
func (chatFormat) depend(x *exchange, p *prompt, root node) {
	if o := root.field("stream_options"); o.has() && !p.stream {
		o.fail("", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	if o := root.field("top_logprobs"); o.has() && !p.logprobs {
		o.fail("", "'logprobs' must be true when 'top_logprobs' is set.")
	}
	both := root.field("max_tokens").has() && root.field("max_completion_tokens").has()
	if both && !x.family.lenient {
		root.field("max_tokens").fail("invalid_parameter_combination", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	}
	if format := root.field("response_format"); format.field("type").v == "json_object" && !strings.Contains(strings.ToLower(string(encode(root.field("messages").v))), "json") {
		root.field("messages").fail("", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	}
	if x.family.lenient || x.family.fields != nil {
		return
	}
	base := x.script.base
	unsupported := func(name, hint string) {
		if n := root.field(name); n.has() {
			n.fail("unsupported_parameter", "Unsupported parameter: '%s' is not supported with this model.%s", name, hint)
		}
	}
	if openAINoStop.MatchString(base) {
		unsupported("stop", "")
	}
	if openAIPlain.MatchString(base) {
		unsupported("reasoning_effort", "")
	}
	if !openAIThinks.MatchString(base) || openAIChat.MatchString(base) {
		return
	}
	unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
	if openAIEffort.MatchString(base) && root.field("reasoning_effort").v == "none" {
		return
	}
	for _, name := range []string{"temperature", "top_p"} {
		if n := root.field(name); n.has() && n.number() != 1 {
			n.fail("unsupported_value", "Unsupported value: '%s' does not support %v with this model. Only the default (1) value is supported.", name, n.number())
		}
	}
	for _, name := range []string{"logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty"} {
		if n := root.field(name); n.has() && n.v != false && n.v != 0.0 {
			unsupported(name, "")
		}
	}
}

// chatHistory checks the messages of a request in their order.
type chatHistory struct {
	x    *exchange
	p    *prompt
	open map[string]bool // ids of calls that wait for a result
	seen map[string]bool
	last node // the message with those calls
}

func (h *chatHistory) read(messages node) {
	h.seen = map[string]bool{}
	list := messages.items()
	if messages.has() && len(list) == 0 {
		messages.fail("empty_array", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	for i, m := range list {
		role := m.field("role").need().among("system", "assistant", "user", "function", "tool", "developer")
		if role == "developer" && h.x.family.noDeveloper {
			m.fail("invalid_request_error", "%s.role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`", m.at)
		}
		if role != "tool" {
			h.settle(i)
		}
		switch role {
		case "tool":
			h.result(m, i)
		case "assistant":
			h.assistant(m)
		case "function":
			m.obey(fields{"role": nil, "name": anyText, "content": anyText})
		default:
			allowed := []string{"text"}
			if role == "user" {
				allowed = []string{"text", "image_url", "input_audio", "file"}
			}
			m.obey(fields{"role": nil, "name": anyText, "content": nil})
			h.content(m.field("content"), allowed, true)
		}
	}
	h.settle(len(list))
}

// settle refuses calls that were left without a result.
func (h *chatHistory) settle(before int) {
	if len(h.open) == 0 {
		return
	}
	var ids []string
	for id := range h.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	h.last.c.refuse(refuse(fmt.Sprintf("messages.[%d].role", before), "", "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "+
		"The following tool_call_ids did not have response messages: %s", strings.Join(ids, ", ")))
	h.open = nil
}

func (h *chatHistory) result(m node, i int) {
	m.obey(fields{"role": nil, "tool_call_id": longest(40), "content": nil, "name": anyText})
	id := m.field("tool_call_id").need().text()
	if !h.open[id] {
		text := "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
		m.c.refuse(refuse(fmt.Sprintf("messages.[%d].role", i), "", "%s", text))
	}
	delete(h.open, id)
	h.content(m.field("content"), []string{"text"}, true)
}

func (h *chatHistory) assistant(m node) {
	known := fields{
		"role": nil, "content": nil, "refusal": anyText, "name": anyText, "audio": anyObject,
		"tool_calls": anyList, "function_call": anyObject, "annotations": anyList,
	}
	if h.x.family.said != nil {
		known = h.x.family.said
	}
	m.obey(known)
	calls := m.field("tool_calls")
	allowed := []string{"text", "refusal"}
	if h.x.family.thinkParts {
		allowed = []string{"text", "thinking"}
	}
	h.content(m.field("content"), allowed, !calls.has() && !m.field("refusal").has() && !m.field("function_call").has())
	h.p.read(m.field("refusal").text())
	if calls.has() && len(calls.items()) == 0 && !h.x.family.lenient {
		calls.fail("empty_array", "Invalid '%s': empty array. Expected an array with minimum length 1, but got an empty array instead.", calls.at)
	}
	h.open = map[string]bool{}
	h.last = m
	for _, c := range calls.items() {
		h.call(c)
	}
	if len(h.open) == 0 {
		return
	}
	h.p.rounds++
	h.reasoning(m)
}

func (h *chatHistory) call(c node) {
	c.obey(fields{"id": longest(40), "type": anyText, "function": anyObject, "custom": anyObject, "index": anyInt})
	id := c.field("id").need().text()
	if shape := h.x.family.callID; shape != nil && !shape.MatchString(id) {
		c.fail("3280", "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id)
	}
	if h.seen[id] {
		c.fail("", "Duplicate value for 'tool_call_id' of '%s' in %s.", id, c.at)
	}
	h.seen[id], h.open[id] = true, true
	kind := c.field("type")
	if !h.x.family.bareCalls || kind.has() {
		kind.need().among("function", "custom")
	}
	switch kind.v {
	case "function", nil:
		fn := c.field("function").need()
		fn.obey(fields{"name": longest(64), "arguments": anyText})
		h.p.read(fn.field("name").need().match(toolName))
		h.p.read(fn.field("arguments").need().text())
	case "custom":
		custom := c.field("custom").need()
		custom.obey(fields{"name": longest(64), "input": anyText})
		h.p.read(custom.field("name").need().match(toolName))
		h.p.read(custom.field("input").need().text())
	}
}

// reasoning checks what a vendor wants back of a turn that called tools.
func (h *chatHistory) reasoning(m node) {
	if text := m.field("reasoning_content"); h.x.family.replay && h.p.reasons && !text.isText() {
		m.fail("invalid_request_error", "The `reasoning_content` in the thinking mode must be passed back to the API.")
	}
	if !h.x.family.details {
		return
	}
	for _, d := range m.field("reasoning_details").items() {
		seal := d.field("signature")
		if d.field("type").v == "reasoning.encrypted" {
			seal = d.field("data")
		}
		if !seal.has() {
			continue
		}
		text, ok := h.x.sealed(h.x.model, seal.text())
		if shown := d.field("text"); !ok || shown.has() && shown.text() != text {
			d.fail("", "Provider returned error: Invalid `signature` in `thinking` block")
		}
	}
}

// content reads the content of a message: text or parts of the kinds allowed.
func (h *chatHistory) content(n node, allowed []string, needed bool) {
	if !n.has() {
		if needed {
			n.fail("invalid_type", "Invalid value for 'content': expected a string, got null.")
		}
		return
	}
	if n.isText() {
		h.p.read(n.text())
		return
	}
	items := n.items()
	if len(items) == 0 && needed {
		n.fail("empty_array", "Invalid '%s': empty array. Expected an array with minimum length 1, but got an empty array instead.", n.at)
	}
	for _, part := range items {
		h.part(part, allowed)
	}
}

func (h *chatHistory) part(part node, allowed []string) {
	kind := part.field("type").need().among(allowed...)
	known := fields{"type": nil, "prompt_cache_breakpoint": nil}
	if h.x.family.lenient {
		known["cache_control"] = anyObject
	}
	known[kind] = nil
	part.obey(known)
	value := part.field(kind).need()
	switch kind {
	case "text", "refusal":
		h.p.read(value.text())
	case "thinking":
		for _, piece := range value.items() {
			h.p.read(piece.field("text").need().text())
		}
	case "image_url":
		value.obey(fields{"url": nil, "detail": oneOf("auto", "low", "high", "original")})
		h.p.see(pictureURL(value.field("url")))
	case "input_audio":
		value.obey(fields{"data": anyText, "format": oneOf("wav", "mp3")})
		value.field("format").need()
		h.p.see(value.field("data").need().text())
	case "file":
		value.obey(fields{"file_id": anyText, "file_data": anyText, "filename": anyText})
		if !value.field("file_id").has() {
			h.p.see(value.field("file_data").need().text())
		}
	}
}
