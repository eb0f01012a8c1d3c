package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// onAnswer serves what is done with an answer that is kept.
func (s *Inference) onAnswer(do func(*request, gateway.Call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.serve(w, r, s.Responses, func(r *request) {
			call := gateway.Call{Format: r.format, Caller: r.caller, RequestID: r.id}
			if e := s.labels(r, &call); e != nil {
				s.refuse(r, e)
				return
			}
			do(r, call)
		})
	}
}

// findAnswer looks for the answer that the path names; nil: it was refused.
func (s *Inference) findAnswer(r *request, c gateway.Call) *responsestore.Answer {
	a, err := s.Gateway.Answer(r.Context(), c, r.PathValue("id"))
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return nil
	}
	return a
}

// readAnswer shows an answer as its client had it.
func (s *Inference) readAnswer(r *request, c gateway.Call) {
	if stream := r.query.Get("stream"); stream != "" && stream != "false" {
		s.refuse(r, &llm.Error{Kind: llm.KindNotBuilt, Status: http.StatusNotImplemented, Param: "stream", Message: "an answer that is kept can't be streamed again: ask for it without stream"})
		return
	}
	if a := s.findAnswer(r, c); a != nil {
		s.whole(r, &answer{s: s, r: r}, &gateway.Exchange{Body: a.Whole}, nil)
	}
}

// deleteAnswer takes an answer away for good.
func (s *Inference) deleteAnswer(r *request, c gateway.Call) {
	id := r.PathValue("id")
	theirs, err := s.Gateway.DeleteAnswer(r.Context(), c, id)
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return
	}
	if theirs != nil {
		s.Log.Warn("an answer was deleted here, and may still be kept by its provider", "request", r.id, "error", theirs)
	}
	s.json(r, struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "response", true})
}

// Bounds of a page of items.
const (
	fewItems  = 20
	manyItems = 100
)

// listAsked lists what was asked with the request of an answer, latest first
// unless the client wants it otherwise.
func (s *Inference) listAsked(r *request, c gateway.Call) {
	limit := fewItems
	if v := r.query.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > manyItems {
			s.refuse(r, &llm.Error{Kind: llm.KindBadRequest, Param: "limit", Message: "limit: " + strconv.Quote(v) + " is not a number from 1 to " + strconv.Itoa(manyItems)})
			return
		}
		limit = n
	}
	a := s.findAnswer(r, c)
	if a == nil {
		return
	}
	page, err := itemsOf(a, r.PathValue("id"))
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return
	}
	switch order := r.query.Get("order"); order {
	case "", "desc":
		slices.Reverse(page.Data)
	case "asc":
	default:
		s.refuse(r, &llm.Error{Kind: llm.KindBadRequest, Param: "order", Message: "order: " + strconv.Quote(order) + " is neither asc nor desc"})
		return
	}
	if after := r.query.Get("after"); after != "" {
		page.Data = page.Data[slices.IndexFunc(page.Data, func(i namedItem) bool { return i.id == after })+1:]
	}
	page.More = len(page.Data) > limit
	page.Data = page.Data[:min(limit, len(page.Data))]
	if n := len(page.Data); n > 0 {
		page.First, page.Last = &page.Data[0].id, &page.Data[n-1].id
	}
	s.json(r, page)
}

// itemPage is a list of items in OpenAI's shape.
type itemPage struct {
	Object string      `json:"object"`
	Data   []namedItem `json:"data"`
	First  *string     `json:"first_id"`
	Last   *string     `json:"last_id"`
	More   bool        `json:"has_more"`
}

// namedItem is an item with an id, which clients needn't give.
type namedItem struct {
	id     string
	fields map[string]jsontext.Value
}

// MarshalJSONTo writes the item.
func (i namedItem) MarshalJSONTo(e *jsontext.Encoder) error {
	return json.MarshalEncode(e, i.fields, json.Deterministic(true))
}

func itemsOf(a *responsestore.Answer, id string) (*itemPage, error) {
	page := &itemPage{Object: "list", Data: []namedItem{}}
	var all []map[string]jsontext.Value
	if err := json.Unmarshal(scan.Sound(a.Asked), &all); err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "what was asked can't be listed: %w", err)
	}
	stem := strings.TrimPrefix(id, "resp_")
	for n, fields := range all {
		if fields == nil {
			continue // null, which some providers take
		}
		item := namedItem{id: scan.Text(fields["id"]), fields: fields}
		if item.id == "" {
			item.id = "item_" + stem + "_" + strconv.Itoa(n)
			fields["id"] = scan.Quote(item.id)
		}
		if fields["type"] == nil {
			fields["type"] = jsontext.Value(`"message"`)
		}
		page.Data = append(page.Data, item)
	}
	return page, nil
}
