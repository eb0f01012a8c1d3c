package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
)

type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type anthropicModel struct {
	ID          string    `json:"id"`
	Type        string    `json:"type"`
	DisplayName string    `json:"display_name"`
	CreatedAt   time.Time `json:"created_at"`
}

type geminiModel struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName"`
	Input       int      `json:"inputTokenLimit,omitzero"`
	Output      int      `json:"outputTokenLimit,omitzero"`
	Methods     []string `json:"supportedGenerationMethods"`
}

// visible lists the models that the caller may use and that can be used now.
func (s *Inference) visible(r *request) []*catalog.Entry {
	st := s.Gateway.State()
	var out []*catalog.Entry
	for _, e := range st.View().All() {
		a := st.Accounts[e.Account]
		if a == nil || !a.May(r.caller.Org) || e.Gone || !e.Generates() || e.Ended(s.Gateway.Now()) || !r.caller.MayUseModel(e.Name()) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// page is what a client asked for of the list: at most size models, those that
// follow the one named after. One that names no size gets all, since not every
// client asks on. When it is not ok, the request has been answered.
func (s *Inference) page(r *request, sizeName, size, afterName, after string) (page []*catalog.Entry, more, ok bool) {
	page = s.visible(r)
	if after != "" {
		at := slices.IndexFunc(page, func(e *catalog.Entry) bool { return e.Name() == after })
		if at < 0 {
			s.refuse(r, &llm.Error{Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: afterName, Message: afterName + ": the list has no such model; begin again without it"})
			return nil, false, false
		}
		page = page[at+1:]
	}
	if size == "" {
		return page, false, true
	}
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 {
		s.refuse(r, &llm.Error{Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: sizeName, Message: sizeName + ": give a number from 1, or leave it out for all"})
		return nil, false, false
	}
	if n < len(page) {
		return page[:n], true, true
	}
	return page, false, true
}

// googles says whether a client brings its key as Google's do. Their newer SDKs ask
// /v1 where the older ones asked /v1beta.
func googles(r *http.Request) bool { return r.Header.Get("X-Goog-Api-Key") != "" }

// listModels lists models in OpenAI's shape, in Anthropic's for a client that
// sends its version header, or in Google's for one that sends its key header.
func (s *Inference) listModels(w http.ResponseWriter, r *http.Request) {
	if googles(r) {
		s.listGeminiModels(w, r)
		return
	}
	if r.Header.Get("Anthropic-Version") != "" {
		s.serve(w, r, s.Messages, func(r *request) {
			out := struct {
				Data    []anthropicModel `json:"data"`
				HasMore bool             `json:"has_more"`
				FirstID *string          `json:"first_id"`
				LastID  *string          `json:"last_id"`
			}{Data: []anthropicModel{}}
			q := r.query
			page, more, ok := s.page(r, "limit", q.Get("limit"), "after_id", q.Get("after_id"))
			if !ok {
				return
			}
			out.HasMore = more
			for _, e := range page {
				out.Data = append(out.Data, asAnthropic(e))
			}
			if n := len(out.Data); n > 0 {
				out.FirstID, out.LastID = &out.Data[0].ID, &out.Data[n-1].ID
			}
			s.json(r, out)
		})
		return
	}
	s.serve(w, r, s.Chat, func(r *request) {
		data := []openAIModel{}
		for _, e := range s.visible(r) {
			data = append(data, asOpenAI(e))
		}
		s.json(r, struct {
			Object string        `json:"object"`
			Data   []openAIModel `json:"data"`
		}{"list", data})
	})
}

func (s *Inference) oneModel(w http.ResponseWriter, r *http.Request) {
	if googles(r) {
		s.oneGeminiModel(w, r)
		return
	}
	if r.Header.Get("Anthropic-Version") != "" {
		s.serve(w, r, s.Messages, func(r *request) {
			if e := s.find(r, r.PathValue("model")); e != nil {
				s.json(r, asAnthropic(e))
			}
		})
		return
	}
	s.serve(w, r, s.Chat, func(r *request) {
		if e := s.find(r, r.PathValue("model")); e != nil {
			s.json(r, asOpenAI(e))
		}
	})
}

func (s *Inference) listGeminiModels(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.Gemini, func(r *request) {
		q := r.query
		page, more, ok := s.page(r, "pageSize", q.Get("pageSize"), "pageToken", q.Get("pageToken"))
		if !ok {
			return
		}
		out := struct {
			Models []geminiModel `json:"models"`
			Next   string        `json:"nextPageToken,omitzero"`
		}{Models: []geminiModel{}}
		for _, e := range page {
			out.Models = append(out.Models, asGemini(e))
		}
		if more {
			out.Next = page[len(page)-1].Name()
		}
		s.json(r, out)
	})
}

func (s *Inference) oneGeminiModel(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.Gemini, func(r *request) {
		if e := s.find(r, strings.TrimPrefix(r.PathValue("model"), "models/")); e != nil {
			s.json(r, asGemini(e))
		}
	})
}

// find looks a model up by any name that a call may use; it has answered when it
// returns nil.
func (s *Inference) find(r *request, name string) *catalog.Entry {
	if len(name) <= maxModelName {
		st := s.Gateway.State()
		res, err := st.Resolve(name, r.caller.Org, s.Gateway.Now())
		for _, c := range res.Candidates {
			if e := st.View().Lookup(c.Account, c.Model); e != nil && !e.Gone && e.Generates() && r.caller.MayUseModel(c.Name()) {
				return e
			}
		}
		if e := llm.AsError(err); e != nil && e.Kind == llm.KindNotFound {
			e.Status = http.StatusNotFound
			s.refuse(r, e)
			return nil
		}
	}
	s.refuse(r, &llm.Error{Kind: llm.KindNotFound, Status: http.StatusNotFound, Param: "model", Message: "there is no model " + strconv.Quote(name[:min(len(name), maxModelName)]) + " here: GET /v1/models lists them"})
	return nil
}

// maxModelName is how long a model's name may be in a path.
const maxModelName = 512

func asOpenAI(e *catalog.Entry) openAIModel {
	return openAIModel{ID: e.Name(), Object: "model", Created: released(e).Unix(), OwnedBy: e.Account}
}

func asAnthropic(e *catalog.Entry) anthropicModel {
	return anthropicModel{ID: e.Name(), Type: "model", DisplayName: named(e), CreatedAt: released(e)}
}

func asGemini(e *catalog.Entry) geminiModel {
	return geminiModel{
		Name: "models/" + e.Name(), DisplayName: named(e), Input: e.Context, Output: e.MaxOutput,
		Methods: []string{"generateContent", "streamGenerateContent"},
	}
}

func named(e *catalog.Entry) string {
	if e.Model.Name != "" {
		return e.Model.Name
	}
	return e.ID
}

// released is when the model came out; the clients' shapes have no word for
// "unknown", so it is then the epoch, which Anthropic documents for that.
func released(e *catalog.Entry) time.Time {
	at, err := time.Parse(time.DateOnly, e.Released)
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return at
}

// json answers with a document of ours.
func (s *Inference) json(r *request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.fail(r, llm.Errorf(llm.KindUpstream, "the answer can't be written: %w", err))
		return
	}
	h := r.Header2()
	h["Content-Type"] = jsonType
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.writeDeadline(r)
	if _, err := r.ResponseWriter.Write(body); err != nil {
		s.Log.Debug("answer not delivered", "request", r.id, "error", err)
	}
}
