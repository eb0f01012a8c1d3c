package sim

import (
	"net/http"
	"strings"
	"testing"
)

const (
	geminiTool = `{"functionDeclarations":[{"name":"weather","parameters":{"type":"OBJECT","properties":{"city":{"type":"STRING"}}}}]}`
	geminiUser = `{"role":"user","parts":[{"text":"Hello"}]}`
	geminiPath = "/gemini/v1beta/models/"
)

// joinGemini joins the candidates of a stream's events.
func joinGemini(t *testing.T, bodies []geminiBody) (text, thoughts, finish string, calls []geminiPart, last *geminiUsage) {
	t.Helper()
	for _, body := range bodies {
		for _, c := range body.Candidates {
			for _, part := range c.Content.Parts {
				switch {
				case part.Call != nil:
					calls = append(calls, part)
				case part.Thought:
					thoughts += *part.Text
				default:
					text += *part.Text
				}
			}
			finish += c.FinishReason
		}
		last = body.Usage
	}
	return text, thoughts, finish, calls, last
}

func TestGeminiStreamSaysTheSame(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, model := range []string{"sim-n20", "sim-think-tools1-par3", "sim-empty", "sim-refuse", "sim-length", "gemini-3-pro-preview", "sim-cached50"} {
		body := `{"contents":[` + geminiUser + `],"tools":[` + geminiTool + `],"generation_config":{"thinkingConfig":{"includeThoughts":true}}}`
		var whole, array []geminiBody
		var one geminiBody
		c.ok(geminiPath+model+":generateContent", body, &one)
		whole = append(whole, one)
		var stream []geminiBody
		for _, data := range events(c.post(geminiPath+model+":streamGenerateContent?alt=sse", body).body) {
			var e geminiBody
			read(t, data, &e)
			stream = append(stream, e)
		}
		c.ok(geminiPath+model+":streamGenerateContent", body, &array)
		text, thoughts, finish, calls, usage := joinGemini(t, whole)
		for _, bodies := range [][]geminiBody{stream, array} {
			text2, thoughts2, finish2, calls2, usage2 := joinGemini(t, bodies)
			if text != text2 || thoughts != thoughts2 || finish != finish2 || len(calls) != len(calls2) || string(encode(usage)) != string(encode(usage2)) {
				t.Errorf("%s: got %q %q %q %d calls, %s; want %q %q %q %d calls, %s",
					model, text2, thoughts2, finish2, len(calls2), encode(usage2), text, thoughts, finish, len(calls), encode(usage))
			}
		}
		if usage.Total != usage.Prompt+usage.Candidates+usage.Thoughts {
			t.Errorf("%s: %+v doesn't add up", model, usage)
		}
	}
}

func TestGeminiSignaturesMustComeBack(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const path = geminiPath + "gemini-3-pro-sim-tools1-par2:generateContent"
	head := `{"tools":[` + geminiTool + `],"contents":[` + geminiUser
	var a geminiBody
	c.ok(path, head+`]}`, &a)
	parts := a.Candidates[0].Content.Parts
	if len(parts) != 2 || parts[0].Signature == "" || parts[1].Signature != "" {
		t.Fatalf("got %s, want two calls, the first signed", encode(a))
	}
	result := `{"functionResponse":{"name":"weather","response":{"output":"sunny"}}}`
	turn := func(first string) string {
		unsigned := parts[1]
		return head + `,{"role":"model","parts":[` + first + `,` + string(encode(unsigned)) + `]},{"role":"user","parts":[` + result + `,` + result + `]}]}`
	}
	signed := func(by string) string {
		part := parts[0]
		part.Signature = by
		return string(encode(part))
	}
	for _, by := range []string{parts[0].Signature, sentinel} {
		var end geminiBody
		c.ok(path, turn(signed(by)), &end)
		if text, _, _, calls, _ := joinGemini(t, []geminiBody{end}); text == "" || len(calls) > 0 {
			t.Errorf("got %s after the results, want text", encode(end))
		}
	}
	c.refuses(path, []refused{
		{"missing", turn(signed("")), "missing a thought_signature"},
		{"forged", turn(signed("Zm9yZ2Vk")), "Corrupted thought signature"},
	})
	var older geminiBody // models that take a budget don't ask for it back
	c.ok(geminiPath+"gemini-2.5-pro-sim-think-tools1-par2:generateContent", turn(signed("")), &older)
	c.refuses(geminiPath+"gemini-3-flash-sim:generateContent", []refused{{"of another model", turn(signed(parts[0].Signature)), "Corrupted thought signature"}})
}

func TestGeminiRefuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	with := func(rest string) string { return `{"contents":[` + geminiUser + `]` + rest + `}` }
	turns := func(contents string) string { return `{"contents":[` + contents + `]}` }
	tool := func(parameters string) string {
		return with(`,"tools":[{"functionDeclarations":[{"name":"f","parameters":` + parameters + `}]}]`)
	}
	const call, result = `{"functionCall":{"name":"f","args":{}}}`, `{"functionResponse":{"name":"f","response":{"output":1}}}`
	c.refuses(geminiPath+"sim:generateContent", []refused{
		{"no contents", `{}`, "contents is not specified"},
		{"unknown field", with(`,"max_tokens":5`), `Unknown name \"max_tokens\"`},
		{"labels", with(`,"labels":{}`), "Cannot find field"},
		{"unknown field of the configuration", with(`,"generationConfig":{"maxTokens":5}`), "at 'generationConfig'"},
		{"wrong type", with(`,"generationConfig":{"temperature":"hot"}`), "TYPE_FLOAT"},
		{"unknown role", turns(`{"role":"assistant","parts":[{"text":"x"}]}`), "valid role: user, model"},
		{"no parts", turns(`{"role":"user","parts":[]}`), "must not be empty"},
		{"empty part", turns(`{"role":"user","parts":[{}]}`), "must have one initialized field"},
		{"two in one part", turns(`{"role":"user","parts":[{"text":"x","inlineData":{"mimeType":"image/png","data":"aGk="}}]}`), "already set"},
		{"media without a type", turns(`{"role":"user","parts":[{"inlineData":{"data":"aGk="}}]}`), "mimeType"},
		{"media of no bytes", turns(`{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"%"}}]}`), "Base64"},
		{"result without call", turns(geminiUser + `,{"role":"user","parts":[` + result + `]}`), "immediately after a function call turn"},
		{"call without result", turns(geminiUser + `,{"role":"model","parts":[` + call + `]},` + geminiUser), "equal to the number of function call parts"},
		{"one result of two", turns(geminiUser + `,{"role":"model","parts":[` + call + `,` + call + `]},{"role":"user","parts":[` + result + `]}`), "equal to the number"},
		{"call at the beginning", turns(`{"role":"model","parts":[` + call + `]},{"role":"user","parts":[` + result + `]}`), "immediately after a user turn"},
		{"result without a name", turns(geminiUser + `,{"role":"model","parts":[` + call + `]},{"role":"user","parts":[{"functionResponse":{"response":{}}}]}`), "Name cannot be empty"},
		{"result of another", turns(geminiUser + `,{"role":"model","parts":[` + call + `]},{"role":"user","parts":[` + strings.Replace(result, `"f"`, `"g"`, 1) + `]}`), "not the name of a function"},
		{"result as text", turns(geminiUser + `,{"role":"model","parts":[` + call + `]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":"x"}}]}`), "TYPE_MESSAGE"},
		{"references in a result", turns(geminiUser + `,{"role":"model","parts":[` + call + `]},{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"$ref":"#/x"}}}]}`), "reference"},
		{"open schema", tool(`{"type":"object","additionalProperties":false}`), "additionalProperties"},
		{"reference in a schema", tool(`{"type":"object","properties":{"a":{"$ref":"#/x"}}}`), "$ref"},
		{"two types", tool(`{"type":"object","properties":{"a":{"type":["string","null"]}}}`), "cannot start list"},
		{"no type", tool(`{"type":"object","properties":{"a":{"description":"x"}}}`), "type is not specified"},
		{"numbers to choose from", tool(`{"type":"object","properties":{"a":{"type":"integer","enum":["1"]}}}`), "only allowed for STRING"},
		{"list of nothing", tool(`{"type":"object","properties":{"a":{"type":"array"}}}`), "items is not specified"},
		{"required but undefined", tool(`{"type":"object","properties":{},"required":["a"]}`), "property is not defined"},
		{"two schemas", with(`,"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object"},"parametersJsonSchema":{}}]}]`), "mutually exclusive"},
		{"bad name", with(`,"tools":[{"functionDeclarations":[{"name":"1f"}]}]`), "Must start with a letter"},
		{"two of a name", with(`,"tools":[{"functionDeclarations":[{"name":"f"},{"name":"f"}]}]`), "Duplicate function declaration"},
		{"names allowed while free", with(`,"tools":[` + geminiTool + `],"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["weather"]}}`), "mode is ANY"},
		{"budget and level", with(`,"generationConfig":{"thinkingConfig":{"thinkingBudget":5,"thinkingLevel":"LOW"}}`), "only one of thinking"},
		{"schema without JSON", with(`,"generationConfig":{"responseJsonSchema":{"type":"object"}}`), "response_mime_type"},
	})
	c.refuses(geminiPath+"gemini-2.5-pro:generateContent", []refused{
		{"no thinking", with(`,"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}`), "between 128 and 32768"},
		{"a level", with(`,"generationConfig":{"thinkingConfig":{"thinkingLevel":"low"}}`), "not supported for this model"},
	})
}

func TestGeminiTakesSchemasOfTheCallers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for name, parameters := range map[string]string{
		"names like keywords": `"parameters":{"type":"object","properties":{"type":{"type":"string"},"$ref":{"type":"string"},"title":{"type":"string"},"any_of":{"type":"string"}},"required":["$ref","any_of"]}`,
		"JSON Schema":         `"parametersJsonSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"const":1}}}`,
		"none":                `"description":"x"`,
	} {
		got := c.post(geminiPath+"sim-tools1:generateContent", `{"contents":[`+geminiUser+`],"tools":[{"function_declarations":[{"name":"f",`+parameters+`}]}]}`)
		if got.status != http.StatusOK || !strings.Contains(got.body, "functionCall") {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	var counted struct {
		Total int `json:"totalTokens"`
	}
	c.ok(geminiPath+"sim:countTokens", `{"generateContentRequest":{"model":"models/sim","contents":[`+geminiUser+`]}}`, &counted)
	if counted.Total != 2 {
		t.Errorf("got %d tokens, want 2", counted.Total)
	}
}
