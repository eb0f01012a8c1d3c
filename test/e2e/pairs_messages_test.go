package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var messagesDialect = dialect{
	name: "messages", request: messagesRequest, whole: messagesWhole, stream: messagesStream, refused: messagesRefused,
	kinds: map[int]string{400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 502: "api_error", 504: "timeout_error", 529: "overloaded_error"},
}

func messagesRequest(a ask) (path string, body object) {
	body = object{"model": a.model, "max_tokens": cmp.Or(a.limit, 6000), "messages": messagesConversation(a)}
	if a.stream {
		body["stream"] = true
	}
	if a.system != "" {
		body["system"] = a.system
	}
	for _, t := range a.tools {
		body["tools"] = append(asList(body["tools"]), object{"name": t.name, "description": t.name, "input_schema": t.schema})
	}
	if a.choice != "" || a.single {
		choice := object{"type": "auto"}
		switch a.choice {
		case "":
		case "none", "any":
			choice["type"] = a.choice
		default:
			choice["type"], choice["name"] = "tool", a.choice
		}
		if a.single {
			choice["disable_parallel_tool_use"] = true
		}
		body["tool_choice"] = choice
	}
	if a.sampled {
		body["temperature"], body["top_p"] = 0.5, 0.9
	}
	if a.schema != nil {
		body["output_config"] = object{"format": object{"type": "json_schema", "schema": a.schema}}
	}
	if a.stops != nil {
		body["stop_sequences"] = a.stops
	}
	if a.reasons {
		body["thinking"] = object{"type": "enabled", "budget_tokens": 4000}
		if strings.Contains(a.model, "claude-opus-4-7") { // which takes no budget
			body["thinking"] = object{"type": "adaptive", "display": "summarized"}
		}
	}
	return "/v1/messages", body
}

func messagesConversation(a ask) (messages list) {
	for _, s := range a.said {
		role, content := "user", list{}
		switch {
		case s.answer != nil && !s.strip:
			messages = append(messages, s.answer.native...)
			continue
		case s.answer != nil:
			role = "assistant"
			if s.answer.text != "" {
				content = append(content, object{"type": "text", "text": s.answer.text})
			}
			for _, c := range s.answer.calls {
				content = append(content, object{"type": "tool_use", "id": c.id, "name": c.name, "input": jsontext.Value(c.arguments)})
			}
		case s.results != nil:
			for _, r := range s.results {
				content = append(content, object{"type": "tool_result", "tool_use_id": r.id, "content": messagesContent(r.text, r.media)})
			}
		default:
			content = messagesContent(s.text, s.media)
		}
		messages = append(messages, object{"role": role, "content": content})
	}
	return messages
}

func messagesContent(text string, all []media) list {
	content := list{object{"type": "text", "text": text}}
	for _, m := range all {
		kind, source := "image", object{"type": "base64", "media_type": m.kind, "data": m.base64}
		if m.kind == "application/pdf" {
			kind = "document"
		}
		if m.url != "" {
			source = object{"type": "url", "url": m.url}
		}
		content = append(content, object{"type": kind, "source": source})
	}
	return content
}

