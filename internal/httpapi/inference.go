package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/idempotency"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Inference serves the wire APIs.
type Inference struct {
	Gateway   *gateway.Gateway
	Directory *identity.Directory
	Names     *identity.Names
	// Repeats are the answers kept under clients' idempotency keys.
	Repeats *idempotency.Keeper
	Log     *slog.Logger
	// BodyLimit is the largest request body in bytes.
	BodyLimit func() int64
	// Budget bounds the bodies of all requests in flight.
	Budget *Budget
	// Host says why a request is not served under the name that it came by; nil:
	// all are.
	Host func(*http.Request) error
	// Refused is told of every request that became no turn.
	Refused func(format llm.Format, kind llm.Kind)

	Chat, Messages, Gemini, Responses wire.Format

	inFlight atomic.Int64
}

// Register adds the wire APIs to a mux.
func (s *Inference) Register(mux *http.ServeMux) {
	mux.HandleFunc("/v1/chat/completions", s.post(s.Chat, s.generate))
	mux.HandleFunc("/v1/messages", s.post(s.Messages, s.generate))
	mux.HandleFunc("/v1/responses", s.post(s.Responses, s.generate))
	mux.HandleFunc("GET /v1/responses/{id}", s.onAnswer(s.readAnswer))
	mux.HandleFunc("DELETE /v1/responses/{id}", s.onAnswer(s.deleteAnswer))
	mux.HandleFunc("GET /v1/responses/{id}/input_items", s.onAnswer(s.listAsked))
	mux.HandleFunc("/v1/messages/count_tokens", s.post(s.Messages, s.count))
	mux.HandleFunc("/v1/embeddings", s.post(s.Chat, s.embed))
	mux.HandleFunc("GET /v1/models", s.listModels)
	mux.HandleFunc("GET /v1/models/{model...}", s.oneModel)
	mux.HandleFunc("GET /v1beta/models", s.listGeminiModels)
	mux.HandleFunc("GET /v1beta/models/{model...}", s.oneGeminiModel)
	mux.HandleFunc("POST /v1beta/models/{action...}", s.geminiAction)
	mux.HandleFunc("POST /v1/models/{action...}", s.geminiAction)
	mux.HandleFunc("POST /v1beta/{action...}", s.geminiAction) // of clients that take a name with a slash for a whole path
	// Without these the mux would send other methods to the paths below.
	mux.HandleFunc("/v1/models", s.getOnly)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		mux.HandleFunc(method+" /v1beta/models", s.getOnly)
	}
	for _, path := range []string{"/v1/responses/{id...}", "/v1/files", "/v1/files/", "/v1/batches", "/v1/batches/", "/v1/images/", "/v1/audio/", "/v1/realtime", "/v1/messages/batches", "/v1/messages/batches/"} {
		mux.HandleFunc(path, s.notBuilt)
	}
	mux.HandleFunc("/v1/", s.unknown)
	mux.HandleFunc("/v1beta/", s.unknown)
}

// InFlight is the number of wire API requests being served.
func (s *Inference) InFlight() int64 { return s.inFlight.Load() }

type handler func(*request)

// request is one wire API request on its way through the handlers.
type request struct {
	http.ResponseWriter
	*http.Request
	ctl    *http.ResponseController
	id     string
	format wire.Format
	caller identity.Caller
	query  url.Values
	// bodyRead says that the whole body was read.
	bodyRead bool
	deadline time.Time // for what is written
}

func (s *Inference) post(f wire.Format, next handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			s.refuse(s.request(w, r, f), &llm.Error{Kind: llm.KindBadRequest, Status: http.StatusMethodNotAllowed, Message: r.Method + " is not possible here: send a POST"})
			return
		}
		s.serve(w, r, f, next)
	}
}

// getOnly refuses methods on paths that can only be read.
func (s *Inference) getOnly(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	s.refuse(s.request(w, r, s.formatOf(r)), &llm.Error{Kind: llm.KindBadRequest, Status: http.StatusMethodNotAllowed, Message: r.Method + " is not possible here: send a GET"})
}

