package sim

import (
	"encoding/base64"
	"math"
	"net/http"
	"strings"
)

// geminiFormat is Google's generateContent.
type geminiFormat struct{}

func (geminiFormat) voice() voice { return googleVoice{} }

func (geminiFormat) plays(recording string) bool { return strings.HasPrefix(recording, "google-") }

// callGemini answers models/NAME and models/NAME:METHOD.
func (x *exchange) callGemini() {
	name, method, called := strings.Cut(x.r.PathValue("model"), ":")
	// A name may hold a colon itself: the method is what follows the last one.
	if i := strings.LastIndexByte(x.r.PathValue("model"), ':'); called {
		name, method = x.r.PathValue("model")[:i], x.r.PathValue("model")[i+1:]
	}
	x.model = name
	switch {
	case !called && x.r.Method == http.MethodGet:
		if m, ok := x.find(name); ok {
			x.json(newGeminiModel(m))
			return
		}
		x.fail(unknownModel(name))
	case x.r.Method != http.MethodPost:
		x.lost()
	case method == "generateContent":
		x.ask()
	case method == "streamGenerateContent":
		x.streaming = true
		x.ask()
	case method == "countTokens":
		x.count()
	case method == "embedContent":
		x.embedGemini()
	case method == "batchEmbedContents":
		x.embedGeminiBatch()
	default:
		x.lost()
	}
}

// geminiFields are the parameters of a request.
var geminiFields = fields{
	"contents": anyList, "systemInstruction": nil, "tools": anyList, "toolConfig": nil, "generationConfig": nil,
	"safetySettings": anyList, "cachedContent": anyText, "serviceTier": anyText, "model": anyText, "store": anyFlag,
}

var generationFields = fields{
	"temperature": within(0, 2), "topP": within(0, 1), "topK": within(0, math.MaxInt32), "maxOutputTokens": count(1, math.MaxInt32),
	"stopSequences": textList, "candidateCount": count(1, 8), "seed": anyInt,
	"presencePenalty": within(-2, 2), "frequencyPenalty": within(-2, 2),
	"responseMimeType": anyText, "responseSchema": func(n node) { openAPI(n, 0) }, "responseJsonSchema": anyObject,
	"responseLogprobs": anyFlag, "logprobs": count(0, 20), "enableEnhancedCivicAnswers": anyFlag,
	"thinkingConfig": shape(fields{
		"includeThoughts": anyFlag, "thinkingBudget": count(-1, math.MaxInt32),
		"thinkingLevel": func(n node) {
			n.v = strings.ToUpper(n.text())
			n.among("MINIMAL", "LOW", "MEDIUM", "HIGH", "THINKING_LEVEL_UNSPECIFIED")
		},
	}),
	"responseModalities": textList, "mediaResolution": anyText, "speechConfig": anyObject, "imageConfig": anyObject,
}