type messagesUsage struct {
	Input   *int64 `json:"input_tokens"`
	Read    *int64 `json:"cache_read_input_tokens"`
	Written *int64 `json:"cache_creation_input_tokens"`
	Output  *int64 `json:"output_tokens"`
	Details *struct {
		Thinking int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
}

// messagesBlock is a block, and a change of one.
type messagesBlock struct {
	Type      string         `json:"type"`
	Text      string         `json:"text,omitempty"`
	Thinking  *string        `json:"thinking,omitzero"`
	Signature *string        `json:"signature,omitzero"`
	Data      string         `json:"data,omitempty"`
	ID        string         `json:"id,omitempty"`
	Name      string         `json:"name,omitempty"`
	Input     jsontext.Value `json:"input,omitzero"`
	Partial   string         `json:"partial_json,omitempty"`
}

type messagesEnd struct {
	Reason   string `json:"stop_reason"`
	Sequence string `json:"stop_sequence"`
}

type messagesDocument struct {
	Model   string          `json:"model"`
	Content []messagesBlock `json:"content"`
	Usage   messagesUsage   `json:"usage"`
	messagesEnd
}

type messagesFault struct {
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

func (f messagesFault) neutral() *fault { return &fault{kind: f.Error.Type, message: f.Error.Message} }

func messagesRefused(doc []byte) (*fault, error) {
	in, err := read[messagesFault](doc)
	return in.neutral(), err
}

// add takes what is told anew; a stream tells its usage in two parts.
func (u *messagesUsage) add(more messagesUsage) {
	for _, n := range []struct {
		to   **int64
		from *int64
	}{{&u.Input, more.Input}, {&u.Read, more.Read}, {&u.Written, more.Written}, {&u.Output, more.Output}} {
		*n.to = cmp.Or(n.from, *n.to)
	}
	u.Details = cmp.Or(more.Details, u.Details)
}

func (u *messagesUsage) neutral() *usage {
	if u.Output == nil {
		return nil
	}
	var zero int64
	read, written := *cmp.Or(u.Read, &zero), *cmp.Or(u.Written, &zero)
	n := &usage{*cmp.Or(u.Input, &zero) + read + written, read, written, *u.Output, 0}
	if u.Details != nil {
		n.reasoning = u.Details.Thinking
	}
	return n
}

// messagesReply joins what an answer is made of.
func messagesReply(blocks []messagesBlock, end messagesEnd, u messagesUsage) *reply {
	r := &reply{usage: u.neutral(), stop: end.Sequence}
	finishes := map[string]finish{"end_turn": finishStop, "stop_sequence": finishStop, "max_tokens": finishLength, "tool_use": finishTools, "refusal": finishRefused}
	r.finish = finishes[end.Reason]
	var content list
	for _, b := range blocks {
		content = append(content, b)
		switch b.Type {
		case "text":
			r.text += b.Text
		case "thinking":
			r.reasoning += *b.Thinking
		case "tool_use":
			r.calls = append(r.calls, call{b.ID, b.Name, string(b.Input)})
		}
	}
	if content != nil {
		r.native = list{object{"role": "assistant", "content": content}}
	}
	return r
}

func messagesWhole(doc []byte) (*reply, error) {
	in, err := read[messagesDocument](doc)
	r := messagesReply(in.Content, in.messagesEnd, in.Usage)
	r.model = in.Model
	return r, err
}

func messagesStream(events []event) (*reply, error) {
	var (
		blocks = map[int]*messagesBlock{}
		end    messagesEnd
		usage  messagesUsage
		model  string
		fault  *fault
		ended  bool
	)
	for _, e := range events {
		in, err := read[struct {
			Type    string           `json:"type"`
			Index   int              `json:"index"`
			Message messagesDocument `json:"message"`
			Block   messagesBlock    `json:"content_block"`
			Delta   struct {
				messagesBlock
				messagesEnd
			} `json:"delta"`
			Usage messagesUsage `json:"usage"`
			messagesFault
		}](e.data)
		if err != nil {
			return nil, err
		}
		if in.Type != e.name || ended {
			return nil, fmt.Errorf("event %q of type %q, ended %t", e.name, in.Type, ended)
		}
		switch e.name {
		case "message_start":
			usage.add(in.Message.Usage)
			model = in.Message.Model
		case "content_block_start":
			blocks[in.Index] = &in.Block
		case "content_block_delta", "content_block_stop":
			b := blocks[in.Index]
			if b == nil {
				return nil, errors.New("a block that wasn't started")
			}
			b.add(in.Delta.messagesBlock)
			if e.name == "content_block_stop" && b.Partial != "" {
				b.Input, b.Partial = jsontext.Value(b.Partial), ""
			}
		case "message_delta":
			usage.add(in.Usage)
			end = in.Delta.messagesEnd
		case "message_stop":
			ended = true
		case "error":
			fault = in.neutral()
		}
	}
	var list []messagesBlock
	for _, b := range inOrder(blocks) {
		list = append(list, *b)
	}
	r := messagesReply(list, end, usage)
	r.model, r.ended, r.fault = model, ended, fault
	return r, nil
}

func (b *messagesBlock) add(delta messagesBlock) {
	b.Text += delta.Text
	b.Partial += delta.Partial
	b.Thinking = joinedText(b.Thinking, delta.Thinking)
	b.Signature = joinedText(b.Signature, delta.Signature)
}

// joinedText adds text to a field that may be empty but not missing.
func joinedText(to, more *string) *string {
	if to == nil || more == nil {
		return cmp.Or(to, more)
	}
	whole := *to + *more
	return &whole
}
