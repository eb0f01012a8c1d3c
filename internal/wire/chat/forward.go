package chat

import (
	"maps"
	"net/http"
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Peek reads the fields that decide where a request goes.
func (Format) Peek(r wire.RawRequest) (wire.Peeked, error) {
	var p wire.Peeked
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		if !see(&p, f) {
			return p, wire.BadRequest(string(f.Name), string(f.Name)+" is of the wrong JSON type")
		}
	}
	if err := o.Err(); err != nil {
		return p, &llm.Error{Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Message: "the request's body can't be read: " + err.Error(), Err: err}
	}
	if p.Model == "" {
		return p, wire.BadRequest("model", "model is missing: name the model to use")
	}
	return p, nil
}

func see(p *wire.Peeked, f scan.Field) (ok bool) {
	ok = true
	switch string(f.Name) {
	case "model":
		var name []byte
		name, ok = f.Text()
		p.Model = wire.Intern(name)
	case "stream":
		p.Stream, ok = f.Bool()
	case "stream_options":
		if f.Kind == '{' {
			p.StreamUsage, ok = asksUsage(f.Value)
		}
	case "max_tokens", "max_completion_tokens":
		p.MaxOutput, ok = f.Int()
	case "tools", "functions":
		p.HasTools = f.Filled()
	case "prompt_cache_key":
		p.Session, ok = f.String()
	case "session_id":
		if p.Session == "" {
			p.Session, ok = f.String()
		}
	case "safety_identifier":
		p.EndUser, ok = f.String()
	case "user":
		if p.EndUser == "" {
			p.EndUser, ok = f.String()
		}
	case "messages":
		ok = f.Kind == '['
	}
	return ok
}

func asksUsage(options []byte) (asks, ok bool) {
	o := scan.NewObject(options)
	for o.Next() {
		if f := o.Field(); string(f.Name) == "include_usage" {
			asks, ok = f.Bool()
			return asks, ok
		}
	}
	return false, o.Err() == nil
}

var (
	usageAsked   = []byte(`{"include_usage":true}`)
	includeUsage = []byte("true")
)

// Splice writes the request for a target.
func (Format) Splice(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	var store [8]scan.Edit
	edits := store[:0]
	if e.Model != "" && e.Model != p.Model {
		edits = append(edits, scan.Edit{Name: "model", Value: scan.Quote(e.Model)})
	}
	if e.AskUsage {
		options, err := withUsage(r.Body)
		if err != nil {
			return wire.Outbound{}, err
		}
		edits = append(edits, scan.Edit{Name: "stream_options", Value: options})
	}
	if e.Messages != nil {
		edits = append(edits, scan.Edit{Name: "messages", Value: e.Messages})
	}
	for _, name := range e.Drop {
		edits = append(edits, scan.Edit{Name: name, Drop: true})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Rename)) {
		edits = append(edits, scan.Edit{Name: name, Rename: e.Rename[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		edits = append(edits, scan.Edit{Name: name, Value: e.Set[name]})
	}
	if len(edits) == 0 {
		return wire.Outbound{Path: path, Body: r.Body}, nil
	}
	body, err := scan.SpliceInto(e.Room, r.Body, edits)
	if err != nil {
		return wire.Outbound{}, wire.BadRequest("", "the request's body can't be read: "+err.Error())
	}
	return wire.Outbound{Path: path, Body: body}, nil
}

// withUsage is the request's stream_options with include_usage set.
func withUsage(body []byte) ([]byte, error) {
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		if string(f.Name) != "stream_options" || f.Kind != '{' {
			continue
		}
		out, err := scan.Splice(f.Value, []scan.Edit{{Name: "include_usage", Value: includeUsage}})
		if err != nil {
			return nil, wire.BadRequest("stream_options", "stream_options can't be read: "+err.Error())
		}
		return out, nil
	}
	return usageAsked, nil
}
