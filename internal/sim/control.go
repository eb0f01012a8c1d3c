package sim

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// Bounds of what can be queued.
const (
	maxScripted = 1024
	maxQueue    = 4096
	maxOrder    = 1 << 20
)

// scriptBook holds what is queued for models by name.
type scriptBook struct {
	mu     sync.Mutex // protects queues
	queues map[string]*queue
}

// queue is what the next requests of a model meet, and all after them.
type queue struct {
	next []string
	then string
}

// order queues words for a model: the first for its next request, the second for
// the one after it, and so on.
type order struct {
	Model  string   `json:"model"`
	Faults []string `json:"faults"`
	Then   string   `json:"then"`
}

// next returns the words for one request of the model.
func (b *scriptBook) next(model string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[model]
	if q == nil {
		return ""
	}
	if len(q.next) == 0 {
		return q.then
	}
	words := q.next[0]
	if q.next = q.next[1:]; len(q.next) == 0 && (q.then == "" || q.then == "ok") {
		delete(b.queues, model)
	}
	return words
}

// put replaces what is queued for a model.
func (b *scriptBook) put(o order) error {
	for _, words := range append([]string{o.Then}, o.Faults...) {
		var s script
		if unknown := s.add(words); len(unknown) > 0 {
			return fmt.Errorf("unknown words %q: GET /sim/models lists them", unknown)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queues == nil {
		b.queues = map[string]*queue{}
	}
	switch {
	case o.Model == "":
		return fmt.Errorf("model is missing")
	case len(o.Faults) > maxQueue:
		return fmt.Errorf("%d faults, at most %d", len(o.Faults), maxQueue)
	case len(b.queues) >= maxScripted && b.queues[o.Model] == nil:
		return fmt.Errorf("%d models are scripted, at most that many can be", maxScripted)
	case len(o.Faults) == 0 && (o.Then == "" || o.Then == "ok"):
		delete(b.queues, o.Model)
	default:
		b.queues[o.Model] = &queue{o.Faults, o.Then}
	}
	return nil
}

// Script queues what the next requests of a model meet: faults[0] the next one,
// and so on, then all later ones meet then ("" or "ok": nothing). Each is made of
// the words of model names, joined by dashes. It replaces what was queued.
func (s *Server) Script(model string, faults []string, then string) error {
	return s.scripts.put(order{model, faults, then})
}

// control registers the endpoints that script and inspect the simulator.
func (s *Server) control() {
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	s.mux.HandleFunc("GET /sim/models", func(w http.ResponseWriter, _ *http.Request) { show(w, directory()) })
	s.mux.HandleFunc("GET /sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		list := s.Requests()
		for i := range list {
			if !utf8.ValidString(list[i].Body) {
				list[i].Body = strings.ToValidUTF8(list[i].Body, "\uFFFD")
			}
		}
		show(w, list)
	})
	s.mux.HandleFunc("DELETE /sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.requests.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("POST /sim/script", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
		if err != nil {
			http.Error(w, "read the order: "+err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var o order
		if err := json.Unmarshal(body, &o, json.RejectUnknownMembers(true)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := s.scripts.put(o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// show answers with a value as JSON.
func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encode(v), '\n'))
}

// directory says what can be asked for, and where.
func directory() any {
	type vendor struct {
		Name   string   `json:"name"`
		Prefix string   `json:"prefix"`
		Models []string `json:"models"`
	}
	d := struct {
		Providers  []vendor `json:"providers"`
		Words      []Token  `json:"words"`
		Recordings []string `json:"recordings"`
	}{Words: Tokens(), Recordings: recordings()}
	for _, f := range families {
		v := vendor{Name: f.name, Prefix: f.prefix}
		for _, m := range f.models {
			v.Models = append(v.Models, m.id)
		}
		d.Providers = append(d.Providers, v)
	}
	return d
}
