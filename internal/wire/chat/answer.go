package chat

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// finishes maps the format's finish reasons, and those that others use in it, to
// the neutral ones.
var finishes = map[string]llm.FinishReason{
	"stop": llm.FinishStop, "end_turn": llm.FinishStop, "eos": llm.FinishStop,
	"length": llm.FinishLength, "max_tokens": llm.FinishLength, "model_length": llm.FinishContextFull,
	"tool_calls": llm.FinishToolCalls, "function_call": llm.FinishToolCalls,
	"content_filter": llm.FinishContentFilter, "sensitive": llm.FinishContentFilter,
	"error": llm.FinishError, "network_error": llm.FinishError,
	"insufficient_system_resource": llm.FinishError,
}

// finishOf reads a finish reason. An unknown word still is an end.
func finishOf(index int, raw string) llm.Finish {
	reason, ok := finishes[raw]
	if !ok {
		reason = llm.FinishStop
	}
	return llm.Finish{Choice: index, Reason: reason, Raw: raw}
}

// ended corrects a finish by what the answer holds: some servers say "stop" after
// calls, and OpenAI says it after a refusal in words.
func ended(f llm.Finish, called, refused bool) llm.Finish {
	switch {
	case f.Reason != llm.FinishStop:
	case called:
		f.Reason = llm.FinishToolCalls
	case refused:
		f.Reason = llm.FinishContentFilter
	}
	return f
}

// refused says whether an answer is a refusal in words and nothing else.
func refused(parts []llm.Part) bool {
	yes := false
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Refusal:
			yes = true
		case llm.Text:
			if p.Text != "" {
				return false
			}
		}
	}
	return yes
}

// finishWord writes a finish reason; refused is what it is of the answer.
func finishWord(r llm.FinishReason, refused bool) string {
	switch r {
	case llm.FinishContentFilter:
		if refused {
			return "stop"
		}
		return "content_filter"
	case llm.FinishLength, llm.FinishContextFull:
		return "length"
	case llm.FinishToolCalls:
		return "tool_calls"
	case llm.FinishError:
		return "content_filter"
	}
	return "stop"
}

// DecodeAnswer reads a whole answer.
func (Format) DecodeAnswer(body []byte, t wire.Target) (*llm.Answer, error) {
	var in answer
	if err := scan.Read(body, &in); err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the answer can't be read: %w", err)
	}
	if e := in.failure(); e != nil {
		return nil, e
	}
	if len(in.Choices) == 0 {
		return nil, llm.Errorf(llm.KindUpstream, "the answer holds no choices")
	}
	a := &llm.Answer{ID: in.ID, Model: in.Model, Created: wire.UnixTime(in.Created), ServiceTier: in.ServiceTier}
	if u := in.anyUsage(); u != nil {
		a.Usage = u.neutral(t.ReasoningOnTop)
		a.Usage.ServiceTier = in.ServiceTier
	}
	for i, c := range in.Choices {
		if e := errorIn(c.Error, 0); e != nil {
			return nil, e
		}
		if c.Message == nil {
			return nil, llm.Errorf(llm.KindUpstream, "choice %d of the answer holds no message", i)
		}
		parts, err := answerParts(c.Message, t, in.ID, i)
		if err != nil {
			return nil, llm.Errorf(llm.KindUpstream, "choice %d of the answer: %w", i, err)
		}
		if c.Logprobs != nil {
			addLogprobs(parts, c.Logprobs.Content)
		}
		f := ended(finishOf(i, c.FinishReason), len(callsOf(llm.Message{Parts: parts})) > 0, refused(parts))
		a.Choices = append(a.Choices, llm.Choice{Parts: parts, Finish: f})
	}
	return a, nil
}

// anyUsage finds the usage in whichever place it stands.
func (a *answer) anyUsage() *usage {
	if a.Usage != nil {
		return a.Usage
	}
	if a.Groq != nil && a.Groq.Usage != nil {
		return a.Groq.Usage
	}
	for i := range a.Choices {
		if a.Choices[i].Usage != nil {
			return a.Choices[i].Usage
		}
	}
	return nil
}

func answerParts(m *message, t wire.Target, answer string, choice int) ([]llm.Part, error) {
	var parts []llm.Part
	if r := reasoningOf(m, t.Origin); r != nil {
		parts = append(parts, *r)
	}
	content, err := contentParts(m.Content)
	if err != nil {
		return nil, err
	}
	for i, p := range content {
		switch p := p.(type) {
		case llm.Text:
			if i == 0 {
				p.Citations = citationsOf(m.Annotations)
				content[0] = p
			}
		case llm.Reasoning:
			p.Blob = &llm.Blob{Kind: llm.BlobPlain, Origin: t.Origin}
			content[i] = p
		}
	}
	if t.InlineThinking {
		content = withoutInline(content, t.Origin)
	}
	parts = append(parts, content...)
	if m.Refusal != "" {
		parts = append(parts, llm.Refusal{Text: m.Refusal})
	}
	for i, c := range m.ToolCalls {
		call := callOf(c)
		if name, custom := t.Names.Called(call.Name); custom {
			call.Name, call.Custom, call.Arguments = name, true, wire.FreeText(call.Arguments)
		} else {
			call.Name = name
		}
		if call.Name == "" {
			continue // nothing that could be called
		}
		if call.ID == "" {
			call.ID = wire.InventedID(answer, choice, i)
		}
		parts = append(parts, call)
	}
	if f := m.FunctionCall; f != nil && f.Name != "" {
		parts = append(parts, llm.ToolCall{ID: legacyID(f.Name), Name: t.Names.Back(f.Name), Arguments: argumentsOf(f.Arguments)})
	}
	return parts, nil
}