func (g geminiFormat) read(x *exchange, root node) *prompt {
	p := &prompt{stream: x.streaming, askUsage: true}
	if inner := root.field("generateContentRequest"); x.counting && inner.has() {
		root = inner
	}
	root.obey(geminiFields)
	g.readTools(p, root)
	g.readConfig(x, p, root.field("generationConfig"))
	for _, s := range root.field("safetySettings").items() {
		s.obey(fields{"category": anyText, "threshold": anyText, "method": anyText})
		if category := s.field("category").need().text(); !strings.HasPrefix(category, "HARM_CATEGORY_") {
			s.c.refuse(s.c.voice.notAmong(s.at+".category", category, nil))
		}
		s.field("threshold").need().among("OFF", "BLOCK_NONE", "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "HARM_BLOCK_THRESHOLD_UNSPECIFIED")
	}
	thinking := root.field("generationConfig").field("thinkingConfig")
	p.reasons = (x.script.think || thinking.field("includeThoughts").v == true) && thinking.field("thinkingBudget").v != 0.0
	p.mute = thinking.has() && thinking.field("includeThoughts").v != true
	h := &geminiHistory{x: x, p: p, signs: geminiLevel.MatchString(x.script.base)}
	if p.reasons && x.script.think && !geminiBudget.MatchString(x.script.base) {
		h.signs = true // those that take a budget sign, but don't ask for it back
	}
	h.system(root.field("systemInstruction"))
	h.read(root.field("contents"))
	return p
}

func (geminiFormat) readTools(p *prompt, root node) {
	for _, t := range root.field("tools").items() {
		t.obey(fields{
			"functionDeclarations": anyList, "googleSearch": anyObject, "googleSearchRetrieval": anyObject, "codeExecution": anyObject,
			"urlContext": anyObject, "computerUse": anyObject, "googleMaps": anyObject, "fileSearch": anyObject, "mcpServers": anyList,
		})
		for _, d := range t.field("functionDeclarations").items() {
			d.obey(fields{
				"name": anyText, "description": anyText, "behavior": anyText, "parameters": func(n node) { openAPI(n, 0) },
				"parametersJsonSchema": anyObject, "response": func(n node) { openAPI(n, 0) }, "responseJsonSchema": anyObject,
			})
			name := d.field("name").need().match(geminiName)
			if p.declares(name) {
				d.fail("", "Duplicate function declaration found: %s", name)
			}
			schema, open := d.field("parameters"), d.field("parametersJsonSchema")
			if schema.has() && open.has() {
				d.fail("", "* GenerateContentRequest.%s: parameters and parameters_json_schema are mutually exclusive", d.at)
			}
			if open.has() {
				schema = open
			}
			p.declare(tool{name: name, schema: schema.v})
		}
	}
	config := root.field("toolConfig")
	config.obey(fields{"functionCallingConfig": anyObject, "retrievalConfig": anyObject, "includeServerSideToolInvocations": anyFlag})
	calling := config.field("functionCallingConfig")
	calling.obey(fields{"mode": oneOf("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"), "allowedFunctionNames": textList, "streamFunctionCallArguments": anyFlag})
	mode := calling.field("mode").text()
	switch mode {
	case "ANY":
		p.choice = choiceAny
	case "NONE":
		p.choice = choiceNone
	}
	for i, name := range calling.field("allowedFunctionNames").items() {
		if mode != "ANY" && mode != "VALIDATED" {
			calling.fail("", "allowed_function_names should only be set when the function calling mode is ANY.")
		}
		if !p.declares(name.text()) {
			name.fail("", "* GenerateContentRequest.%s: %q is not a declared function", name.at, name.text())
		}
		if i == 0 {
			p.forced = name.text()
		}
	}
	if p.choice == choiceAny && len(p.tools) == 0 {
		calling.fail("", "Function calling config is set without function_declarations.")
	}
}

func (geminiFormat) readConfig(x *exchange, p *prompt, config node) {
	config.obey(generationFields)
	p.limit = config.field("maxOutputTokens").integer()
	p.variants = config.field("candidateCount").integer()
	stops := config.field("stopSequences")
	for _, stop := range stops.items() {
		if stop.text() == "" {
			stop.fail("", "* GenerateContentRequest.%s: stop sequence must not be empty", stop.at)
		}
		p.stops = append(p.stops, stop.text())
	}
	if len(p.stops) > 5 {
		stops.fail("", "* GenerateContentRequest.generation_config.stop_sequences: the number of stop sequences must be between 0 and 5")
	}
	if config.field("logprobs").has() && !config.field("responseLogprobs").flag() {
		config.fail("", "logprobs is only allowed when response_logprobs is true.")
	}
	mime := config.field("responseMimeType").text()
	closed, open := config.field("responseSchema"), config.field("responseJsonSchema")
	switch {
	case closed.has() && open.has():
		config.fail("", "* GenerateContentRequest.generation_config: response_schema and response_json_schema are mutually exclusive")
	case (closed.has() || open.has()) && mime != "application/json" && mime != "text/x.enum":
		config.fail("", "* GenerateContentRequest.generation_config.response_schema: only allowed with response_mime_type application/json")
	}
	p.object = mime == "application/json"
	if p.schema = closed.v; open.has() {
		p.schema = open.v
	}
	if p.schema != nil {
		p.read(string(encode(p.schema)))
	}
	geminiThinking(x, config.field("thinkingConfig"))
}

// geminiThinking checks what a model takes of its reasoning's control.
func geminiThinking(x *exchange, n node) {
	budget, level := n.field("thinkingBudget"), n.field("thinkingLevel")
	if budget.has() && level.has() {
		n.fail("", "You can only set only one of thinking budget and thinking level.")
	}
	base := x.script.base
	if level.has() && geminiBudget.MatchString(base) {
		n.fail("", "Thinking level is not supported for this model.")
	}
	if !budget.has() || !geminiBudget.MatchString(base) {
		return
	}
	lo, hi, zero := 0, 24576, true
	switch {
	case geminiPro.MatchString(base):
		lo, hi, zero = 128, 32768, false
	case geminiLite.MatchString(base):
		lo = 512
	}
	v := budget.integer()
	if v != -1 && (v != 0 || !zero) && (v < lo || v > hi) {
		n.fail("", "The thinking budget %d is invalid. Please choose a value between %d and %d.", v, lo, hi)
	}
}

// blob checks bytes in base64.
func blob(n node) string {
	data := n.need().text()
	if _, err := base64.StdEncoding.DecodeString(data); err != nil {
		if _, err := base64.URLEncoding.DecodeString(data); err != nil {
			n.fail("", "Invalid value at '%s' (TYPE_BYTES), Base64 decoding failed", n.at)
		}
	}
	return data
}
