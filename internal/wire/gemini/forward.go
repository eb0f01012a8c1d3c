package gemini

import (
	"bytes"
	"maps"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Peek reads what is needed before anything else.
func (Format) Peek(r wire.RawRequest) (wire.Peeked, error) {
	model, action, err := fromPath(r.Path)
	if err != nil {
		return wire.Peeked{}, err
	}
	p := wire.Peeked{Model: model, Stream: action == stream, StreamUsage: true}
	var configs, tools int
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		switch string(f.Name) {
		case "generationConfig", "generation_config":
			configs++
			if p.MaxOutput, err = maxOutput(f); err != nil {
				return wire.Peeked{}, err
			}
		case "tools":
			tools++
			p.HasTools = f.Filled() || f.Kind == '{'
		}
	}
	if err := o.Err(); err != nil {
		return wire.Peeked{}, wire.BadRequest("", err.Error())
	}
	if configs > 1 {
		return wire.Peeked{}, wire.BadRequest(configField, "generationConfig stands in two spellings: send it once")
	}
	return p, nil
}

// maxOutput reads the output cap out of generationConfig.
func maxOutput(config scan.Field) (int, error) {
	if config.Kind != '{' {
		return 0, nil
	}
	found, n := 0, whole(0)
	o := scan.NewObject(config.Value)
	for o.Next() {
		switch f := o.Field(); string(f.Name) {
		case "maxOutputTokens", "max_output_tokens":
			found++
			if err := n.UnmarshalJSON(f.Value); err != nil {
				return 0, wire.BadRequest("generationConfig.maxOutputTokens", "generationConfig.maxOutputTokens: "+err.Error())
			}
		}
	}
	if err := o.Err(); err != nil {
		return 0, wire.BadRequest(configField, configField+": "+err.Error())
	}
	if found > 1 {
		return 0, wire.BadRequest("generationConfig.maxOutputTokens", "generationConfig.maxOutputTokens stands in two spellings: send it once")
	}
	return int(max(n, 0)), nil
}

// Splice writes the request for a target. The model stands in the path. A stream
// is one of events, whatever the client asked for: see Framing.
func (Format) Splice(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	model := p.Model
	if e.Model != "" {
		model = e.Model
	}
	out := wire.Outbound{Path: toPath(model, generate)}
	if p.Stream {
		out.Path, out.Query = toPath(model, stream), maps.Clone(sseQuery)
	}
	c := changes{drop: e.Drop, rename: e.Rename, set: maps.Clone(e.Set)}
	if e.Messages != nil {
		if c.set == nil {
			c.set = map[string][]byte{}
		}
		c.set["contents"] = e.Messages
	}
	if bytes.Contains(r.Body, []byte(`"model":`)) && has(r.Body, "model") {
		// A body that names a model beside the path names the client's.
		c.drop = append(c.drop[:len(c.drop):len(c.drop)], "model")
	}
	var err error
	out.Body, _, err = c.apply(r.Body)
	return out, err
}
