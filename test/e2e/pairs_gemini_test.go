package e2e

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var geminiDialect = dialect{
	name: "gemini", request: geminiRequest, whole: geminiWhole, stream: geminiStream, refused: geminiRefused,
	kinds: map[int]string{400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE"},
}

func geminiRequest(a ask) (path string, body object) {
	body, config := object{"contents": geminiConversation(a)}, object{}
	path = "/v1beta/models/" + a.model + ":generateContent"
	if a.stream {
		path = "/v1beta/models/" + a.model + ":streamGenerateContent?alt=sse"
	}
	if a.system != "" {
		body["systemInstruction"] = object{"parts": list{object{"text": a.system}}}
	}
	var declared list
	for _, t := range a.tools {
		function := object{"name": t.name, "description": t.name}
		if properties, _ := t.schema["properties"].(object); t.schema["$defs"] != nil {
			function["parametersJsonSchema"] = t.schema
		} else if len(properties) > 0 {
			function["parameters"] = geminiSchema(t.schema)
		}
		declared = append(declared, function)
	}
	if declared != nil {
		body["tools"] = list{object{"functionDeclarations": declared}}
	}
	switch a.choice {
	case "":
	case "none", "any":
		body["toolConfig"] = object{"functionCallingConfig": object{"mode": strings.ToUpper(a.choice)}}
	default:
		body["toolConfig"] = object{"functionCallingConfig": object{"mode": "ANY", "allowedFunctionNames": list{a.choice}}}
	}
	if a.sampled {
		config["temperature"], config["topP"] = 0.5, 0.9
	}
	if a.schema != nil {
		config["responseMimeType"], config["responseJsonSchema"] = "application/json", a.schema
	}
	if a.stops != nil {
		config["stopSequences"] = a.stops
	}
	if a.limit > 0 {
		config["maxOutputTokens"] = a.limit
	}
	if a.reasons {
		config["thinkingConfig"] = object{"includeThoughts": true, "thinkingLevel": "high"}
		if strings.Contains(a.model, "gemini-2.5") { // which takes no level
			config["thinkingConfig"] = object{"includeThoughts": true, "thinkingBudget": 4000}
		}
	}
	if len(config) > 0 {
		body["generationConfig"] = config
	}
	return path, body
}

// geminiSchema writes a schema in the words of OpenAPI, which the format took
// first; it refuses an object without properties.
func geminiSchema(schema object) object {
	out := object{"type": strings.ToUpper(fmt.Sprint(schema["type"]))}
	if properties, ok := schema["properties"].(object); ok {
		of := object{}
		for name, p := range properties {
			if p, ok := p.(object); ok {
				of[name] = geminiSchema(p)
			}
		}
		out["properties"], out["required"] = of, schema["required"]
	}
	return out
}

func geminiConversation(a ask) (contents list) {
	names := map[string]string{}
	for _, s := range a.said {
		role, parts := "user", list{}
		switch {
		case s.answer != nil && !s.strip:
			contents = append(contents, s.answer.native...)
			continue
		case s.answer != nil:
			role = "model"
			if s.answer.text != "" {
				parts = append(parts, object{"text": s.answer.text})
			}
			for _, c := range s.answer.calls {
				names[c.id] = c.name
				parts = append(parts, object{"functionCall": geminiNamed(c.id, c.name, "args", jsontext.Value(c.arguments))})
			}
		case s.results != nil:
			for _, r := range s.results {
				response := geminiNamed(r.id, r.name, "response", object{"output": r.text})
				if r.media != nil {
					response["parts"] = geminiMedia(r.media)
				}
				parts = append(parts, object{"functionResponse": response})
			}
		default:
			parts = append(list{object{"text": s.text}}, geminiMedia(s.media)...)
		}
		contents = append(contents, object{"role": role, "parts": parts})
	}
	return contents
}

func geminiMedia(all []media) (parts list) {
	for _, m := range all {
		if m.url != "" {
			parts = append(parts, object{"fileData": object{"mimeType": m.kind, "fileUri": m.url}})
		} else {
			parts = append(parts, object{"inlineData": object{"mimeType": m.kind, "data": m.base64}})
		}
	}
	return parts
}

// geminiNamed is a call or a response; models without ids for calls get none back.
func geminiNamed(id, name, member string, value any) object {
	o := object{"name": name, member: value}
	if id != "" {
		o["id"] = id
	}
	return o
}

type geminiPart struct {
	Text      *string `json:"text,omitempty"`
	Thought   bool    `json:"thought,omitzero"`
	Signature string  `json:"thoughtSignature,omitempty"`
	Call      *struct {
		ID   string         `json:"id,omitempty"`
		Name string         `json:"name"`
		Args jsontext.Value `json:"args,omitzero"`
	} `json:"functionCall,omitempty"`
}

type geminiFault struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
}

