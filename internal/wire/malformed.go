package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// Malformed is the failure of a stream whose event has no name to say whose it
// is and no JSON for data; nil for an event that may be passed over. It is for
// formats of named events: what a named one that they don't know holds is its
// own affair, and the terminator of other formats is harmless.
func Malformed(name string, data []byte) *llm.Error {
	if name != "" && name != "message" {
		return nil
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "[DONE]" || jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil
	}
	return llm.Errorf(llm.KindUpstream, "the provider sent an event that is no JSON: %s", Clip(string(data)))
}

// Enclosed says whether an event looks like an object from the outside. A meter
// that read each to its end would double what a passing event costs; what is cut
// off, or something else altogether, shows at its ends.
func Enclosed(data []byte) bool {
	data = bytes.Trim(data, " \t\r\n")
	return len(data) > 1 && data[0] == '{' && data[len(data)-1] == '}'
}
