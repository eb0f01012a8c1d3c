package responses

import (
	"maps"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Peek reads what routing needs, without decoding the rest.
func (Format) Peek(r wire.RawRequest) (wire.Peeked, error) {
	var p wire.Peeked
	var user, session string
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		ok := true
		switch string(f.Name) {
		case "model":
			var name []byte
			name, ok = f.Text()
			p.Model = wire.Intern(name)
		case "stream":
			p.Stream, ok = f.Bool()
		case "prompt_cache_key":
			p.Session, ok = f.String()
		case "session_id":
			session, ok = f.String()
		case "safety_identifier":
			p.EndUser, ok = f.String()
		case "user":
			user, ok = f.String()
		case "previous_response_id":
			p.PreviousResponse, ok = f.String()
		case "store":
			_, ok = f.Bool()
			p.NoStore = f.Kind == 'f' // null is the default, which is to store
		case "background":
			p.Background, ok = f.Bool()
		case "max_output_tokens":
			p.MaxOutput, ok = f.Int()
		case "tools":
			p.HasTools = f.Filled()
		}
		if !ok {
			name := string(f.Name)
			return wire.Peeked{}, wire.BadRequest(name, name+": a value of this type does not fit here")
		}
	}
	if err := o.Err(); err != nil {
		return wire.Peeked{}, badBody(err)
	}
	if p.EndUser == "" {
		p.EndUser = user
	}
	if p.Session == "" {
		p.Session = session
	}
	return p, nil
}

// Splice writes the request for a target with the edits made and every other
// byte as it was.
func (Format) Splice(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	var edits []scan.Edit
	if e.Model != "" && e.Model != p.Model {
		edits = append(edits, scan.Edit{Name: "model", Value: scan.Quote(e.Model)})
	}
	if e.Messages != nil {
		edits = append(edits, scan.Edit{Name: "input", Value: e.Messages})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		edits = append(edits, scan.Edit{Name: name, Value: e.Set[name]})
	}
	for _, name := range e.Drop {
		if !strings.Contains(name, ".") {
			edits = append(edits, scan.Edit{Name: name, Drop: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Rename)) {
		edits = append(edits, scan.Edit{Name: name, Rename: e.Rename[name]})
	}
	edits, err := dropNested(r.Body, edits, e.Drop)
	if err != nil {
		return wire.Outbound{}, badBody(err)
	}
	body := r.Body
	if len(edits) > 0 {
		if body, err = scan.SpliceInto(e.Room, r.Body, edits); err != nil {
			return wire.Outbound{}, badBody(err)
		}
	}
	return wire.Outbound{Path: path, Body: body}, nil
}

// dropNested adds the edits that leave out members of object fields, named with
// a dot ("reasoning.summary").
func dropNested(body []byte, edits []scan.Edit, drop []string) ([]scan.Edit, error) {
	inner := map[string][]scan.Edit{}
	for _, name := range drop {
		if field, member, ok := strings.Cut(name, "."); ok {
			inner[field] = append(inner[field], scan.Edit{Name: member, Drop: true})
		}
	}
	if len(inner) == 0 {
		return edits, nil
	}
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		members := inner[string(f.Name)]
		if f.Kind != '{' || members == nil || slices.ContainsFunc(edits, func(e scan.Edit) bool { return e.Name == string(f.Name) }) {
			continue
		}
		value, err := scan.Splice(f.Value, members)
		if err != nil {
			return nil, err
		}
		edits = append(edits, scan.Edit{Name: string(f.Name), Value: value})
	}
	return edits, o.Err()
}
