package sim

import (
	"regexp"
	"slices"
	"strings"
)

// geminiHistory checks the contents of a request in their order.
type geminiHistory struct {
	x     *exchange
	p     *prompt
	signs bool // the first call of each step of the current turn must be signed
}

// geminiTurn is a content, or several neighbours of one role.
type geminiTurn struct {
	role             string
	first            node
	parts            []node
	calls, responses []node
}

func (h *geminiHistory) system(n node) {
	n.obey(fields{"role": anyText, "parts": anyList})
	for _, part := range n.field("parts").items() {
		part.obey(partFields)
		h.p.read(part.field("text").need().text())
	}
}

func (h *geminiHistory) read(contents node) {
	list := contents.items()
	if len(list) == 0 {
		contents.fail("", "* GenerateContentRequest.contents: contents is not specified")
		return
	}
	var turns []geminiTurn
	for _, n := range list {
		n.obey(fields{"role": anyText, "parts": anyList})
		role := n.field("role").text()
		switch role {
		case "":
			role = "user"
		case "function":
			role = "user"
		case "user", "model":
		default:
			n.fail("", "Please use a valid role: user, model.")
		}
		t := geminiTurn{role: role, first: n, parts: n.field("parts").items()}
		if len(t.parts) == 0 {
			n.fail("", "* GenerateContentRequest.%s.parts: contents.parts must not be empty.", n.at)
		}
		for _, part := range t.parts {
			h.part(part, &t)
		}
		if k := len(turns) - 1; k >= 0 && turns[k].role == role {
			turns[k].parts = append(turns[k].parts, t.parts...)
			turns[k].calls = append(turns[k].calls, t.calls...)
			turns[k].responses = append(turns[k].responses, t.responses...)
			continue
		}
		turns = append(turns, t)
	}
	h.order(turns)
	h.signatures(turns)
}

// order checks that calls follow the user and results follow calls.
func (h *geminiHistory) order(turns []geminiTurn) {
	for i, t := range turns {
		if t.role == "model" && len(t.responses) > 0 {
			t.first.fail("", "Please ensure that function response turn comes immediately after a function call turn.")
		}
		if t.role == "user" && len(t.calls) > 0 || len(t.calls) > 0 && i == 0 {
			t.first.fail("", "Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
		}
		if len(t.responses) > 0 && (i == 0 || len(turns[i-1].calls) == 0) {
			t.first.fail("", "Please ensure that function response turn comes immediately after a function call turn.")
		}
		if len(t.calls) == 0 {
			continue
		}
		if i == len(turns)-1 || len(turns[i+1].responses) != len(t.calls) {
			t.first.fail("", "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
			return
		}
		h.p.rounds++
		h.pair(t.calls, turns[i+1].responses)
	}
}

// pair checks that results name the calls they are of.
func (h *geminiHistory) pair(calls, responses []node) {
	var names, ids []string
	for _, c := range calls {
		names = append(names, c.field("name").text())
		ids = append(ids, c.field("id").text())
	}
	for _, r := range responses {
		if name := r.field("name").text(); !slices.Contains(names, name) {
			r.fail("", "* GenerateContentRequest.%s.name: %q is not the name of a function that was called", r.at, name)
		}
		if id := r.field("id").text(); id != "" && !slices.Contains(ids, id) {
			r.fail("", "* GenerateContentRequest.%s.id: %q is not the id of a function call", r.at, id)
		}
	}
}

// sentinel stands for a signature that another model's call can't have.
const sentinel = "skip_thought_signature_validator"

// signatures refuses a request that continues a turn whose calls lost the
// signatures of the reasoning that led to them.
func (h *geminiHistory) signatures(turns []geminiTurn) {
	if !h.signs {
		return
	}
	start := 0 // of the current turn: the last content in which the user speaks
	for i, t := range turns {
		if t.role == "user" && len(t.responses) == 0 {
			start = i
		}
	}
	for _, t := range turns[start:] {
		if len(t.calls) == 0 {
			continue
		}
		i := slices.IndexFunc(t.parts, func(part node) bool { return part.field("functionCall").has() })
		if !t.parts[i].field("thoughtSignature").has() {
			t.first.fail("", "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature "+
				"may lead to degraded model performance. Additional data, function call `default_api:%s`, position %d. "+
				"Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.", t.calls[0].field("name").text(), i+1)
		}
	}
}

// partData are the members of which a part has one.
var partData = []string{
	"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse",
}

var partFields = fields{
	"text": anyText, "thought": anyFlag, "thoughtSignature": anyText,
	"inlineData":   shape(fields{"mimeType": anyText, "data": anyText, "displayName": anyText}),
	"fileData":     shape(fields{"mimeType": anyText, "fileUri": anyText, "displayName": anyText}),
	"functionCall": shape(fields{"id": anyText, "name": anyText, "args": anyObject, "partialArgs": anyList, "willContinue": anyFlag}),
	"functionResponse": shape(fields{
		"id": anyText, "name": anyText, "response": anyObject, "parts": anyList, "willContinue": anyFlag, "scheduling": anyText,
	}),
	"executableCode": anyObject, "codeExecutionResult": anyObject, "toolCall": anyObject, "toolResponse": anyObject,
	"videoMetadata": anyObject, "mediaResolution": anyObject, "partMetadata": anyObject,
}

var mediaType = regexp.MustCompile(`^[a-z]+/[a-zA-Z0-9.+-]+`)

func (h *geminiHistory) part(n node, t *geminiTurn) {
	n.obey(partFields)
	var data []string
	for _, name := range partData {
		if n.field(name).has() {
			data = append(data, name)
		}
	}
	switch {
	case len(data) == 0 && !n.field("thoughtSignature").has():
		n.fail("", "* GenerateContentRequest.%s.data: required oneof field 'data' must have one initialized field", n.at)
	case len(data) > 1:
		n.fail("", "Invalid value at '%s' (oneof), oneof field 'data' is already set. Cannot set '%s'", n.at, data[1])
	}
	if s := n.field("thoughtSignature"); s.has() && s.text() != sentinel {
		if _, ok := h.x.sealed(h.x.model, s.text()); !ok {
			n.fail("", "Corrupted thought signature.")
		}
	}
	h.p.read(n.field("text").text())
	if media := n.field("inlineData"); media.has() {
		if kind := media.field("mimeType").need(); !mediaType.MatchString(kind.text()) {
			kind.fail("", "* GenerateContentRequest.%s: mime_type is invalid", kind.at)
		}
		h.p.see(blob(media.field("data")))
	}
	if file := n.field("fileData"); file.has() {
		h.p.see(file.field("fileUri").need().text())
	}
	if call := n.field("functionCall"); call.has() {
		h.p.read(call.field("name").need().text())
		h.p.read(string(encode(call.field("args").v)))
		t.calls = append(t.calls, call)
	}
	if response := n.field("functionResponse"); response.has() {
		h.response(response)
		t.responses = append(t.responses, response)
	}
}

func (h *geminiHistory) response(n node) {
	if n.field("name").text() == "" {
		n.fail("", "* GenerateContentRequest.%s.name: Name cannot be empty.", n.at)
	}
	body := n.field("response").need()
	text := string(encode(body.v))
	if strings.Contains(text, `"$ref":`) || strings.Contains(text, `"$defs":`) {
		body.fail("", "* GenerateContentRequest.%s: reference to an undefined schema", body.at)
	}
	h.p.read(text)
	for _, part := range n.field("parts").items() {
		part.obey(fields{"inlineData": anyObject, "fileData": anyObject})
		if media := part.field("inlineData"); media.has() {
			h.p.see(blob(media.field("data")))
		}
	}
}
