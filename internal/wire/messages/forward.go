package messages

import (
	"maps"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Peek reads what is needed of a request before anything else.
func (Format) Peek(r wire.RawRequest) (wire.Peeked, error) {
	p := wire.Peeked{StreamUsage: true}
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
		case "max_tokens":
			p.MaxOutput, ok = f.Int()
		case "metadata":
			p.EndUser, p.Session, ok = peekUser(f)
		case "tools":
			p.HasTools, ok = f.Filled(), f.Kind == '[' || f.Kind == 'n'
		}
		if !ok {
			name := string(f.Name)
			return wire.Peeked{}, wire.BadRequest(name, name+": this value does not fit here")
		}
	}
	if err := o.Err(); err != nil {
		return wire.Peeked{}, wire.BadRequest("", err.Error())
	}
	return p, nil
}

func peekUser(f scan.Field) (user, session string, ok bool) {
	if f.Kind != '{' {
		return "", "", f.Kind == 'n'
	}
	o := scan.NewObject(f.Value)
	for o.Next() {
		if m := o.Field(); string(m.Name) == "user_id" {
			id, ok := m.String()
			user, session = splitUser(id)
			return user, session, ok
		}
	}
	return "", "", true
}

// Splice writes the request for a target with the edits made and every other
// byte as it was. Which version of the API it speaks is the client's to say.
func (Format) Splice(r wire.RawRequest, p wire.Peeked, edits wire.Edits) (wire.Outbound, error) {
	changes, err := changesOf(r.Body, p, edits)
	if err != nil {
		return wire.Outbound{}, err
	}
	body := r.Body
	if len(changes) > 0 {
		if body, err = scan.SpliceInto(edits.Room, body, changes); err != nil {
			return wire.Outbound{}, wire.BadRequest("", err.Error())
		}
	}
	return wire.Outbound{Path: path, Header: headerOf(r.Header.Get(versionHeader)), Body: body}, nil
}

// changesOf makes one change a field; what is set is neither dropped nor renamed.
func changesOf(body []byte, p wire.Peeked, edits wire.Edits) ([]scan.Edit, error) {
	var out []scan.Edit
	done := map[string]bool{}
	add := func(e scan.Edit) {
		if !done[e.Name] {
			done[e.Name] = true
			out = append(out, e)
		}
	}
	if edits.Model != "" && edits.Model != p.Model {
		add(scan.Edit{Name: "model", Value: scan.Quote(edits.Model)})
	}
	if edits.Messages != nil {
		add(scan.Edit{Name: "messages", Value: edits.Messages})
	}
	for _, name := range slices.Sorted(maps.Keys(edits.Set)) {
		add(scan.Edit{Name: name, Value: edits.Set[name]})
	}
	inner := map[string][]scan.Edit{}
	for _, name := range edits.Drop {
		if outer, field, nested := strings.Cut(name, "."); nested {
			inner[outer] = append(inner[outer], scan.Edit{Name: field, Drop: true})
		} else {
			add(scan.Edit{Name: name, Drop: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inner)) {
		v := scan.Member(body, name)
		if v.Kind() != '{' {
			continue
		}
		rest, err := scan.Splice(v, inner[name])
		if err != nil {
			return nil, wire.BadRequest(name, name+": "+err.Error())
		}
		switch o := scan.NewObject(rest); {
		case len(rest) == len(v): // nothing of it is there
		case o.Next():
			add(scan.Edit{Name: name, Value: rest})
		default:
			add(scan.Edit{Name: name, Drop: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(edits.Rename)) {
		add(scan.Edit{Name: name, Rename: edits.Rename[name]})
	}
	return out, nil
}
