package e2e

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

var responsesDialect = dialect{
	name: "responses", request: responsesRequest, whole: responsesWhole, stream: responsesStream, refused: openAIRefused,
	kinds: chatDialect.kinds,
}

func responsesRequest(a ask) (path string, body object) {
	body = object{"model": a.model, "store": false, "input": responsesConversation(a)}
	if a.stream {
		body["stream"] = true
	}
	if a.system != "" {
		body["instructions"] = a.system
	}
	for _, t := range a.tools {
		body["tools"] = append(asList(body["tools"]), object{"type": "function", "name": t.name, "description": t.name, "parameters": t.schema, "strict": false})
	}
	switch a.choice {
	case "":
	case "none":
		body["tool_choice"] = "none"
	case "any":
		body["tool_choice"] = "required"
	default:
		body["tool_choice"] = object{"type": "function", "name": a.choice}
	}
	if a.sampled {
		body["temperature"], body["top_p"] = 0.5, 0.9
	}
	if a.single {
		body["parallel_tool_calls"] = false
	}
	if a.schema != nil {
		body["text"] = object{"format": object{"type": "json_schema", "name": "answer", "strict": true, "schema": a.schema}}
	}
	if a.limit > 0 {
		body["max_output_tokens"] = a.limit
	}
	if a.reasons {
		body["reasoning"] = object{"effort": "high", "summary": "auto"}
		body["include"] = list{"reasoning.encrypted_content"}
	}
	return "/v1/responses", body
}

func responsesConversation(a ask) (input list) {
	for _, s := range a.said {
		switch {
		case s.answer != nil && !s.strip:
			input = append(input, s.answer.native...)
		case s.answer != nil:
			if s.answer.text != "" {
				input = append(input, object{"role": "assistant", "content": s.answer.text})
			}
			for _, c := range s.answer.calls {
				input = append(input, object{"type": "function_call", "call_id": c.id, "name": c.name, "arguments": c.arguments})
			}
		case s.results != nil:
			for _, r := range s.results {
				input = append(input, object{"type": "function_call_output", "call_id": r.id, "output": responsesContent(r.text, r.media)})
			}
		default:
			input = append(input, object{"role": "user", "content": responsesContent(s.text, s.media)})
		}
	}
	return input
}

func responsesContent(text string, all []media) list {
	content := list{object{"type": "input_text", "text": text}}
	for _, m := range all {
		if m.kind == "application/pdf" {
			content = append(content, object{"type": "input_file", "filename": "paper.pdf", "file_data": m.at()})
		} else {
			content = append(content, object{"type": "input_image", "image_url": m.at()})
		}
	}
	return content
}

type responsesDocument struct {
	Model      string `json:"model"`
	Status     string `json:"status"`
	Incomplete *struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Error  *openAIFault     `json:"error"`
	Output []jsontext.Value `json:"output"`
	Usage  *struct {
		Input   int64 `json:"input_tokens"`
		Output  int64 `json:"output_tokens"`
		Total   int64 `json:"total_tokens"`
		Details struct {
			Cached  int64 `json:"cached_tokens"`
			Written int64 `json:"cache_write_tokens"`
		} `json:"input_tokens_details"`
		Out struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

type responsesPart struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Refusal string `json:"refusal"`
}

type responsesItem struct {
	Type      string          `json:"type"`
	Content   []responsesPart `json:"content"`
	Summary   []responsesPart `json:"summary"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
}

// neutral reads a response at its end.
func (d *responsesDocument) neutral() (*reply, error) {
	r := &reply{model: d.Model}
	for _, raw := range d.Output {
		item, err := read[responsesItem](raw)
		if err != nil {
			return nil, err
		}
		r.native = append(r.native, raw)
		for _, p := range item.Summary {
			r.reasoning += p.Text
		}
		for _, p := range item.Content {
			switch p.Type {
			case "output_text":
				r.text += p.Text
			case "reasoning_text":
				r.reasoning += p.Text
			}
			r.refusal += p.Refusal
		}
		if item.Type == "function_call" {
			r.calls = append(r.calls, call{item.CallID, item.Name, item.Arguments})
		}
	}
	reason := ""
	if d.Incomplete != nil {
		reason = d.Incomplete.Reason
	}
	switch {
	case r.refusal != "", reason == "content_filter":
		r.finish = finishRefused
	case reason == "max_output_tokens":
		r.finish = finishLength
	case d.Status == "completed" && r.calls != nil:
		r.finish = finishTools
	case d.Status == "completed":
		r.finish = finishStop
	}
	if u := d.Usage; u != nil {
		r.usage = &usage{u.Input, u.Details.Cached, u.Details.Written, u.Output, u.Out.Reasoning}
	}
	if d.Error != nil {
		r.fault = d.Error.neutral()
	}
	return r, nil
}

func responsesWhole(doc []byte) (*reply, error) {
	in, err := read[responsesDocument](doc)
	if err != nil {
		return nil, err
	}
	return in.neutral()
}

// responsesStream reads the deltas, and holds the finished response against them.
func responsesStream(events []event) (*reply, error) {
	var told reply
	var joined joined
	var last *reply
	for i, e := range events {
		in, err := read[struct {
			Type     string            `json:"type"`
			Sequence int               `json:"sequence_number"`
			Index    int               `json:"output_index"`
			Delta    string            `json:"delta"`
			Item     responsesItem     `json:"item"`
			Response responsesDocument `json:"response"`
			openAIFault
		}](e.data)
		if err != nil {
			return nil, err
		}
		if in.Type != e.name && e.name != "" || last != nil {
			return nil, fmt.Errorf("event %q of type %q after the end %t", e.name, in.Type, last != nil)
		}
		if in.Sequence != i && in.Type != "error" {
			return nil, fmt.Errorf("event %d is numbered %d", i, in.Sequence)
		}
		switch in.Type {
		case "response.output_text.delta":
			told.text += in.Delta
		case "response.refusal.delta":
			told.refusal += in.Delta
		case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
			told.reasoning += in.Delta
		case "response.output_item.added":
			if in.Item.Type == "function_call" {
				*joined.at(in.Index) = call{in.Item.CallID, in.Item.Name, ""}
			}
		case "response.function_call_arguments.delta":
			joined.at(in.Index).arguments += in.Delta
		case "response.completed", "response.incomplete", "response.failed":
			if last, err = in.Response.neutral(); err != nil {
				return nil, err
			}
			last.ended = in.Type != "response.failed"
		case "error":
			told.fault = in.neutral()
		}
	}
	told.calls = joined.calls
	if last == nil {
		return &told, nil
	}
	if last.fault != nil {
		told.fault = last.fault
		return &told, nil
	}
	if diff := cmp.Diff([]any{last.text, last.refusal, last.reasoning, fmt.Sprint(last.calls)}, []any{told.text, told.refusal, told.reasoning, fmt.Sprint(told.calls)}); diff != "" {
		return nil, fmt.Errorf("the finished response isn't what the deltas told (-response +deltas):\n%s", diff)
	}
	return last, nil
}
