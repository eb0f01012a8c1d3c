package gemini

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// EncodeAnswer writes a whole answer.
func (Format) EncodeAnswer(a *llm.Answer, c wire.Caller) ([]byte, error) {
	out := head(a.ID, a.Model, c)
	if !a.Created.IsZero() {
		out.CreateTime = a.Created.UTC().Format(time.RFC3339Nano)
	}
	for i, choice := range a.Choices {
		cand := candidate{Content: &content{Role: "model"}, Index: whole(i), FinishReason: finishWord(choice.Finish), FinishMessage: choice.Finish.Detail}
		var cited []citedText
		for _, p := range choice.Parts {
			raw, ok := shownPart(p, showsThoughts(c.Request))
			if !ok {
				continue
			}
			if t, isText := p.(llm.Text); isText {
				cited = append(cited, citedText{len(cand.Content.Parts), t.Text, t.Citations})
				cand.Logprobs = withLogprobs(cand.Logprobs, t.Logprobs)
			}
			cand.Content.Parts = append(cand.Content.Parts, raw)
		}
		cand.Grounding = groundingOf(cited)
		out.Candidates = append(out.Candidates, cand)
	}
	out.Usage = usageOf(a.Usage)
	return marshal(out)
}

// head begins an answer or a chunk.
func head(id, model string, c wire.Caller) answer {
	if c.Model != "" {
		model = c.Model
	}
	if id == "" {
		id = c.ID
	}
	return answer{ModelVersion: model, ResponseID: id}
}

// showsThoughts says whether a client wants to see thoughts: the vendor shows
// them to who set includeThoughts.
func showsThoughts(q *llm.Request) bool {
	return q == nil || q.Reasoning.Summary != "" && q.Reasoning.Summary != "omitted"
}

// shownPart writes a part of an answer; ok is false when there is nothing to
// show of it.
func shownPart(p llm.Part, thoughts bool) (raw jsontext.Value, ok bool) {
	var out part
	switch p := p.(type) {
	case llm.Text:
		out = part{Text: &p.Text, ThoughtSignature: shownSignature(p.Blob)}
		if p.Text == "" && out.ThoughtSignature == "" {
			return nil, false
		}
	case llm.Refusal:
		if p.Text == "" {
			return nil, false
		}
		out = part{Text: &p.Text}
	case llm.Reasoning:
		shown := p.Text
		if !thoughts {
			shown = ""
		}
		out = part{Text: &shown, Thought: true, ThoughtSignature: shownSignature(p.Blob)}
		if shown == "" && out.ThoughtSignature == "" {
			return nil, false
		}
	case llm.ToolCall:
		out = part{FunctionCall: &functionCall{ID: p.ID, Name: p.Name, Args: argsOf(p)}, ThoughtSignature: shownSignature(p.Blob)}
	case llm.Media:
		switch {
		case p.Data != "":
			out = part{InlineData: &inlineData{MIMEType: mimeOf(p), Data: p.Data, DisplayName: p.Name}}
		case p.URL != "":
			out = part{FileData: &fileData{MIMEType: mimeOf(p), FileURI: p.URL, DisplayName: p.Name}}
		case p.FileID != "" && p.Format == llm.FormatGemini:
			out = part{FileData: &fileData{MIMEType: mimeOf(p), FileURI: p.FileID, DisplayName: p.Name}}
		default:
			return nil, false
		}
		out.ThoughtSignature = shownSignature(p.Blob)
	case llm.Opaque:
		return p.Raw, p.Format == llm.FormatGemini
	default:
		return nil, false
	}
	raw, err := marshal(out)
	return raw, err == nil
}

// shownSignature is a signature that this format has a place for.
func shownSignature(b *llm.Blob) string {
	if b == nil || b.Kind != llm.BlobThought {
		return ""
	}
	return b.Data
}

// argsOf writes a call's arguments as the object that the format wants. What is
// none is kept whole in a field of its own.
func argsOf(c llm.ToolCall) jsontext.Value {
	args := jsontext.Value(c.Arguments)
	switch {
	case c.Custom:
	case strings.TrimSpace(c.Arguments) == "":
		return jsontext.Value("{}")
	case args.Kind() == '{' && args.IsValid():
		return args
	}
	var w object
	w.add("input", scan.Quote(c.Arguments))
	return w.bytes()
}

func withLogprobs(l *logprobs, add []llm.TokenLogprob) *logprobs {
	if len(add) == 0 {
		return l
	}
	if l == nil {
		l = &logprobs{}
	}
	for _, t := range add {
		l.Chosen = append(l.Chosen, logprob{t.Token, t.Logprob})
		top := topLogprobs{Candidates: []logprob{}}
		for _, o := range t.Top {
			top.Candidates = append(top.Candidates, logprob{o.Token, o.Logprob})
		}
		l.Top = append(l.Top, top)
	}
	return l
}

var extensions = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif", ".heic": "image/heic",
	".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/markdown", ".html": "text/html", ".csv": "text/csv",
	".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg", ".flac": "audio/flac",
	".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm",
}

var usual = map[llm.MediaKind]string{
	llm.MediaImage: "image/jpeg", llm.MediaDocument: "application/pdf", llm.MediaAudio: "audio/wav", llm.MediaVideo: "video/mp4",
}

// mimeOf says what a medium is: as told, else by the name in its address. Data
// can't go without; an address can.
func mimeOf(m llm.Media) string {
	if m.MIME != "" {
		return m.MIME
	}
	for _, name := range []string{m.URL, m.Name} {
		name, _, _ = strings.Cut(name, "?")
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			if mime, ok := extensions[strings.ToLower(name[dot:])]; ok {
				return mime
			}
		}
	}
	if m.Data != "" {
		return usual[m.Kind]
	}
	return ""
}
