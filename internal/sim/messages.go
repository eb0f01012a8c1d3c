package sim

import (
	"math"
	"slices"
	"strings"
)

// messagesFormat is Anthropic's Messages API.
type messagesFormat struct{}

func (messagesFormat) voice() voice { return anthropicVoice{} }

func (messagesFormat) plays(recording string) bool { return strings.HasPrefix(recording, "anthropic-") }

var cacheControl = shape(fields{"type": oneOf("ephemeral"), "ttl": oneOf("5m", "1h"), "scope": anyText})

// messagesFields are the parameters of a request.
var messagesFields = fields{
	"model": anyText, "messages": anyList, "max_tokens": count(0, math.MaxInt32), "system": nil,
	"stop_sequences": textList, "stream": anyFlag,
	"temperature": within(0, 1), "top_p": within(0, 1), "top_k": count(0, math.MaxInt32),
	"tools": anyList, "tool_choice": nil, "thinking": nil,
	"output_config": shape(fields{
		"effort": oneOf("low", "medium", "high", "xhigh", "max"), "format": messagesOutput, "task_budget": anyObject,
	}),
	"cache_control": cacheControl, "metadata": shape(fields{"user_id": anyText}),
	"service_tier": oneOf("auto", "standard_only"), "speed": oneOf("standard", "fast"), "inference_geo": anyText,
	"container": nil, "diagnostics": nil, "context_management": anyObject, "mcp_servers": anyList,
}

func messagesOutput(n node) {
	n.obey(fields{"type": oneOf("json_schema"), "schema": anyObject})
	n.field("type").need()
	closedSchema(n.field("schema").need(), n.field("schema").v, 0)
}

