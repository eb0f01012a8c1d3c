package responses

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// DecodeAnswer reads a whole answer. One that failed, was canceled or is still
// being made in the background is an error.
func (Format) DecodeAnswer(body []byte, t wire.Target) (*llm.Answer, error) {
	body = scan.Sound(body)
	r, err := responseIn(body)
	if err != nil {
		return nil, err
	}
	if e := r.failure(); e != nil {
		return nil, e
	}
	if r.Status == "queued" || r.Status == "in_progress" {
		return nil, llm.Errorf(llm.KindUpstream, "the answer isn't finished yet (%s)", r.Status)
	}
	a := &llm.Answer{ID: r.ID, Model: r.Model, Created: wire.UnixTime(r.CreatedAt), ServiceTier: r.ServiceTier, Usage: r.usageOf(t), Extra: beside(body)}
	var parts []llm.Part
	var s sight
	for i, raw := range r.Output {
		more, err := answerParts(raw, t)
		if err != nil {
			return nil, llm.Errorf(llm.KindUpstream, "output item %d of the answer can't be read: %w", i, err)
		}
		for _, p := range more {
			s.see(p)
		}
		parts = append(parts, more...)
	}
	a.Choices = []llm.Choice{{Parts: parts, Finish: r.finish(s)}}
	return a, nil
}

// responseIn reads a body that should be an answer; an error in its place is
// returned as one.
func responseIn(body []byte) (*response, error) {
	var r response
	if err := scan.Read(body, &r); err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the answer can't be read: %w", err)
	}
	if r.Status == "" && r.Output == nil {
		if e := errorIn(r.Error, 0); e != nil {
			if e.Code == "" {
				e.Code = codeOf(body)
			}
			return nil, e
		}
		return nil, llm.Errorf(llm.KindUpstream, "the answer holds no output")
	}
	return &r, nil
}

// codeOf is the code that some write beside an error instead of inside it.
func codeOf(body []byte) string {
	return textOf(scan.Member(body, "code"))
}

// failure is the error that the answer stands for; nil when it is one.
func (r *response) failure() *llm.Error {
	switch r.Status {
	case "failed":
		if e := errorIn(r.Error, 0); e != nil {
			return e
		}
		return llm.Errorf(llm.KindUpstream, "the provider failed and doesn't say why")
	case "cancelled":
		return llm.Errorf(llm.KindUpstream, "the answer was canceled at the provider")
	}
	return nil
}

// sight is what an answer was seen to hold, as far as its end depends on it.
type sight struct{ call, text, refusal bool }

func (s *sight) see(p llm.Part) {
	switch p := p.(type) {
	case llm.ToolCall:
		s.call = true
	case llm.Text:
		s.text = s.text || p.Text != ""
	case llm.Refusal:
		s.refusal = s.refusal || p.Text != ""
	}
}

// finish says how the answer ended. The format has no word for calls and
// refusals beside the items themselves.
func (r *response) finish(s sight) llm.Finish {
	if r.Status == "incomplete" {
		f := llm.Finish{Reason: llm.FinishLength, Raw: r.reason()}
		switch f.Raw {
		case "content_filter":
			f.Reason = llm.FinishContentFilter
		case "steered":
			f.Reason = llm.FinishStop
		}
		return f
	}
	f := llm.Finish{Reason: llm.FinishStop, Raw: r.Status}
	switch {
	case s.call:
		f.Reason = llm.FinishToolCalls
	case s.refusal && !s.text:
		f.Reason = llm.FinishContentFilter
	}
	return f
}

// beside collects what the provider says beside the answer: what is neither
// read nor an echo of the request.
func beside(body []byte) (out []llm.Field) {
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		if written[string(f.Name)] || f.Kind == 'n' {
			continue
		}
		v := jsontext.Value(bytes.Clone(f.Value))
		if v.Compact(scan.Lenient) == nil {
			out = append(out, llm.Field{Format: llm.FormatResponses, Name: string(f.Name), Value: v})
		}
	}
	return out
}
