// Package responses is OpenAI's Responses API, as its clients and its servers
// speak it (openapi 2026-08-21), streamed or not, without the service's own
// state: stored responses, conversations and background runs pass through as
// fields and are looked up by nobody here.
//
// It promises that items run by the vendor survive a round trip verbatim, that a
// stream numbers its events from 0 without a gap and ends with exactly one
// terminal event, and that the same request is always written as the same bytes.
// It accepts what servers send in practice: events without names, deltas
// without the events around them, final items that tell more than the deltas
// did. It does not look into encrypted reasoning, and sends it to nobody but its
// maker.
package responses

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Format is the Responses format. The zero value is ready.
type Format struct{}

var (
	_ wire.Format = Format{}
	_ wire.Lister = Format{}
)

// Name returns llm.FormatResponses.
func (Format) Name() llm.Format { return llm.FormatResponses }

// path is where answers are asked for, below a base URL that holds the version.
const path = "/responses"

// exact writes equal values as equal bytes, and parts kept verbatim as they came.
var exact = json.JoinOptions(
	json.Deterministic(true), jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true),
)
