package messages

import (
	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

var _ wire.Counter = Format{}

// SpliceCount writes a request for the tokens of a prompt.
func (f Format) SpliceCount(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	out, err := f.Splice(r, p, e)
	out.Path = path + "/count_tokens"
	return out, err
}

// Counted reads the answer.
func (Format) Counted(body []byte) error {
	var a struct {
		Input *int64 `json:"input_tokens"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.Input == nil || *a.Input < 0 {
		return llm.Errorf(llm.KindUpstream, "the provider's count of tokens can't be read")
	}
	return nil
}
