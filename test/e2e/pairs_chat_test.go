package e2e

import (
	"cmp"
	"slices"

	"github.com/go-json-experiment/json"
)

var chatDialect = dialect{
	name: "chat", request: chatRequest, whole: chatWhole, stream: chatStream, refused: openAIRefused,
	kinds: map[int]string{400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error", 500: "server_error", 502: "server_error", 504: "server_error"},
}

func chatRequest(a ask) (path string, body object) {
	body = object{"model": a.model, "messages": chatConversation(a)}
	if a.stream {
		body["stream"] = true
		if !a.quiet {
			body["stream_options"] = object{"include_usage": true}
		}
	}
	for _, t := range a.tools {
		body["tools"] = append(asList(body["tools"]), object{"type": "function", "function": object{"name": t.name, "description": t.name, "parameters": t.schema}})
	}
	switch a.choice {
	case "":
	case "none":
		body["tool_choice"] = "none"
	case "any":
		body["tool_choice"] = "required"
	default:
		body["tool_choice"] = object{"type": "function", "function": object{"name": a.choice}}
	}
	if a.sampled {
		body["temperature"], body["top_p"] = 0.5, 0.9
	}
	if a.single {
		body["parallel_tool_calls"] = false
	}
	if a.schema != nil {
		body["response_format"] = object{"type": "json_schema", "json_schema": object{"name": "answer", "strict": true, "schema": a.schema}}
	}
	if a.stops != nil {
		body["stop"] = a.stops
	}
	if a.limit > 0 {
		body["max_completion_tokens"] = a.limit
	}
	if a.reasons {
		body["reasoning_effort"] = "high"
	}
	return "/v1/chat/completions", body
}

func asList(v any) list { l, _ := v.(list); return l }

func chatConversation(a ask) (messages list) {
	if a.system != "" {
		messages = append(messages, object{"role": "system", "content": a.system})
	}
	for _, s := range a.said {
		switch {
		case s.answer != nil && !s.strip:
			messages = append(messages, s.answer.native...)
		case s.answer != nil:
			messages = append(messages, chatMessageOf(s.answer.text, s.answer.calls))
		case s.results != nil:
			for _, r := range s.results {
				messages = append(messages, object{"role": "tool", "tool_call_id": r.id, "content": r.text})
			}
		default:
			content := list{object{"type": "text", "text": s.text}}
			for _, m := range s.media {
				if m.kind == "application/pdf" {
					content = append(content, object{"type": "file", "file": object{"filename": "paper.pdf", "file_data": m.at()}})
				} else {
					content = append(content, object{"type": "image_url", "image_url": object{"url": m.at()}})
				}
			}
			messages = append(messages, object{"role": "user", "content": content})
		}
	}
	return messages
}

// chatMessageOf is an answer as a client sends it back that knows of text and
// calls alone.
func chatMessageOf(text string, calls []call) object {
	m := object{"role": "assistant", "content": nil}
	if text != "" {
		m["content"] = text
	}
	for _, c := range calls {
		m["tool_calls"] = append(asList(m["tool_calls"]), object{"id": c.id, "type": "function", "function": object{"name": c.name, "arguments": c.arguments}})
	}
	return m
}

type chatUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`
	Cached     int64 `json:"cached_tokens"`     // Moonshot
	NumCached  int64 `json:"num_cached_tokens"` // Mistral
	In         struct {
		Cached  int64 `json:"cached_tokens"`
		Written int64 `json:"cache_write_tokens"`
		Created int64 `json:"cache_creation_input_tokens"` // DashScope
	} `json:"prompt_tokens_details"`
	Out struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u *chatUsage) neutral() *usage {
	if u == nil {
		return nil
	}
	// Some vendors count reasoning beside the completion; the total says so.
	return &usage{u.Prompt, cmp.Or(u.In.Cached, u.Cached, u.NumCached), cmp.Or(u.In.Written, u.In.Created), u.Total - u.Prompt, u.Out.Reasoning}
}

type chatSaid struct {
	Content   spoken `json:"content"`
	Refusal   string `json:"refusal"`
	Reasoning string `json:"reasoning_content"`
	Vendors   string `json:"reasoning"` // OpenRouter's and Ollama's name for it
	Details   list   `json:"reasoning_details"`
	Calls     []struct {
		Index    *int   `json:"index"`
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// spoken is the content of a message: text, or Mistral's parts, of which some are
// reasoning.
type spoken struct{ text, reasoning string }

// UnmarshalJSON reads either.
func (s *spoken) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		return json.Unmarshal(b, &s.text)
	}
	var parts []struct {
		Text     string `json:"text"`
		Thinking []struct {
			Text string `json:"text"`
		} `json:"thinking"`
	}
	err := json.Unmarshal(b, &parts)
	for _, p := range parts {
		s.text += p.Text
		for _, t := range p.Thinking {
			s.reasoning += t.Text
		}
	}
	return err
}

type chatDocument struct {
	Model   string `json:"model"`
	Choices []struct {
		Message chatSaid   `json:"message"`
		Delta   chatSaid   `json:"delta"`
		Finish  string     `json:"finish_reason"`
		Usage   *chatUsage `json:"usage"` // Moonshot's place for it
	} `json:"choices"`
	Usage *chatUsage   `json:"usage"`
	Error *openAIFault `json:"error"`
}

// chatReader puts an answer together, from one document or from many.
type chatReader struct {
	reply
	joined  joined
	details list
}

func (r *chatReader) add(doc []byte) error {
	in, err := read[chatDocument](doc)
	if err != nil {
		return err
	}
	r.model = cmp.Or(in.Model, r.model)
	if in.Error != nil {
		r.fault = in.Error.neutral()
	}
	if in.Usage != nil {
		r.usage = in.Usage.neutral()
	}
	for _, c := range in.Choices {
		for _, s := range []chatSaid{c.Message, c.Delta} {
			r.text += s.Content.text
			r.refusal += s.Refusal
			r.reasoning += s.Content.reasoning + cmp.Or(s.Reasoning, s.Vendors)
			r.details = append(r.details, s.Details...)
			for i, piece := range s.Calls {
				if piece.Index == nil { // vendors that leave it out send calls whole
					i += len(r.joined.calls)
				} else {
					i = *piece.Index
				}
				to := r.joined.at(i)
				to.id = cmp.Or(to.id, piece.ID)
				to.name += piece.Function.Name
				to.arguments += piece.Function.Arguments
			}
		}
		if c.Finish != "" {
			r.finish = finish(c.Finish)
		}
		if c.Usage != nil {
			r.usage = c.Usage.neutral()
		}
	}
	return nil
}

func (r *chatReader) done() *reply {
	r.calls = r.joined.calls
	finishes := map[finish]finish{"stop": finishStop, "eos": finishStop, "length": finishLength, "tool_calls": finishTools, "content_filter": finishRefused}
	r.finish = finishes[r.finish]
	if r.refusal != "" {
		r.finish = finishRefused
	}
	m := chatMessageOf(r.text, r.calls)
	if r.reasoning != "" {
		m["reasoning_content"] = r.reasoning
	}
	if r.details != nil {
		m["reasoning_details"] = r.details
	}
	r.native = list{m}
	return &r.reply
}

func chatWhole(doc []byte) (*reply, error) {
	var r chatReader
	err := r.add(doc)
	return r.done(), err
}

func chatStream(events []event) (*reply, error) {
	var r chatReader
	r.ended = len(events) > 0 && string(events[len(events)-1].data) == "[DONE]"
	for _, e := range events {
		if string(e.data) == "[DONE]" {
			break
		}
		if err := r.add(e.data); err != nil {
			return nil, err
		}
	}
	return r.done(), nil
}

type openAIFault struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

func (f *openAIFault) neutral() *fault { return &fault{kind: f.Type, message: f.Message} }

func openAIRefused(doc []byte) (*fault, error) {
	in, err := read[struct {
		Error openAIFault `json:"error"`
	}](doc)
	return in.Error.neutral(), err
}

// inOrder sorts the pieces of an answer by their place.
func inOrder[T any](pieces map[int]T) (sorted []T) {
	places := make([]int, 0, len(pieces))
	for place := range pieces {
		places = append(places, place)
	}
	slices.Sort(places)
	for _, place := range places {
		sorted = append(sorted, pieces[place])
	}
	return sorted
}
