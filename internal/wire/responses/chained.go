package responses

import (
	"net/url"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Chained = Format{}

// Asked reads the input of a request as a list of items. The body must have been
// peeked at.
func (Format) Asked(body []byte) (wire.Asked, error) {
	a := wire.Asked{Items: []byte("[]")}
	for o := scan.CheckedObject(body); o.Next(); {
		f := o.Field()
		switch name := string(f.Name); {
		case name == "input" && f.Kind == '"':
			text, _ := f.String()
			items, err := json.Marshal([]any{outItem{Type: "message", Role: string(llm.RoleUser), Content: []any{inputText(text)}}}, exact)
			if err != nil {
				return a, wire.BadField(name, err)
			}
			a.Items = items
		case name == "input" && f.Kind == '[':
			a.Items = f.Value
			if refersIn(f.Value) {
				a.Elsewhere = "item_reference"
			}
		case name != "previous_response_id" && f.Kind != 'n' && slices.Contains(continuing, name):
			a.Elsewhere = name
		}
	}
	return a, nil
}

// refersIn says whether a list names items that only the provider has.
func refersIn(items []byte) bool {
	for arr := scan.CheckedArray(items); arr.Next(); {
		raw, _ := arr.Value()
		typ := scan.Text(scan.Member(raw, "type"))
		if typ == "item_reference" || typ == "" && scan.Member(raw, "role") == nil {
			return true
		}
	}
	return false
}

// Answered reads a whole answer.
func (Format) Answered(body []byte) (a wire.Answered, ok bool) {
	o := scan.NewObject(body)
	a = wire.Answered{Stored: true, Items: []byte("[]")}
	for o.Next() {
		f := o.Field()
		switch string(f.Name) {
		case "id":
			a.ID, _ = f.String()
		case "status":
			status, _ := f.String()
			a.Failed = status == "failed"
			a.Whole = a.Failed || status == "completed" || status == "incomplete"
		case "store":
			a.Stored = f.Kind != 'f'
		case "output":
			if f.Kind == '[' {
				a.Items = f.Value
			}
		}
	}
	return a, o.Err() == nil && a.ID != ""
}

// Final returns the answer out of the event that ends a stream.
func (Format) Final(event []byte) []byte {
	switch scan.Text(scan.Member(event, "type")) {
	case "response.completed", "response.incomplete", "response.failed":
		return scan.Member(event, "response")
	}
	return nil
}

// Messages reads items back into a conversation.
func (Format) Messages(items []byte, made llm.Origin) ([]llm.Message, error) {
	var raws []jsontext.Value
	if err := json.Unmarshal(scan.Sound(items), &raws, scan.Lenient); err != nil {
		return nil, err
	}
	c := conversation{made: made}
	for _, raw := range raws {
		if err := c.add(raw); err != nil {
			return nil, err
		}
	}
	return c.messages, nil
}

// DecodeAfter reads a request that goes on from an answer.
func (f Format) DecodeAfter(raw wire.RawRequest, before []llm.Message) (*llm.Request, error) {
	q, err := f.Decode(raw)
	if err != nil {
		return nil, err
	}
	q.Extra = slices.DeleteFunc(slices.Clone(q.Extra), func(x llm.Field) bool {
		return x.Format == llm.FormatResponses && x.Name == "previous_response_id"
	})
	if extra(q, "conversation") != nil {
		return nil, wire.BadRequest("conversation", "conversation and previous_response_id can't go together: name one of them")
	}
	head := 0
	if len(q.Messages) > 0 && isInstructions(q.Messages[0]) {
		head = 1
	}
	q.Messages = slices.Concat(q.Messages[:head], before, q.Messages[head:])
	return q, nil
}

// PathOf is where an answer is read and deleted.
func (Format) PathOf(id string) string { return path + "/" + url.PathEscape(id) }

// KeptAs says in an answer what it is kept as.
func (Format) KeptAs(body []byte, previous string) ([]byte, error) {
	edits := []scan.Edit{{Name: "store", Value: []byte("true")}}
	if previous != "" {
		edits = append(edits, scan.Edit{Name: "previous_response_id", Value: scan.Quote(previous)})
	}
	return scan.Splice(body, edits)
}