func (s *Inference) request(w http.ResponseWriter, r *http.Request, f wire.Format) *request {
	id := newID()
	w.Header()["X-Request-Id"] = []string{id}
	return &request{ResponseWriter: w, Request: r, ctl: http.NewResponseController(w), id: id, format: f}
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

// serve checks the key and hands the request on.
func (s *Inference) serve(w http.ResponseWriter, r *http.Request, f wire.Format, next handler) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	req := s.request(w, r, f)
	if r.URL.RawQuery != "" {
		req.query = r.URL.Query()
	}
	onGeminiPath := f.Name() == llm.FormatGemini
	text, err := identity.FromRequest(r.Header, req.query, onGeminiPath)
	inURL := onGeminiPath && req.query.Has("key")
	if onGeminiPath {
		req.query.Del("key")
	}
	if err != nil {
		s.refuse(req, &llm.Error{Kind: llm.KindAuth, Status: http.StatusUnauthorized, Message: err.Error(), Code: "invalid_api_key"})
		return
	}
	if inURL && s.Host != nil {
		if err := s.Host(r); err != nil {
			s.refuse(req, &llm.Error{Kind: llm.KindPermission, Status: http.StatusForbidden, Message: err.Error()})
			return
		}
	}
	caller, ok := s.Directory.Lookup(text)
	if !ok {
		s.refuse(req, &llm.Error{Kind: llm.KindAuth, Status: http.StatusUnauthorized, Code: "invalid_api_key", Message: "this API key is not known here: keys stand in the configuration file, the first one in admin.key in the data directory"})
		return
	}
	if !caller.Role.May(identity.UseModels) {
		s.refuse(req, &llm.Error{Kind: llm.KindPermission, Status: http.StatusForbidden, Message: "a key of role " + string(caller.Role) + " may not use models"})
		return
	}
	req.caller = caller
	defer s.panicked(req)
	next(req)
}

// panicked ends a request whose handler panics. Only an aborted connection is a
// panic on purpose.
func (s *Inference) panicked(r *request) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		s.Log.Error("a request's handler panicked", "request", r.id, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
}

// refuse answers a request that became no turn.
func (s *Inference) refuse(r *request, e *llm.Error) {
	if s.Refused != nil {
		s.Refused(r.format.Name(), e.Kind)
	}
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request refused", slog.String("request", r.id), slog.String("path", r.URL.Path), slog.String("kind", string(e.Kind)), slog.String("message", e.Error()))
	s.fail(r, e)
}

// fail writes an error in the caller's format.
func (s *Inference) fail(r *request, e *llm.Error) {
	status, body := r.format.EncodeError(e)
	if e.Status == http.StatusMethodNotAllowed {
		status = e.Status
	}
	h := r.Header2()
	h["Content-Type"] = jsonType
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(max(1, (e.RetryAfter+time.Second-1)/time.Second))))
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if !r.bodyRead && r.ContentLength != 0 {
		// Before it answers, the server reads what is left, without a limit in
		// time of its own.
		s.readDeadline(r, time.Now().Add(restTimeout))
	}
	s.writeDeadline(r)
	r.WriteHeader(status)
	if _, err := r.ResponseWriter.Write(body); err != nil {
		s.Log.Debug("error answer not delivered", "request", r.id, "error", err)
	}
}

// Header2 is the answer's header; the embedded request has a Header of its own.
func (r *request) Header2() http.Header { return r.ResponseWriter.Header() }

var jsonType = []string{"application/json"}

// writeTimeout is how long a client may take to accept what is sent at once.
const writeTimeout = 30 * time.Second

// renewBelow is how much of it a client has at least: moving the deadline for each
// chunk of a stream would be dear.
const renewBelow = writeTimeout - time.Second

func (s *Inference) writeDeadline(r *request) {
	now := time.Now()
	if r.deadline.Sub(now) > renewBelow {
		return
	}
	r.deadline = now.Add(writeTimeout)
	if err := r.ctl.SetWriteDeadline(r.deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.Log.Debug("no write deadline", "request", r.id, "error", err)
	}
}

// piece is how much is sent at once.
const piece = 256 << 10

