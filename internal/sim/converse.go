package sim

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// converseFormat is Bedrock's Converse and ConverseStream. Errors are as with
// its other operations.
type converseFormat struct{ bedrockFormat }

func (converseFormat) voice() voice { return amazonVoice{} }

func (converseFormat) plays(string) bool { return false }

// Families of Bedrock's models, by the name that a script plays.
var (
	bedrockClaude   = regexp.MustCompile(`anthropic\.claude-`)
	bedrockNova     = regexp.MustCompile(`amazon\.nova-`)
	bedrockNovaTwo  = regexp.MustCompile(`amazon\.nova-2-`)
	bedrockEffort   = regexp.MustCompile(`openai\.gpt-oss|moonshot(ai)?\.kimi-k2`)
	bedrockTopK     = regexp.MustCompile(`anthropic\.claude-|mistral\.`)
	bedrockSchema   = regexp.MustCompile(`^$|anthropic\.claude-[a-z]+-(4[-.][5-9]|[5-9])|(openai|qwen|moonshot(ai)?|google|nvidia|minimax|zai)\.|deepseek\.v3|mistral\.(ministral|magistral|voxtral|mistral-large-3)`)
	bedrockNoChoice = regexp.MustCompile(`(meta|ai21)\.`)
)

// converse answers at a path that names the model.
func (x *exchange) converse(stream bool) {
	if x.model, x.streaming = x.profiled(), stream; !x.unrouted() {
		x.ask()
	}
}

// unrouted refuses a model that answers by a profile's id, called by its own.
func (x *exchange) unrouted() bool {
	m, listed := x.serving(x.r.PathValue("model"))
	if !listed || !m.routed {
		return false
	}
	x.fail(refuse("", "", "Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", m.id))
	return true
}

// profiled is the model that a path of Bedrock's names: by its id, by that of an
// inference profile, or by the ARN of one.
func (x *exchange) profiled() string {
	model := x.r.PathValue("model")
	if strings.HasPrefix(model, "arn:aws:bedrock:") {
		model = model[strings.LastIndexByte(model, '/')+1:]
	}
	if base, ok := strings.CutPrefix(model, "us."); ok {
		if _, listed := x.serving(base); listed {
			return base
		}
	}
	return model
}

// unsupported refuses a field that the API has and the model doesn't.
func unsupported(n node) {
	if n.has() {
		n.fail("", "This model doesn't support the %s field. Remove %s and try again.", n.at, n.at)
	}
}

// union holds n to exactly one of some members and returns its name.
func union(n node, members fields) string {
	n.need().obey(members)
	var name string
	for key, v := range n.object() {
		if v == nil {
			continue
		}
		if name != "" {
			n.fail("", "The value at %s holds several of the members of which it may hold one.", n.at)
		}
		name = key
	}
	if name == "" && n.has() {
		n.fail("", "The value at %s holds none of the members of which it must hold one.", n.at)
	}
	return name
}

var converseCachePoint = shape(fields{"type": oneOf("default"), "ttl": oneOf("5m", "1h")})

// converseFields are the members of a request.
var converseFields = fields{
	"messages": anyList, "system": anyList, "toolConfig": shape(fields{"tools": anyList, "toolChoice": nil}),
	"inferenceConfig": shape(fields{
		"maxTokens": count(1, math.MaxInt32), "temperature": within(0, 1), "topP": within(0, 1), "stopSequences": textList,
	}),
	"additionalModelRequestFields": anyObject, "additionalModelResponseFieldPaths": textList,
	"guardrailConfig": anyObject, "promptVariables": anyObject, "requestMetadata": anyObject,
	"performanceConfig": shape(fields{"latency": oneOf("standard", "optimized")}),
	"serviceTier":       shape(fields{"type": oneOf("default", "flex", "priority", "reserved")}),
	"outputConfig":      shape(fields{"effort": oneOf("low", "medium", "high", "xhigh", "max"), "textFormat": nil}),
}