// closedSchema refuses a schema with an open object.
func closedSchema(n node, v any, depth int) {
	schema, ok := v.(map[string]any)
	if !ok || depth > maxDepth {
		return
	}
	if open, ok := schema["additionalProperties"].(bool); typeOf(schema) == "object" && (!ok || open) {
		n.fail("", "%s: For 'object' type, 'additionalProperties' must be explicitly set to false", n.at)
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, p := range properties {
		closedSchema(n, p, depth+1)
	}
	closedSchema(n, schema["items"], depth+1)
}

func (m messagesFormat) read(x *exchange, root node) *prompt {
	p := &prompt{}
	version := x.r.Header.Get("Anthropic-Version")
	switch {
	case x.family.lenient:
	case version == "":
		root.fail("", "anthropic-version: header is required")
	case !slices.Contains(versions, version):
		root.fail("", "anthropic-version: %q is not a valid version", version)
	}
	root.obey(messagesFields)
	if !x.counting {
		p.limit = root.field("max_tokens").need().integer()
	}
	p.stream = root.field("stream").flag()
	for _, stop := range root.field("stop_sequences").items() {
		if strings.TrimSpace(stop.text()) == "" {
			stop.fail("", "stop_sequences: each stop sequence must contain non-whitespace")
		}
		p.stops = append(p.stops, stop.text())
	}
	m.readTools(p, root)
	thinking := m.readThinking(x, p, root)
	h := &messagesHistory{x: x, p: p, wants: thinking}
	h.system(root.field("system"))
	h.read(root.field("messages").need())
	m.sampling(x, p, root, version)
	if format := root.field("output_config").field("format"); format.has() {
		p.object, p.schema = true, format.field("schema").v
		p.read(string(encode(p.schema)))
	}
	if root.field("cache_control").has() {
		h.marks++
	}
	if h.marks > 4 {
		root.fail("", "A maximum of 4 blocks with cache_control may be provided. Found %d.", h.marks)
	}
	p.cacheable = h.marks > 0
	return p
}

var toolFields = fields{
	"type": oneOf("custom"), "name": nil, "description": anyText, "input_schema": anyObject, "strict": anyFlag,
	"cache_control": cacheControl, "eager_input_streaming": anyFlag, "defer_loading": anyFlag,
	"allowed_callers": anyList, "input_examples": anyList,
}

func (messagesFormat) readTools(p *prompt, root node) {
	tools := root.field("tools")
	for _, t := range tools.items() {
		if kind := t.field("type"); kind.isText() && typedTool.MatchString(kind.text()) {
			p.declare(tool{name: t.field("name").need().text()})
			continue
		}
		t.obey(toolFields)
		name := t.field("name").need().match(anthropicTool)
		if p.declares(name) {
			t.fail("", "tools: Tool names must be unique.")
		}
		schema := t.field("input_schema").need()
		if kind := schema.field("type"); kind.need().text() != "object" {
			kind.fail("", "%s: Input should be 'object'", kind.at)
		}
		for _, key := range []string{"oneOf", "allOf", "anyOf"} {
			if schema.field(key).has() {
				schema.fail("", "%s: input_schema does not support oneOf, allOf, or anyOf at the top level", schema.at)
			}
		}
		if t.field("strict").flag() {
			closedSchema(schema, schema.v, 0)
		}
		p.declare(tool{name: name, schema: schema.v})
	}
	choice := root.field("tool_choice")
	if !choice.has() {
		return
	}
	kind := choice.field("type").need().among("auto", "any", "tool", "none")
	known := fields{"type": nil}
	if kind != "none" {
		known["disable_parallel_tool_use"] = anyFlag
	}
	if kind == "tool" {
		known["name"] = anyText
	}
	choice.obey(known)
	if len(p.tools) == 0 {
		choice.fail("", "tool_choice: tool_choice may only be specified while providing tools")
	}
	p.single = choice.field("disable_parallel_tool_use").flag()
	switch kind {
	case "none":
		p.choice = choiceNone
	case "any":
		p.choice = choiceAny
	case "tool":
		p.choice, p.forced = choiceAny, choice.field("name").need().text()
		if !p.declares(p.forced) {
			choice.fail("", "tool_choice: Tool '%s' not found in provided tools", p.forced)
		}
	}
}

// thinking is how much reasoning a request must bring back.
type thinking int

const (
	thinkingOff   thinking = iota
	thinkingLoose          // that of calls which were made after reasoning
	thinkingTight          // the last turn of calls begins with reasoning
)

func (messagesFormat) readThinking(x *exchange, p *prompt, root node) thinking {
	n := root.field("thinking")
	// A Claude thinks when it is asked to; a model without a name does as its script
	// says.
	p.reasons = x.script.think && (n.has() || !strings.Contains(x.script.base, "claude-"))
	mode := thinkingOff
	if p.reasons {
		mode = thinkingLoose
	}
	if !n.has() {
		return mode
	}
	base := x.script.base
	kind := n.field("type").need().among("enabled", "disabled", "adaptive", "between_tools")
	display := oneOf("summarized", "omitted")
	switch kind {
	case "disabled":
		n.obey(fields{"type": nil})
		p.reasons = false
		return thinkingOff
	case "enabled":
		n.obey(fields{"type": nil, "budget_tokens": count(1024, math.MaxInt32), "display": display})
		budget := n.field("budget_tokens")
		if !x.family.lenient {
			budget.need()
		}
		if budget.has() && !x.counting && budget.integer() >= p.limit {
			n.fail("", "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size")
		}
		if claudeNewest.MatchString(base) {
			n.fail("", "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior.")
		}
		if mode = thinkingTight; x.family.lenient {
			mode = thinkingLoose // imitators miss what they gave, no more
		}
	default:
		n.obey(fields{"type": nil, "display": display})
		if claudeBudgetOnly.MatchString(base) {
			n.fail("", "adaptive thinking is not supported on this model")
		}
		mode = thinkingLoose
	}
	p.reasons = true
	p.mute = n.field("display").v == "omitted"
	if kind != "enabled" {
		return mode
	}
	if p.choice == choiceAny {
		n.fail("", "Thinking may not be enabled when tool_choice forces tool use.")
	}
	if t := root.field("temperature"); t.has() && t.number() != 1 {
		n.fail("", "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking")
	}
	if root.field("top_k").has() {
		n.fail("", "`top_k` must be unset when thinking is enabled.")
	}
	return mode
}

// sampling refuses parameters that a version or a model doesn't take.
func (messagesFormat) sampling(x *exchange, _ *prompt, root node, version string) {
	temperature, topP, topK := root.field("temperature"), root.field("top_p"), root.field("top_k")
	for _, n := range []node{temperature, topP, topK} {
		if n.has() && version == versionNow {
			n.fail("", "%s: Extra inputs are not permitted", n.at)
		}
	}
	base := x.script.base
	if claudeOneSampler.MatchString(base) && temperature.has() && topP.has() {
		root.fail("", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	if !claudeNewest.MatchString(base) {
		return
	}
	switch {
	case temperature.has() && temperature.number() != 1:
		root.fail("", "`temperature` is deprecated for this model.")
	case topP.has() && topP.number() < 0.99:
		root.fail("", "`top_p` is deprecated for this model.")
	case topK.has():
		root.fail("", "`top_k` is deprecated for this model.")
	}
}