// write sends a text in pieces, so that a slow client has its time for each.
func (s *Inference) write(r *request, p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		var m int
		s.writeDeadline(r)
		m, err = r.ResponseWriter.Write(p[:min(len(p), piece)])
		n, p = n+m, p[m:]
	}
	return n, err
}

// generate answers a generation request of any format.
func (s *Inference) generate(r *request) { s.turn(r, r.format.Peek, s.Gateway.Generate) }

// embed answers a request for embeddings.
func (s *Inference) embed(r *request) {
	f, ok := r.format.(wire.Embedder)
	if !ok {
		s.unbuilt(r)
		return
	}
	s.turn(r, f.PeekEmbed, func(ctx context.Context, c gateway.Call, _ gateway.Output) (*gateway.Exchange, error) {
		return s.Gateway.Embed(ctx, c)
	})
}

// turn reads a request, has it carried out and answers it.
func (s *Inference) turn(r *request, peek func(wire.RawRequest) (wire.Peeked, error), run func(context.Context, gateway.Call, gateway.Output) (*gateway.Exchange, error)) {
	body, release, e := s.readBody(r)
	if e != nil {
		s.refuse(r, e)
		return
	}
	defer release()
	raw := wire.RawRequest{Method: r.Method, Path: r.URL.Path, Query: r.query, Header: r.Request.Header, Body: body}
	peeked, err := peek(raw)
	if err != nil {
		s.refuse(r, llm.AsError(err))
		return
	}
	call := gateway.Call{Format: r.format, Raw: raw, Peeked: peeked, Caller: r.caller, RequestID: r.id}
	if e := s.labels(r, &call); e != nil {
		s.refuse(r, e)
		return
	}
	var claim *idempotency.Claim
	if keys := r.Request.Header[idempotencyKey]; len(keys) > 0 {
		if claim = s.claim(r, &call, keys); claim == nil {
			return
		}
		defer claim.Release()
	}
	out := &answer{s: s, r: r, release: release}
	x, err := run(r.Context(), call, out)
	if err != nil {
		if x != nil {
			out.describe(x.Head)
		}
		if x == nil || !x.Sent {
			s.refuse(r, llm.AsError(err))
			return
		}
		s.Log.LogAttrs(r.Context(), slog.LevelInfo, "turn failed", slog.String("request", r.id), slog.String("turn", x.Turn), slog.String("kind", string(llm.AsError(err).Kind)), slog.String("message", err.Error()))
		s.end(r, x, llm.AsError(err))
		return
	}
	if !peeked.Stream {
		s.whole(r, out, x, claim)
	}
}

// end ends the answer of a turn that failed. After the first event only an
// aborted connection tells every client that the answer isn't whole.
func (s *Inference) end(r *request, x *gateway.Exchange, e *llm.Error) {
	if e.Kind == llm.KindCanceled && errors.Is(r.Context().Err(), context.Canceled) {
		panic(http.ErrAbortHandler) // nobody is there to read an answer
	}
	if x.Committed {
		panic(http.ErrAbortHandler)
	}
	s.fail(r, e)
}

// whole writes an answer that isn't a stream, and keeps it first where the client
// has claimed it.
func (s *Inference) whole(r *request, out *answer, x *gateway.Exchange, claim *idempotency.Claim) {
	out.describe(x.Head)
	h := r.Header2()
	if x.Cost != nil {
		h["X-Oido-Cost-Usd"] = []string{x.Cost.String()}
	}
	if !x.Failed { // which may go better when it is sent again
		keep(r, claim, x.Body)
	}
	s.send(r, x.Body)
}

// send writes a whole answer under the header that was set.
func (s *Inference) send(r *request, body []byte) {
	h := r.Header2()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	r.WriteHeader(http.StatusOK)
	if _, err := s.write(r, body); err != nil {
		s.Log.Debug("answer not delivered", "request", r.id, "error", err)
	}
}

