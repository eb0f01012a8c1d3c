package gemini

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Counter = Format{}

// SpliceCount writes a request for the tokens of a prompt, which stands bare or
// inside of a whole request that names the model again.
func (f Format) SpliceCount(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	p.Stream = false
	out, err := f.Splice(r, p, e)
	if err != nil {
		return out, err
	}
	model := p.Model
	if e.Model != "" {
		model = e.Model
	}
	out.Path = toPath(model, "countTokens")
	if has(out.Body, "generateContentRequest.model") {
		c := changes{set: map[string][]byte{"generateContentRequest.model": scan.Quote("models/" + bareModel(model))}}
		out.Body, _, err = c.apply(out.Body)
	}
	return out, err
}

// Counted reads the answer. Of no tokens protobuf's JSON says nothing.
func (Format) Counted(body []byte) error {
	var a struct {
		Total whole `json:"totalTokens"`
	}
	if err := unmarshal(body, &a); err != nil || a.Total < 0 {
		return llm.Errorf(llm.KindUpstream, "the provider's count of tokens can't be read")
	}
	return nil
}
