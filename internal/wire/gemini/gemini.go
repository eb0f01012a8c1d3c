// Package gemini is Google's Gemini generateContent and streamGenerateContent
// (v1beta), as their clients and their servers speak them.
//
// It promises that unknown request fields survive a round trip, that the same
// request is always written as the same bytes, and that thought signatures go
// back to the model that made them and to no other. A stream has no terminator
// here: it is whole when a finish reason was seen. Names are read in snake_case
// as well as in camelCase, as Google's servers read them. JSON Schemas are
// written in the subset that Gemini takes; what it has no word for is left out
// of them without notice, since no answer becomes invalid by it.
package gemini

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Format is the Gemini format. The zero value is ready.
type Format struct{}

var (
	_ wire.Format = Format{}
	_ wire.Lister = Format{}
)

// Name returns llm.FormatGemini.
func (Format) Name() llm.Format { return llm.FormatGemini }

var (
	// reading matches names as protobuf's JSON does: either spelling.
	reading = json.JoinOptions(json.MatchCaseInsensitiveNames(true))
	// writing takes raw values as they came and mends broken text.
	writing = json.JoinOptions(json.Deterministic(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
)

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v, reading) }

// marshal writes a value that can always be written: our own structs, with raw
// values in them that were checked when they were read.
func marshal(v any) (jsontext.Value, error) { return json.Marshal(v, writing) }
