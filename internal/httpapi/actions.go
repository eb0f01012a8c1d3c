package httpapi

import (
	"net/http"
	"strings"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// geminiAction serves what stands behind the last colon of a Gemini path; the
// model before it may hold slashes and colons.
func (s *Inference) geminiAction(w http.ResponseWriter, r *http.Request) {
	_, action, named := cutLast(r.PathValue("action"), ":")
	if !named {
		s.unknown(w, r)
		return
	}
	switch action {
	case "generateContent", "streamGenerateContent":
		s.serve(w, r, s.Gemini, s.generate)
	case "countTokens":
		s.serve(w, r, s.Gemini, s.count)
	case "embedContent", "batchEmbedContents":
		s.serve(w, r, s.Gemini, s.embed)
	default:
		s.serve(w, r, s.Gemini, func(r *request) {
			s.refuse(r, &llm.Error{Kind: llm.KindNotFound, Status: http.StatusNotFound, Message: "there is no action " + action + " on models"})
		})
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// count answers how many tokens a prompt has. A header says whether its provider
// counted or we guessed.
func (s *Inference) count(r *request) {
	body, release, e := s.readBody(r)
	if e != nil {
		s.refuse(r, e)
		return
	}
	defer release()
	raw := wire.RawRequest{Method: r.Method, Path: r.URL.Path, Query: r.query, Header: r.Request.Header, Body: body}
	peeked, err := r.format.Peek(raw)
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return
	}
	counted, err := s.Gateway.Count(r.Context(), gateway.Call{Format: r.format, Raw: raw, Peeked: peeked, Caller: r.caller, RequestID: r.id})
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return
	}
	quality := llm.QualityEstimated
	if counted.Body != nil {
		quality = llm.QualityExact
	}
	r.Header2()["X-Oido-Usage-Quality"] = []string{quality.String()}
	if counted.Body != nil {
		s.whole(r, &answer{s: s, r: r, release: release}, &gateway.Exchange{Body: counted.Body}, nil)
		return
	}
	if r.format.Name() == llm.FormatGemini {
		s.json(r, struct {
			Total int64 `json:"totalTokens"`
		}{counted.Estimate})
		return
	}
	s.json(r, struct {
		Input int64 `json:"input_tokens"`
	}{counted.Estimate})
}

func (s *Inference) unbuilt(r *request) {
	s.refuse(r, &llm.Error{Kind: llm.KindNotBuilt, Status: http.StatusNotImplemented, Message: r.URL.Path + " is not served here"})
}

// notBuilt answers on paths that the APIs have and this server doesn't.
func (s *Inference) notBuilt(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.formatOf(r), s.unbuilt)
}

// unknown answers on every other path of the APIs.
func (s *Inference) unknown(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.formatOf(r), func(r *request) {
		s.refuse(r, &llm.Error{Kind: llm.KindNotFound, Status: http.StatusNotFound, Code: "not_found", Message: "there is nothing at " + r.Method + " " + r.URL.Path + ": see the list of paths in the documentation"})
	})
}

// formatOf guesses in whose shape a client wants to read an error.
func (s *Inference) formatOf(r *http.Request) wire.Format {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1beta/"):
		return s.Gemini
	case r.Header.Get("Anthropic-Version") != "" || strings.HasPrefix(r.URL.Path, "/v1/messages"):
		return s.Messages
	}
	return s.Chat
}
