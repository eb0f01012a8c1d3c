package messages

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// contentParts reads content that a client sent: text, or a list of blocks. at
// says where it stands, for the error.
func contentParts(at string, v jsontext.Value) ([]llm.Part, error) {
	switch v.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		if s := scan.Text(v); s != "" {
			return []llm.Part{llm.Text{Text: s}}, nil
		}
		return nil, nil
	case '[':
		var raws []jsontext.Value
		if err := json.Unmarshal(v, &raws); err != nil {
			return nil, wire.BadField(at, err)
		}
		parts := make([]llm.Part, 0, len(raws))
		for i, raw := range raws {
			block := at + "." + strconv.Itoa(i)
			p, err := partOf(block, raw)
			if err != nil {
				return nil, wire.BadField(block, err)
			}
			parts = append(parts, p)
		}
		return parts, nil
	}
	return nil, wire.BadField(at, errors.New("neither text nor a list of blocks"))
}

// partOf reads one block of a client.
func partOf(at string, raw jsontext.Value) (llm.Part, error) {
	if raw.Kind() != '{' {
		return nil, errors.New("not an object")
	}
	typ := scan.Text(scan.Member(raw, "type"))
	switch typ {
	case typeText, typeImage, typeDocument, typeThinking, typeRedacted, typeToolUse, typeResult:
	case "":
		return nil, errors.New("type is missing")
	default:
		return opaque(typ, raw), nil
	}
	var b block
	if (typ == typeImage || typ == typeDocument) && !known(scan.Member(raw, "source")) {
		return opaque(typ, raw), nil
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	return b.part(at, llm.Origin{})
}

// known says whether a source is of a type that has a neutral word.
func known(v jsontext.Value) bool {
	switch scan.Text(scan.Member(v, "type")) {
	case "base64", "url", "file", "text":
		return true
	}
	return false
}

func opaque(typ string, raw jsontext.Value) llm.Opaque {
	return llm.Opaque{Format: llm.FormatMessages, Type: typ, Raw: raw, Text: wordsOf(typ, raw)}
}

// wordsOf is what a client's block says in words: a search result, or a document
// of blocks. Those of other types hold none.
func wordsOf(typ string, raw jsontext.Value) string {
	content := scan.Member(raw, "content")
	switch typ {
	case typeDocument:
		content = scan.Member(scan.Member(raw, "source"), "content")
	case typeSearch:
	default:
		return ""
	}
	parts, err := contentParts("", content)
	if err != nil {
		return "" // nothing that could be told
	}
	said := llm.Message{Parts: parts}.Text()
	if said == "" || slices.ContainsFunc(parts, func(p llm.Part) bool { _, ok := p.(llm.Text); return !ok }) {
		return ""
	}
	for _, name := range []string{"source", "title"} {
		if s := scan.Text(scan.Member(raw, name)); s != "" {
			said = s + "\n" + said
		}
	}
	return said
}

// part turns a block of a known type into its part; from is where its
// reasoning was made, at where the block stands.
func (b *block) part(at string, from llm.Origin) (llm.Part, error) {
	mark := b.CacheControl.mark()
	switch b.Type {
	case typeText:
		t := llm.Text{Text: value(b.Text), Cache: mark}
		if b.Citations.Kind() == '[' {
			var raws []jsontext.Value
			if err := json.Unmarshal(b.Citations, &raws, scan.Lenient); err != nil {
				return nil, fmt.Errorf("citations: %w", err)
			}
			for _, raw := range raws {
				t.Citations = append(t.Citations, citationOf(raw))
			}
		}
		return t, nil
	case typeImage, typeDocument:
		return b.media(), nil
	case typeThinking:
		r := llm.Reasoning{Text: value(b.Thinking)}
		if s := value(b.Signature); s != "" {
			r.Blob = &llm.Blob{Kind: llm.BlobSignature, Data: s, Origin: from}
		}
		return r, nil
	case typeRedacted:
		return llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobRedacted, Data: b.Data, Origin: from}}, nil
	case typeToolUse:
		if b.Name == "" {
			return nil, errors.New("tool_use: name is missing")
		}
		return llm.ToolCall{ID: b.ID, Name: b.Name, Arguments: scan.ObjectArguments(b.Input), Cache: mark}, nil
	case typeResult:
		if b.ToolUseID == "" {
			return nil, errors.New("tool_result: tool_use_id is missing: name the call that this answers")
		}
		parts, err := contentParts(at+".content", b.Content)
		if err != nil {
			return nil, err
		}
		return llm.ToolResult{CallID: b.ToolUseID, Parts: parts, IsError: b.IsError, Cache: mark}, nil
	}
	return nil, fmt.Errorf("type %q has no part", b.Type)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (b *block) media() llm.Media {
	m := llm.Media{Kind: llm.MediaImage, Name: b.Title, Cache: b.CacheControl.mark()}
	if b.Type == typeDocument {
		m.Kind = llm.MediaDocument
	}
	s := source{}
	if b.Source != nil {
		s = *b.Source
	}
	switch s.Type {
	case "url":
		m.URL = s.URL
	case "file":
		m.FileID, m.Format = s.FileID, llm.FormatMessages
	case "text":
		m.MIME, m.Text = "text/plain", s.Data
	default:
		m.MIME, m.Data = s.MediaType, s.Data
	}
	m.Extra = extraOf(b)
	return m
}

// documentExtra is what a document says beside its content.
type documentExtra struct {
	Context   jsontext.Value `json:"context,omitzero"`
	Citations jsontext.Value `json:"citations,omitzero"`
}

func extraOf(b *block) []byte {
	e := documentExtra{Context: b.Context, Citations: b.Citations}
	if len(e.Context) == 0 && len(e.Citations) == 0 {
		return nil
	}
	v, err := json.Marshal(e, writing)
	if err != nil {
		return nil
	}
	return v
}

// citationOf reads a citation of any of the API's kinds. It has no place in
// the text: it stands for the whole block.
func citationOf(raw jsontext.Value) llm.Citation {
	c := llm.Citation{
		URL:    scan.Text(scan.Member(raw, "url")),
		Title:  scan.Text(scan.Member(raw, "title")),
		Quote:  scan.Text(scan.Member(raw, "cited_text")),
		Format: llm.FormatMessages,
		Raw:    raw,
	}
	if c.Title == "" {
		c.Title = scan.Text(scan.Member(raw, "document_title"))
	}
	if c.URL == "" {
		c.URL = scan.Text(scan.Member(raw, "source"))
	}
	return c
}
