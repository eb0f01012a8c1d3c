package responses

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// partsOf reads an item that a model wrote. What has no neutral word is one
// Opaque part.
func partsOf(raw jsontext.Value, t wire.Target) ([]llm.Part, error) {
	var k kind
	if err := json.Unmarshal(raw, &k, scan.Lenient); err != nil {
		return nil, err
	}
	switch k.Type {
	case "message", "reasoning", "function_call", "custom_tool_call":
	default:
		return []llm.Part{llm.Opaque{Format: llm.FormatResponses, Type: k.Type, Raw: raw}}, nil
	}
	var it item
	if err := json.Unmarshal(raw, &it, scan.Lenient); err != nil {
		return nil, err
	}
	switch it.Type {
	case "reasoning":
		return []llm.Part{reasoningOf(&it, t.Origin)}, nil
	case "message":
		return spokenParts(it.Content)
	}
	return []llm.Part{callOf(&it, t)}, nil
}

// answerParts reads an item of an answer. A call without a name can't be run by
// anybody; one without an id is given one.
func answerParts(raw jsontext.Value, t wire.Target) ([]llm.Part, error) {
	parts, err := partsOf(raw, t)
	if err != nil || len(parts) != 1 {
		return parts, err
	}
	if c, ok := parts[0].(llm.ToolCall); ok {
		if parts[0], err = whole(c); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// whole gives a call what every call must have.
func whole(c llm.ToolCall) (llm.ToolCall, error) {
	if c.Name == "" {
		return c, errors.New("it calls a tool without naming it")
	}
	if c.ID == "" {
		c.ID = wire.ToolID(strings.Repeat("call without id ", 4)+c.Name+c.Arguments, wire.ShapeResponses)
	}
	return c, nil
}

// spokenParts reads the content of a model's message; parts without a neutral
// word are left out.
func spokenParts(v jsontext.Value) ([]llm.Part, error) {
	all, err := contentParts(v)
	if err != nil {
		return nil, err
	}
	var parts []llm.Part
	for _, p := range all {
		if _, ok := p.(llm.Opaque); !ok {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

func callOf(it *item, t wire.Target) llm.ToolCall {
	c := llm.ToolCall{ID: it.CallID, ItemID: it.ID, Name: t.Names.Back(it.Name)}
	if c.ID == "" {
		c.ID = it.ID
	}
	if c.Custom = it.Type == "custom_tool_call"; c.Custom {
		c.Arguments = textOf(it.Input)
	} else {
		c.Arguments = textOf(it.Arguments)
	}
	return c
}

// textOf reads a text, or, from servers that don't encode it, the JSON itself.
func textOf(v jsontext.Value) string {
	switch v.Kind() {
	case 0, 'n':
		return ""
	case '"':
		var s string
		if json.Unmarshal(v, &s, scan.Lenient) == nil {
			return s
		}
	}
	return string(v)
}

// reasoningOf reads a reasoning item: the reasoning itself where the maker shows
// it, else its summary.
func reasoningOf(it *item, at llm.Origin) llm.Reasoning {
	r := llm.Reasoning{ID: it.ID}
	var content []textPart
	if it.Content.Kind() == '[' {
		_ = json.Unmarshal(it.Content, &content, scan.Lenient) // another shape is no text of ours
	}
	if r.Text = paragraphs(content); r.Text == "" {
		r.Text = paragraphs(it.Summary)
		r.Summary = r.Text != ""
	}
	r.Blob = blobOf(it.Encrypted, r, at)
	return r
}

// blobOf is what must go back to the maker: the encrypted text, or the plain one
// where there is no other.
func blobOf(encrypted string, r llm.Reasoning, at llm.Origin) *llm.Blob {
	switch {
	case encrypted != "":
		return &llm.Blob{Kind: llm.BlobEncrypted, Data: encrypted, Origin: at}
	case r.Text != "" && !r.Summary:
		return &llm.Blob{Kind: llm.BlobPlain, Origin: at}
	}
	return nil
}

// between stands between the paragraphs of a reasoning.
const between = "\n\n"

func paragraphs(list []textPart) string {
	var b strings.Builder
	for _, p := range list {
		if p.Text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(between)
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

func citationsOf(raws []jsontext.Value) (out []llm.Citation) {
	for _, raw := range raws {
		if c, ok := citationOf(raw); ok {
			out = append(out, c)
		}
	}
	return out
}

func citationOf(raw jsontext.Value) (llm.Citation, bool) {
	var a annotation
	if raw.Kind() != '{' || json.Unmarshal(raw, &a, scan.Lenient) != nil {
		return llm.Citation{}, false
	}
	if a.Title == "" {
		a.Title = a.Filename
	}
	return llm.Citation{Start: a.Start, End: a.End, URL: a.URL, Title: a.Title, Format: llm.FormatResponses, Raw: raw.Clone()}, true
}

func logprobsOf(list []logprob) (out []llm.TokenLogprob) {
	for _, l := range list {
		n := llm.TokenLogprob{Token: l.Token, Logprob: l.Logprob, Bytes: bytesOf(l.Bytes)}
		for _, top := range l.Top {
			n.Top = append(n.Top, llm.TokenLogprob{Token: top.Token, Logprob: top.Logprob, Bytes: bytesOf(top.Bytes)})
		}
		out = append(out, n)
	}
	return out
}

func bytesOf(list []int) (out []byte) {
	for _, b := range list {
		out = append(out, byte(b&0xff))
	}
	return out
}