func (c converseFormat) read(x *exchange, root node) *prompt {
	p := &prompt{stream: x.streaming, reasons: x.script.think}
	root.obey(converseFields)
	inference := root.field("inferenceConfig")
	p.limit = inference.field("maxTokens").integer()
	for _, stop := range inference.field("stopSequences").items() {
		if strings.TrimSpace(stop.text()) == "" {
			stop.fail("", "%s: each stop sequence must contain non-whitespace", stop.at)
		}
		p.stops = append(p.stops, stop.text())
	}
	h := &converseHistory{x: x, p: p, names: map[string]bool{}}
	c.readTools(h, root.field("toolConfig"))
	h.wants = c.readAdditional(x, p, root)
	h.system(root.field("system"))
	h.read(root.field("messages").need())
	if h.called && len(p.tools) == 0 {
		root.fail("", "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	}
	c.readOutput(x, p, root.field("outputConfig"))
	if h.marks > 4 {
		root.fail("", "A maximum of 4 cachePoint blocks may be provided. Found %d.", h.marks)
	}
	p.cacheable = h.marks > 0
	return p
}

var amazonTool = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func (converseFormat) readTools(h *converseHistory, config node) {
	if !config.has() {
		return
	}
	tools := config.field("tools").need().items()
	if len(tools) == 0 {
		config.fail("", "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	for i, t := range tools {
		switch union(t, fields{"toolSpec": nil, "cachePoint": converseCachePoint, "systemTool": shape(fields{"name": anyText})}) {
		case "cachePoint":
			h.mark(t, i > 0)
		case "toolSpec":
			spec := t.field("toolSpec")
			spec.obey(fields{"name": nil, "description": anyText, "inputSchema": nil, "strict": anyFlag})
			if d := spec.field("description"); d.isText() && d.text() == "" {
				d.fail("", "1 validation error detected: Value '' at '%s' failed to satisfy constraint: Member must have length greater than or equal to 1", d.at)
			}
			name := spec.field("name").need().match(amazonTool)
			if h.p.declares(name) {
				spec.fail("", "The toolConfig.tools field holds two tools of the name %s.", name)
			}
			input := spec.field("inputSchema").need()
			union(input, fields{"json": anyObject})
			schema := input.field("json")
			if kind := schema.field("type"); kind.v != "object" {
				kind.fail("", "The value at %s must be one of the following: object.", kind.at)
			}
			if spec.field("strict").flag() {
				closedSchema(schema, schema.v, 0)
			}
			h.p.declare(tool{name: name, schema: schema.v})
		}
	}
	if choice := config.field("toolChoice"); choice.has() {
		readToolChoice(h, choice)
	}
}

func readToolChoice(h *converseHistory, choice node) {
	kind := union(choice, fields{"auto": shape(fields{}), "any": shape(fields{}), "tool": shape(fields{"name": anyText})})
	if bedrockNoChoice.MatchString(h.x.script.base) {
		unsupported(choice.field(kind))
	}
	switch kind {
	case "any":
		h.p.choice = choiceAny
	case "tool":
		name := choice.field("tool").field("name").need()
		if h.p.choice, h.p.forced = choiceAny, name.text(); !h.p.declares(h.p.forced) {
			name.fail("", "The tool %s of toolConfig.toolChoice is not among toolConfig.tools.", h.p.forced)
		}
	}
}

// readAdditional reads what is each model's own: how it reasons, and sampling that
// the API has no word for.
func (converseFormat) readAdditional(x *exchange, p *prompt, root node) thinking {
	own, inference := root.field("additionalModelRequestFields"), root.field("inferenceConfig")
	base := x.script.base
	known := fields{}
	if bedrockTopK.MatchString(base) {
		known["top_k"] = count(0, math.MaxInt32)
	}
	switch {
	case bedrockClaude.MatchString(base):
		known["thinking"], known["anthropic_beta"], known["output_config"] = nil, textList, anyObject
		own.obey(known)
		return readClaude(x, p, own, inference)
	case bedrockNova.MatchString(base):
		known["inferenceConfig"] = shape(fields{"topK": count(1, 128)})
		if bedrockNovaTwo.MatchString(base) {
			known["reasoningConfig"] = shape(fields{"type": oneOf("enabled", "disabled"), "maxReasoningEffort": oneOf("low", "medium", "high")})
		}
		own.obey(known)
		reasoning := own.field("reasoningConfig")
		p.reasons = p.reasons || reasoning.field("type").v == "enabled"
		for _, name := range []string{"maxTokens", "temperature", "topP"} {
			if n := inference.field(name); n.has() && reasoning.field("maxReasoningEffort").v == "high" {
				n.fail("", "%s cannot be set when maxReasoningEffort is high", n.at)
			}
		}
		return thinkingOff
	case bedrockEffort.MatchString(base):
		known["reasoning_effort"] = oneOf("low", "medium", "high")
	}
	own.obey(known)
	return thinkingOff
}

// readClaude reads a Claude's own fields, in which Anthropic's rules hold.
func readClaude(x *exchange, p *prompt, own, inference node) thinking {
	limit := p.limit
	p.limit = cmp.Or(limit, math.MaxInt32) // unsaid it is the model's own
	wants := messagesFormat{}.readThinking(x, p, own)
	p.limit = limit
	temperature, topP := inference.field("temperature"), inference.field("topP")
	switch {
	case own.field("thinking").field("type").v == "enabled" && temperature.has() && temperature.number() != 1:
		temperature.fail("", "The model returned the following errors: `temperature` may only be set to 1 when thinking is enabled.")
	case claudeOneSampler.MatchString(x.script.base) && temperature.has() && topP.has():
		topP.fail("", "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	case !claudeNewest.MatchString(x.script.base):
	case temperature.has():
		unsupported(temperature)
	case topP.has():
		unsupported(topP)
	case own.field("top_k").has():
		unsupported(own.field("top_k"))
	}
	return wants
}

// readOutput reads what the answer must look like.
func (converseFormat) readOutput(x *exchange, p *prompt, config node) {
	effort, format := config.field("effort"), config.field("textFormat")
	if !bedrockClaude.MatchString(x.script.base) || claudeBudgetOnly.MatchString(x.script.base) && !strings.Contains(x.script.base, "opus-4-5") {
		unsupported(effort)
	}
	if !format.has() {
		return
	}
	if !bedrockSchema.MatchString(x.script.base) {
		unsupported(format)
	}
	format.obey(fields{"type": oneOf("json_schema"), "structure": nil})
	format.field("type").need()
	structure := format.field("structure").need()
	union(structure, fields{"jsonSchema": shape(fields{"schema": anyText, "name": anyText, "description": anyText})})
	text := structure.field("jsonSchema").field("schema").need()
	var schema map[string]any
	if json.Unmarshal([]byte(text.text()), &schema) != nil {
		text.fail("", "The value at %s is not a JSON schema.", text.at)
	}
	closedSchema(text, schema, 0)
	p.object, p.schema = true, schema
	p.read(string(encode(schema)))
}

func (c converseFormat) typeOf(f *failure) string {
	switch {
	case f.kind == tooLarge:
		return "RequestEntityTooLargeException"
	case f.kind == invalid && f.code != "":
		return f.code
	}
	return c.bedrockFormat.typeOf(f)
}

func (c converseFormat) refusal(x *exchange, f *failure) []byte {
	switch f.kind {
	case outOfQuota:
		return encode(map[string]string{"message": "Too many tokens per day, please wait before trying again."})
	case tooLong:
		return encode(map[string]string{"message": "The model returned the following errors: Input is too long for requested model."})
	}
	return c.bedrockFormat.refusal(x, f)
}

// broken is an exception inside a stream.
func (c converseFormat) broken(o *outlet, f *failure) []byte {
	name := c.typeOf(f)
	switch f.kind {
	case broken:
		name = "ModelStreamErrorException"
	case unauthenticated:
		name, f = "ExpiredTokenException", &failure{kind: f.kind, message: "The security token included in the request is expired"}
	}
	name = strings.ToLower(name[:1]) + name[1:]
	return packed([][2]string{{":exception-type", name}, {":content-type", "application/json"}, {":message-type", "exception"}}, c.refusal(o.x, f))
}

// frame and tail are for recordings, of which there are none.
func (converseFormat) frame(event []byte) []byte { return event }
func (converseFormat) tail() []byte              { return nil }

// idle is an event that the API doesn't have, which its clients skip.
func (c converseFormat) idle() []byte { return c.event("keepAlive", struct{}{}) }

// bedrockOwner says under which vendor's name a model is listed.
func bedrockOwner(id string) string {
	vendor, _, _ := strings.Cut(id, ".")
	names := map[string]string{"openai": "OpenAI", "meta": "Meta", "mistral": "Mistral AI", "deepseek": "DeepSeek", "qwen": "Qwen"}
	if name, ok := names[vendor]; ok {
		return name
	}
	return strings.ToUpper(vendor[:1]) + vendor[1:]
}

// amazonVoice complains as the API of Bedrock's runtime does.
type amazonVoice struct{ anthropicVoice }

const detected = "1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must "

func (amazonVoice) unknown(at, name string) *failure {
	return refuse(at, "", "The model returned the following errors: Malformed input request: #/%s: extraneous key [%s] is not permitted, please reformat your input and try again.", strings.ReplaceAll(at, ".", "/"), name)
}

func (amazonVoice) missing(at string) *failure {
	return refuse(at, "", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", at)
}

func (amazonVoice) mistyped(at, want string, got any) *failure {
	return refuse(at, "SerializationException", "%s can not be converted to %s at '%s'", strings.ToUpper(jsonType(got)), want, at)
}

func (amazonVoice) outOfRange(at string, got, lo, hi float64) *failure {
	if got < lo {
		return refuse(at, "", detected+"have value greater than or equal to %v", got, at, lo)
	}
	return refuse(at, "", detected+"have value less than or equal to %v", got, at, hi)
}

func (amazonVoice) notAmong(at, got string, allowed []string) *failure {
	return refuse(at, "", detected+"satisfy enum value set: [%s]", got, at, strings.Join(slices.Sorted(slices.Values(allowed)), ", "))
}

func (amazonVoice) malformed(at, pattern string) *failure {
	return refuse(at, "", detected+"satisfy regular expression pattern: %s", "…", at, pattern)
}
