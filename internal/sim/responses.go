package sim

import (
	"math"
	"net/http"
	"strings"
)

// responsesFormat is OpenAI's Responses API, without its conversations.
type responsesFormat struct{}

func (responsesFormat) voice() voice { return openAIVoice{} }

func (responsesFormat) headers(x *exchange, h http.Header) { openAIHeaders(x, h) }

func (responsesFormat) refusal(x *exchange, f *failure) []byte { return openAIError(x, f) }

func (responsesFormat) plays(recording string) bool {
	return strings.HasPrefix(recording, "openai-resp-")
}

// responsesFields are the parameters of a request.
var responsesFields = fields{
	"model": anyText, "input": nil, "instructions": anyText, "max_output_tokens": count(16, math.MaxInt32),
	"reasoning": shape(fields{
		"effort": chatEfforts, "summary": oneOf("auto", "concise", "detailed"), "generate_summary": anyText,
		"context": oneOf("auto", "current_turn", "all_turns"), "mode": oneOf("standard", "pro"),
	}),
	"text":  shape(fields{"format": responsesTextFormat, "verbosity": oneOf("low", "medium", "high")}),
	"tools": anyList, "tool_choice": nil, "parallel_tool_calls": anyFlag, "store": anyFlag,
	"previous_response_id": anyText, "conversation": nil, "include": responsesInclude, "truncation": oneOf("auto", "disabled"),
	"background": anyFlag, "max_tool_calls": count(1, math.MaxInt32), "context_management": nil, "metadata": chatMetadata,
	"prompt": anyObject, "prompt_cache_key": anyText, "prompt_cache_retention": anyText, "prompt_cache_options": anyObject,
	"safety_identifier": longest(64), "service_tier": anyText, "stream": anyFlag,
	"stream_options": shape(fields{"include_obfuscation": anyFlag}),
	"temperature":    within(0, 2), "top_p": within(0, 1), "top_logprobs": count(0, 20), "user": anyText, "moderation": nil,
}

func responsesInclude(n node) {
	for _, item := range n.items() {
		item.among("file_search_call.results", "web_search_call.results", "web_search_call.action.sources", "message.input_image.image_url",
			"computer_call_output.output.image_url", "code_interpreter_call.outputs", "reasoning.encrypted_content", "message.output_text.logprobs")
	}
}

func responsesTextFormat(n node) {
	switch n.field("type").need().among("text", "json_object", "json_schema") {
	case "json_schema":
		n.field("schema").need()
		chatSchema(n)
	default:
		n.obey(fields{"type": nil})
	}
}

func (r responsesFormat) read(x *exchange, root node) *prompt {
	root.obey(responsesFields)
	p := &prompt{asked: root.object()}
	p.stream = root.field("stream").flag()
	p.limit = root.field("max_output_tokens").integer()
	p.single = root.field("parallel_tool_calls").has() && !root.field("parallel_tool_calls").flag()
	earlier := x.before(root)
	r.readTools(p, root)
	if format := root.field("text").field("format"); format.has() {
		p.object = format.field("type").v != "text"
		if p.schema = format.field("schema").v; p.schema != nil {
			p.read(string(encode(p.schema)))
		}
	}
	p.read(root.field("instructions").text())
	p.stored = !root.field("store").has() || root.field("store").flag()
	(&responsesHistory{x: x, p: p, stored: p.stored}).read(earlier, root.field("input").need())
	effort := root.field("reasoning").field("effort").v
	p.reasons = (x.script.think || effort != nil) && effort != "none"
	p.mute = !root.field("reasoning").field("summary").has()
	if x.family.check != nil {
		x.family.check(x, p, root)
	}
	if x.family.lenient {
		return p
	}
	r.depend(x, root)
	return p
}

// depend checks what a model doesn't take.
func (responsesFormat) depend(x *exchange, root node) {
	base := x.script.base
	if n := root.field("reasoning").field("effort"); n.has() && openAIPlain.MatchString(base) {
		n.fail("unsupported_parameter", "Unsupported parameter: 'reasoning.effort' is not supported with this model.")
	}
	if !openAIThinks.MatchString(base) || openAIChat.MatchString(base) {
		return
	}
	if openAIEffort.MatchString(base) && root.field("reasoning").field("effort").v == "none" {
		return
	}
	for _, name := range []string{"temperature", "top_p", "top_logprobs"} {
		if n := root.field(name); n.has() && n.v != 1.0 && n.v != 0.0 || name == "temperature" && n.v == 0.0 {
			n.fail("unsupported_parameter", "Unsupported parameter: '%s' is not supported with this model.", name)
		}
	}
}

func (responsesFormat) readTools(p *prompt, root node) {
	tools := root.field("tools")
	for _, t := range tools.items() {
		switch kind := t.field("type").need().text(); kind {
		case "function":
			t.obey(fields{
				"type": nil, "name": longest(64), "description": anyText, "parameters": anyObject, "strict": anyFlag, "defer_loading": anyFlag,
			})
			name := t.field("name").need().match(toolName)
			// A field that is absent means strict here, but a schema that isn't
			// is taken and made so.
			p.declare(tool{name: name, schema: functionSchema(t.field("parameters"), name, t.field("strict").flag())})
		case "custom":
			t.obey(fields{"type": nil, "name": longest(64), "description": anyText, "format": anyObject, "defer_loading": anyFlag})
			p.declare(tool{name: t.field("name").need().match(toolName), free: true})
		default:
			t.field("type").among("function", "custom", "web_search", "web_search_preview", "file_search", "code_interpreter",
				"computer_use_preview", "computer", "image_generation", "local_shell", "shell", "apply_patch", "mcp", "namespace", "tool_search")
		}
	}
	choice := root.field("tool_choice")
	if !choice.has() {
		return
	}
	if choice.isText() {
		p.choice = map[string]choiceKind{"none": choiceNone, "required": choiceAny}[choice.among("none", "auto", "required")]
		if p.choice == choiceAny && len(tools.items()) == 0 {
			choice.fail("", "Tool choice 'required' must be specified with 'tools' parameter.")
		}
		return
	}
	switch choice.field("type").need().text() {
	case "function", "custom":
		choice.obey(fields{"type": nil, "name": anyText})
		p.choice, p.forced = choiceAny, choice.field("name").need().text()
		if !p.declares(p.forced) {
			choice.fail("", "Tool choice '%s' not found in 'tools' parameter.", p.forced)
		}
	case "allowed_tools":
		choice.obey(fields{"type": nil, "mode": oneOf("auto", "required"), "tools": anyList})
		if choice.field("mode").need().text() == "required" {
			p.choice = choiceAny
		}
		for i, t := range choice.field("tools").need().items() {
			if i == 0 {
				p.forced = t.field("name").text()
			}
		}
	}
}
