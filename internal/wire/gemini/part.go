package gemini

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// partsOf reads a part: one neutral part, or two where text and a call share it.
// The ids of calls and results are as sent, "" when there is none.
func partsOf(raw jsontext.Value, at llm.Origin) ([]llm.Part, error) {
	var p part
	if err := unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("parts: %w", err)
	}
	var blob *llm.Blob
	if p.ThoughtSignature != "" {
		blob = &llm.Blob{Kind: llm.BlobThought, Data: p.ThoughtSignature, Origin: at}
	}
	var out []llm.Part
	switch {
	case p.InlineData != nil && !p.Thought:
		m := llm.Media{Kind: kindOf(p.InlineData.MIMEType), MIME: p.InlineData.MIMEType, Data: standardBase64(p.InlineData.Data), Name: p.InlineData.DisplayName, Blob: blob}
		return []llm.Part{withExtra(m, &p)}, nil
	case p.FileData != nil && !p.Thought:
		m := llm.Media{MIME: p.FileData.MIMEType, Name: p.FileData.DisplayName, Blob: blob}
		if onlyItsVendor(p.FileData.FileURI) {
			m.FileID, m.Format = p.FileData.FileURI, llm.FormatGemini
		} else {
			m.URL = p.FileData.FileURI
		}
		m.Kind = kindOf(mimeOf(m))
		return []llm.Part{withExtra(m, &p)}, nil
	case p.FunctionResponse != nil:
		r, err := resultOf(p.FunctionResponse, at)
		if err != nil {
			return nil, err
		}
		return []llm.Part{r}, nil
	}
	if p.Text != nil {
		signed := blob
		if p.FunctionCall != nil {
			signed = nil // the signature is the call's
		}
		if p.Thought {
			out = append(out, llm.Reasoning{Text: *p.Text, Summary: true, Blob: signed})
		} else {
			out = append(out, llm.Text{Text: *p.Text, Blob: signed})
		}
	}
	if p.FunctionCall != nil {
		c := llm.ToolCall{ID: p.FunctionCall.ID, Name: p.FunctionCall.Name, Arguments: compact(p.FunctionCall.Args), Blob: blob}
		out = append(out, c)
	}
	if len(out) > 0 {
		return out, nil
	}
	if kind := unknownKind(raw); kind != "" {
		return []llm.Part{llm.Opaque{Format: llm.FormatGemini, Type: kind, Raw: raw}}, nil
	}
	if blob != nil {
		return []llm.Part{llm.Text{Blob: blob}}, nil
	}
	return nil, nil
}

// unknownKind names what a part holds besides what qualifies it; "" when there is
// nothing.
func unknownKind(raw jsontext.Value) string {
	o := scan.NewObject(raw)
	for o.Next() {
		f := o.Field()
		switch name := camel(string(f.Name)); name {
		case "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "text":
		default:
			if f.Kind != 'n' {
				return name
			}
		}
	}
	return ""
}

func compact(v jsontext.Value) string {
	if v.Kind() != '{' {
		return "{}"
	}
	c := v.Clone()
	if err := c.Compact(); err != nil {
		return string(v)
	}
	return string(c)
}

// withExtra keeps what qualifies a medium and has no neutral word.
func withExtra(m llm.Media, p *part) llm.Media {
	if p.VideoMetadata.Kind() != '{' && len(p.MediaResolution) == 0 {
		return m
	}
	extra, err := marshal(part{VideoMetadata: p.VideoMetadata, MediaResolution: p.MediaResolution})
	if err != nil {
		return m
	}
	m.Extra, m.Format = extra, llm.FormatGemini
	return m
}

func kindOf(mime string) llm.MediaKind {
	family, _, _ := strings.Cut(mime, "/")
	switch family {
	case "image":
		return llm.MediaImage
	case "audio":
		return llm.MediaAudio
	case "video":
		return llm.MediaVideo
	}
	return llm.MediaDocument
}

// onlyItsVendor says whether an address means something only to the vendor that
// it was uploaded to: a file of its Files API, a bucket.
func onlyItsVendor(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return true
	}
	for _, version := range []string{"/v1/files/", "/v1beta/files/", "/v1alpha/files/"} {
		if strings.HasPrefix(u.Path, version) {
			return true
		}
	}
	return false
}

// standardBase64 writes base64 of either alphabet, padded or not, in the standard
// one with padding.
func standardBase64(s string) string {
	if strings.ContainsAny(s, "-_") {
		s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	}
	if short := len(s) % 4; short > 1 {
		s += "=="[:4-short]
	}
	return s
}

// resultOf reads a function's result. Its keys "output" and "error" are the
// format's own envelope; any other object is the result itself.
func resultOf(f *functionResponse, at llm.Origin) (llm.ToolResult, error) {
	r := llm.ToolResult{CallID: f.ID, Name: f.Name}
	text := ""
	switch f.Response.Kind() {
	case '{':
		text = compact(f.Response)
		if key, value, ok := onlyText(f.Response); ok {
			switch key {
			case "output":
				text = value
			case "error":
				text, r.IsError = value, true
			}
		}
	case 0, 'n':
	default:
		return r, fmt.Errorf("functionResponse.response of %q is not an object", f.Name)
	}
	if text != "" {
		r.Parts = append(r.Parts, llm.Text{Text: text})
	}
	for _, raw := range f.Parts {
		parts, err := partsOf(raw, at)
		if err != nil {
			return r, err
		}
		for _, p := range parts {
			switch p.(type) {
			case llm.Text, llm.Media, llm.Opaque:
				r.Parts = append(r.Parts, p)
			}
		}
	}
	return r, nil
}

// onlyText returns the one field of an object when it is a string.
func onlyText(v jsontext.Value) (key, value string, ok bool) {
	o := scan.NewObject(v)
	n := 0
	for o.Next() {
		f := o.Field()
		n++
		if f.Kind != '"' || n > 1 {
			return "", "", false
		}
		key = string(f.Name)
		value, ok = f.String()
	}
	return key, value, ok && n == 1 && o.Err() == nil
}