type geminiDocument struct {
	Version    string `json:"modelVersion"`
	Candidates []struct {
		Content struct {
			Parts []geminiPart `json:"parts"`
		} `json:"content"`
		Finish string `json:"finishReason"`
	} `json:"candidates"`
	Usage *struct {
		Prompt     int64 `json:"promptTokenCount"`
		Cached     int64 `json:"cachedContentTokenCount"`
		Candidates int64 `json:"candidatesTokenCount"`
		Thoughts   int64 `json:"thoughtsTokenCount"`
		Total      int64 `json:"totalTokenCount"`
	} `json:"usageMetadata"`
	Error *geminiFault `json:"error"`
}

// geminiReader puts an answer together, from one document or from many.
type geminiReader struct {
	reply
	parts list
}

func (r *geminiReader) add(doc []byte) error {
	in, err := read[geminiDocument](doc)
	if err != nil {
		return err
	}
	if in.Version != "" {
		r.model = in.Version
	}
	if in.Error != nil {
		r.fault = in.Error.neutral()
	}
	if u := in.Usage; u != nil {
		r.usage = &usage{u.Prompt, u.Cached, -1, u.Candidates + u.Thoughts, u.Thoughts}
		if u.Total != r.usage.input+r.usage.output {
			return fmt.Errorf("the total isn't the sum of its parts: %+v", *u)
		}
	}
	for _, c := range in.Candidates {
		for _, p := range c.Content.Parts {
			switch {
			case p.Call != nil:
				r.calls = append(r.calls, call{p.Call.ID, p.Call.Name, string(p.Call.Args)})
			case p.Text == nil:
			case p.Thought:
				r.reasoning += *p.Text
			default:
				r.text += *p.Text
			}
			if p.Call != nil || p.Signature != "" || p.Text != nil && *p.Text != "" {
				r.parts = append(r.parts, p)
			}
		}
		r.finish += finish(c.Finish)
	}
	return nil
}

func (r *geminiReader) done() *reply {
	r.ended = r.finish != ""
	finishes := map[finish]finish{"STOP": finishStop, "MAX_TOKENS": finishLength, "SAFETY": finishRefused, "PROHIBITED_CONTENT": finishRefused}
	r.finish = finishes[r.finish]
	if r.finish == finishStop && r.calls != nil {
		r.finish = finishTools // the format has no word for it
	}
	if r.parts != nil {
		r.native = list{object{"role": "model", "parts": r.parts}}
	}
	return &r.reply
}

func geminiWhole(doc []byte) (*reply, error) {
	var r geminiReader
	err := r.add(doc)
	return r.done(), err
}

func geminiStream(events []event) (*reply, error) {
	var r geminiReader
	for _, e := range events {
		if err := r.add(e.data); err != nil {
			return nil, err
		}
	}
	return r.done(), nil
}

func (f *geminiFault) neutral() *fault {
	return &fault{kind: f.Status, message: f.Message, status: f.Code}
}

func geminiRefused(doc []byte) (*fault, error) {
	in, err := read[struct {
		Error geminiFault `json:"error"`
	}](doc)
	return in.Error.neutral(), err
}