// withoutInline splits the reasoning that stands in the first text from it.
func withoutInline(parts []llm.Part, at llm.Origin) []llm.Part {
	if len(parts) == 0 {
		return parts
	}
	text, ok := parts[0].(llm.Text)
	if !ok {
		return parts
	}
	var k inline
	reasoning, rest := k.add(text.Text)
	more, last := k.end()
	if reasoning += more; reasoning == "" {
		return parts
	}
	out := []llm.Part{llm.Reasoning{Text: reasoning, Blob: &llm.Blob{Kind: llm.BlobPlain, Origin: at}}}
	if text.Text = rest + last; text.Text != "" {
		out = append(out, text)
	}
	return append(out, parts[1:]...)
}

func citationsOf(notes []annotation) (out []llm.Citation) {
	for _, n := range notes {
		if n.URLCitation != nil {
			c := n.URLCitation
			out = append(out, llm.Citation{Start: c.Start, End: c.End, URL: c.URL, Title: c.Title})
		}
	}
	return out
}

func notesOf(list []llm.Citation) (out []outNote) {
	for _, c := range list {
		if c.URL != "" {
			out = append(out, outNote{Type: "url_citation", URL: outCite{c.Start, c.End, c.URL, c.Title}})
		}
	}
	return out
}

func addLogprobs(parts []llm.Part, list []logprob) {
	for i, p := range parts {
		if text, ok := p.(llm.Text); ok {
			text.Logprobs = append(text.Logprobs, neutralLogprobs(list)...)
			parts[i] = text
			return
		}
	}
}

func neutralLogprobs(list []logprob) []llm.TokenLogprob {
	out := make([]llm.TokenLogprob, 0, len(list))
	for _, l := range list {
		n := llm.TokenLogprob{Token: l.Token, Logprob: l.Logprob}
		for _, b := range l.Bytes {
			n.Bytes = append(n.Bytes, byte(b&0xff))
		}
		for _, top := range l.Top {
			top.Top = nil
			n.Top = append(n.Top, neutralLogprobs([]logprob{top})...)
		}
		out = append(out, n)
	}
	return out
}

// head is what every answer and chunk begins with.
func head(id, model, object string, at time.Time, c wire.Caller) outAnswer {
	if id == "" {
		id = "chatcmpl-" + c.ID
	}
	if c.Model != "" {
		model = c.Model
	}
	if at.IsZero() {
		at = c.Now
	}
	return outAnswer{ID: id, Object: object, Created: at.Unix(), Model: model, Choices: []outChoice{}}
}

// EncodeAnswer writes a whole answer.
func (Format) EncodeAnswer(a *llm.Answer, c wire.Caller) ([]byte, error) {
	out := head(a.ID, a.Model, "chat.completion", a.Created, c)
	out.ServiceTier = a.ServiceTier
	out.Usage = usageOf(a.Usage)
	for i, choice := range a.Choices {
		m := answerMessage(choice.Parts)
		word := finishWord(choice.Finish.Reason, refused(choice.Parts))
		out.Choices = append(out.Choices, outChoice{Index: i, Message: &m.outMessage, Logprobs: logprobsOf(m.logprobs), FinishReason: &word})
	}
	return json.Marshal(out)
}

type builtMessage struct {
	outMessage
	logprobs []llm.TokenLogprob
}

func answerMessage(parts []llm.Part) (m builtMessage) {
	m.Role = "assistant"
	var text, reasoning strings.Builder
	var refusal *string
	said, thought := false, false
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			m.Annotations = append(m.Annotations, notesOf(shifted(p.Citations, text.String()))...)
			text.WriteString(p.Text)
			said = true
			m.logprobs = append(m.logprobs, p.Logprobs...)
		case llm.Refusal:
			refusal = &p.Text
		case llm.Reasoning:
			if p.Text != "" {
				separate(&reasoning)
				reasoning.WriteString(p.Text)
				thought = true
			}
			if b := p.Blob; b != nil && b.Kind == llm.BlobDetails {
				m.ReasoningDetails = joined(m.ReasoningDetails, jsontext.Value(b.Data))
			}
		case llm.ToolCall:
			m.ToolCalls = append(m.ToolCalls, shownCall(p))
		}
	}
	m.Content = jsontext.Value("null")
	if said || (refusal == nil && len(m.ToolCalls) == 0) {
		m.Content = scan.Quote(text.String())
	}
	if thought {
		r := toValid(reasoning.String())
		m.ReasoningContent = &r
	}
	m.Refusal = refusal
	return m
}

func separate(b *strings.Builder) {
	if b.Len() > 0 {
		b.WriteString("\n\n")
	}
}

// shifted moves citations by the text that stands before their own part.
func shifted(list []llm.Citation, before string) []llm.Citation {
	by := len([]rune(before))
	if by == 0 {
		return list
	}
	out := make([]llm.Citation, len(list))
	for i, c := range list {
		if c.End > 0 {
			c.Start, c.End = c.Start+by, c.End+by
		}
		out[i] = c
	}
	return out
}

func shownCall(c llm.ToolCall) outCall {
	if c.Custom {
		return outCall{ID: c.ID, Type: "custom", Custom: &outFreeText{Name: c.Name, Input: toValid(c.Arguments)}}
	}
	args := toValid(c.Arguments)
	if strings.TrimSpace(args) == "" {
		args = "{}"
	}
	return outCall{ID: c.ID, Type: "function", Function: &outCalled{Name: c.Name, Arguments: args}}
}