// labels reads what the request headers say of the turn.
func (s *Inference) labels(r *request, call *gateway.Call) *llm.Error {
	h := r.Request.Header
	for _, l := range []struct {
		header, kind string
		to           *string
	}{
		{"X-Oido-Workload", "workload", &call.Labels.Workload},
		{"X-Oido-Class", "class", &call.Labels.Class},
		{"X-Oido-Agent", "agent", &call.Labels.Agent},
		{"X-Oido-Purpose", "purpose", &call.Labels.Purpose},
		{"X-Oido-Session", "", &call.Labels.Session},
		{"X-Oido-User", "", &call.Labels.User},
	} {
		v := h[l.header]
		if len(v) == 0 || v[0] == "" {
			continue
		}
		if err := identity.CheckName(v[0]); err != nil {
			return &llm.Error{Kind: llm.KindBadRequest, Param: l.header, Message: l.header + ": " + err.Error()}
		}
		*l.to = v[0]
		if l.kind != "" {
			*l.to = s.Names.Admit(r.caller.Org, l.kind, v[0])
		}
	}
	if a := call.Labels.Agent; a != "" && !r.caller.MayClaimAgent(a) {
		return &llm.Error{Kind: llm.KindPermission, Status: http.StatusForbidden, Param: "X-Oido-Agent", Message: "this key may not work as agent " + strconv.Quote(a)}
	}
	if call.Labels.User != "" && !r.caller.Role.May(identity.ActForUser) {
		return &llm.Error{Kind: llm.KindPermission, Status: http.StatusForbidden, Param: "X-Oido-User", Message: "only an operator's or admin's key may send X-Oido-User"}
	}
	if v := h["X-Oido-Timeout"]; len(v) > 0 && v[0] != "" {
		d, err := time.ParseDuration(v[0])
		if err != nil || d <= 0 {
			return &llm.Error{Kind: llm.KindBadRequest, Param: "X-Oido-Timeout", Message: "X-Oido-Timeout: " + strconv.Quote(v[0]) + " is not a duration like 30s"}
		}
		call.Timeout = d
	}
	return nil
}

// answer is a streamed answer's way out.
type answer struct {
	s       *Inference
	r       *request
	release func()
}

// Commit sends the head of the answer.
func (a *answer) Commit(h gateway.Head) {
	a.describe(h)
	header := a.r.Header2()
	header["Content-Type"] = []string{streamType(a.r)}
	header["Cache-Control"] = noStore
	header["X-Accel-Buffering"] = noBuffering
	a.s.writeDeadline(a.r)
	a.r.WriteHeader(http.StatusOK)
	if h.BodyFree {
		a.release()
	}
}

var (
	noStore     = []string{"no-store"}
	noBuffering = []string{"no"}
)

// streamType is the media type of a stream: Gemini's without alt=sse is one JSON
// array.
func streamType(r *request) string {
	if r.format.Name() == llm.FormatGemini && r.query.Get("alt") != "sse" {
		return "application/json"
	}
	return "text/event-stream"
}

// Write adds to the answer; only what is too large for a buffer is sent at once.
func (a *answer) Write(p []byte) (int, error) {
	if len(p) > piece {
		return a.s.write(a.r, p)
	}
	return a.r.ResponseWriter.Write(p)
}

// Flush sends what was written; a client that doesn't take it in time is given up.
func (a *answer) Flush() error {
	a.s.writeDeadline(a.r)
	return a.r.ctl.Flush()
}

// describe sets the routing headers.
func (a *answer) describe(h gateway.Head) {
	header := a.r.Header2()
	values := make([]string, 0, 9) // one for all: each is a slice of it
	set := func(name, value string) {
		if value != "" {
			values = append(values, value)
			header[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("X-Oido-Turn", h.Turn)
	set("X-Oido-Session", h.Session)
	set("X-Oido-Workload", h.Workload)
	set("X-Oido-Class", h.Class)
	if h.Early || h.Provider == "" {
		return
	}
	set("X-Oido-Provider", h.Provider)
	set("X-Oido-Model", h.Model)
	set("X-Oido-Attempts", strconv.Itoa(h.Attempts))
	set("X-Oido-Fallback", strconv.FormatBool(h.Fallback))
	set("X-Oido-Downgrades", strings.Join(h.Downgrades, ", "))
}
