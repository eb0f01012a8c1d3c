package sim

import (
	"net/http"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
)

// maxAnswers bounds the answers that are kept for requests that go on from them.
const maxAnswers = 512

// keptAnswer is an answer of the Responses API that was stored.
type keptAnswer struct {
	id, owner string
	items     []any // the conversation up to its end
	body      []byte
}

// answerBook keeps the last answers.
type answerBook struct {
	mu   sync.Mutex // protects list
	list []keptAnswer
}

func (b *answerBook) add(a keptAnswer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.list) == maxAnswers {
		b.list = slices.Delete(b.list, 0, 1)
	}
	b.list = append(b.list, a)
}

// find returns an answer of an owner's.
func (b *answerBook) find(owner, id string) (keptAnswer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.at(owner, id); i >= 0 {
		return b.list[i], true
	}
	return keptAnswer{}, false
}

func (b *answerBook) at(owner, id string) int {
	return slices.IndexFunc(b.list, func(a keptAnswer) bool { return a.owner == owner && a.id == id })
}

func (b *answerBook) remove(owner, id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.at(owner, id)
	if i >= 0 {
		b.list = slices.Delete(b.list, i, i+1)
	}
	return i >= 0
}

// owner is whose answers a request can see: those of its key at its vendor.
func (x *exchange) owner() string {
	return x.family.name + " " + x.r.Header.Get("Authorization") + " " + x.r.Header.Get("Api-Key")
}

// before returns the conversation that a request goes on from.
func (x *exchange) before(root node) []any {
	previous := root.field("previous_response_id")
	if !previous.has() {
		return nil
	}
	if root.field("conversation").has() {
		previous.fail("mutually_exclusive_parameters", "Mutually exclusive parameters: '%s'. Ensure you are only providing one of: 'previous_response_id' or 'conversation'.", previous.at)
	}
	a, ok := x.answers.find(x.owner(), previous.text())
	if !ok {
		previous.fail("previous_response_not_found", "Previous response with id '%s' not found.", previous.text())
	}
	return a.items
}

// store keeps an answer, unless the request wants it otherwise.
func (x *exchange) store(a *answer, b responsesBody) {
	if !x.family.stores || !a.prompt.stored {
		return
	}
	body := encode(b)
	var said struct {
		Output []any `json:"output"`
	}
	if json.Unmarshal(body, &said) != nil {
		return // it was encoded just now
	}
	x.answers.add(keptAnswer{id: b.ID, owner: x.owner(), items: slices.Concat(a.prompt.history, said.Output), body: body})
}

// stored shows or deletes an answer that was stored.
func (x *exchange) stored() {
	id := x.r.PathValue("id")
	a, ok := x.answers.find(x.owner(), id)
	switch {
	case x.r.Method != http.MethodGet && x.r.Method != http.MethodDelete:
		x.fail(&failure{status: http.StatusMethodNotAllowed, message: "Not allowed to " + x.r.Method + " on " + x.r.URL.Path + "."})
	case !ok, x.r.Method == http.MethodDelete && !x.answers.remove(x.owner(), id):
		x.fail(&failure{status: http.StatusNotFound, kind: notFound, message: "Response with id '" + id + "' not found."})
	case x.r.Method == http.MethodDelete:
		x.json(map[string]any{"id": id, "object": "response", "deleted": true})
	default:
		x.send("application/json", a.body)
	}
}
