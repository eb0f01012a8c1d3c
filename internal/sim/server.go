package sim

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of what is received.
const (
	maxBody = 64 << 20
	maxKept = 64 << 10
	maxLog  = 256
)

// Options are what a Server is made of. The zero value is fit for use.
type Options struct {
	Log *slog.Logger // nil discards
	// Seed changes the texts and the ids, and makes what one server signed
	// foreign to another.
	Seed uint64
	// Now tells the day by which models have ended; nil: none ever does.
	Now func() time.Time
	// Ahead is by how much the providers' clock is ahead of this machine's.
	Ahead time.Duration
}

// Server plays the providers. It is safe for concurrent use.
type Server struct {
	log      *slog.Logger
	seed     uint64
	day      func() time.Time // by which models have ended; nil: none ever does
	ahead    time.Duration
	mux      *http.ServeMux
	requests requestLog
	scripts  scriptBook
	dailies  dailyBook
	answers  answerBook
	ids      atomic.Uint64
	account  serviceAccount
}

// New returns a server with no scripts queued and nothing received.
func New(o Options) *Server {
	s := &Server{log: o.Log, seed: o.Seed, day: o.Now, ahead: o.Ahead, mux: http.NewServeMux()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.control()
	s.mux.HandleFunc("/with/{words}/", s.with)
	for _, f := range families {
		s.serve(f)
	}
	return s
}

// ServeHTTP answers as the provider below whose prefix the request came.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	s.mux.ServeHTTP(w, r)
}

// now is what the providers' clock says.
func (s *Server) now() time.Time { return time.Now().Add(s.ahead) }

// endpoint is one path of a vendor.
type endpoint struct {
	path   string
	format format
	keys   keyPlace
	method string
	do     func(*exchange)
}

// serve registers the paths of a vendor.
func (s *Server) serve(f *family) {
	chat, responses := chatFormat{}, responsesFormat{}
	messages, gemini := messagesFormat{}, geminiFormat{}
	openAI := func(base string) []endpoint {
		return []endpoint{
			{base + "/chat/completions", chat, inBearer, http.MethodPost, (*exchange).ask},
			{base + "/responses", responses, inBearer, http.MethodPost, (*exchange).ask},
			{base + "/responses/input_tokens", responses, inBearer, http.MethodPost, (*exchange).count},
			{base + "/embeddings", chat, inBearer, http.MethodPost, (*exchange).embedOpenAI},
			{base + "/models", chat, inBearer, http.MethodGet, (*exchange).listOpenAI},
			{base + "/models/{model...}", chat, inBearer, http.MethodGet, (*exchange).oneOpenAI},
			{base + "/responses/{id}", responses, inBearer, "", (*exchange).stored},
		}
	}
	chatOnly := func(base string) []endpoint {
		return slices.DeleteFunc(openAI(base), func(e endpoint) bool { return e.format == responses })
	}
	anthropic := func(base string) []endpoint {
		return []endpoint{
			{base + "/messages", messages, inXAPIKey, http.MethodPost, (*exchange).ask},
			{base + "/messages/count_tokens", messages, inXAPIKey, http.MethodPost, (*exchange).count},
		}
	}
	google := func(base string) []endpoint {
		return []endpoint{
			{base + "/models", gemini, inGoogKey, http.MethodGet, (*exchange).listGemini},
			{base + "/models/{model}", gemini, inGoogKey, "", (*exchange).callGemini},
		}
	}
	native := func(base string) []endpoint {
		return []endpoint{
			{base + "/tags", chat, inBearer, http.MethodGet, (*exchange).listOllama},
			{base + "/show", chat, inBearer, http.MethodPost, (*exchange).showOllama},
		}
	}
	var all []endpoint
	switch f.name {
	case "openai":
		all = openAI("/v1")
	case "anthropic":
		all = append(anthropic("/v1"),
			endpoint{"/v1/models", messages, inXAPIKey, http.MethodGet, (*exchange).listAnthropic},
			endpoint{"/v1/models/{model}", messages, inXAPIKey, http.MethodGet, (*exchange).oneAnthropic})
	case "gemini":
		all = google("/v1beta")
	case "azure":
		all = azureEndpoints()
	case "vertex":
		all = vertexEndpoints()
	case "bedrock":
		all = bedrockEndpoints()
	case "deepseek":
		all = append(append(openAI(""), openAI("/v1")...), anthropic("/anthropic/v1")...)
	case "nvidia", "mistral", "together":
		all = chatOnly("/v1")
	case "groq":
		all = chatOnly("/openai/v1")
	case "xai":
		all = openAI("/v1")
	case "moonshot":
		all = append(chatOnly("/v1"), anthropic("/anthropic/v1")...)
	case "dashscope":
		all = slices.DeleteFunc(openAI("/compatible-mode/v1"), func(e endpoint) bool {
			return e.method == http.MethodGet || strings.HasSuffix(e.path, "/input_tokens")
		})
		all = append(all, anthropic("/apps/anthropic/v1")...)
	case "openrouter":
		all = append(openAI("/api/v1"), anthropic("/api/v1")...)
		all = append(all, endpoint{"/api/v1/embeddings/models", chat, inBearer, http.MethodGet, (*exchange).listRouted})
	case "ollama":
		all = append(append(openAI("/v1"), anthropic("/v1")...), native("/api")...)
	default:
		all = append(append(openAI("/v1"), anthropic("/v1")...), append(google("/v1beta"), native("/api")...)...)
	}
	if f.embeds.none {
		all = slices.DeleteFunc(all, func(e endpoint) bool { return strings.HasSuffix(e.path, "/embeddings") })
	}
	for _, e := range all {
		s.mux.HandleFunc(f.prefix+e.path, s.handle(f, e))
	}
	s.tokenServers(f)
	last := all[0]
	last.method, last.do = "", (*exchange).lost
	s.mux.HandleFunc(f.prefix+"/", s.handle(f, last))
}

// handle receives a request for an endpoint: reads and logs it, then checks what
// every vendor checks first.
func (s *Server) handle(f *family, e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{Server: s, family: f, format: e.format, w: w, r: r}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		x.body = body
		entry := newRequest(r, body)
		defer func() {
			entry.Model, entry.Status = x.model, x.status
			s.requests.add(entry)
			s.log.Debug("simulated", "method", r.Method, "path", r.URL.Path, "model", x.model, "status", x.status)
		}()
		if err != nil {
			x.unread(err)
			return
		}
		if x.begin() {
			return
		}
		refused := s.admit(f, r, e.keys, body)
		switch {
		case refused != nil:
		case e.method != "" && r.Method != e.method:
			refused = &failure{status: http.StatusMethodNotAllowed, message: "Not allowed to " + r.Method + " on " + r.URL.Path + "."}
		case r.Method == http.MethodPost && !sendsJSON(r):
			refused = &failure{
				status: http.StatusUnsupportedMediaType, code: "unsupported_content_type",
				message: "Unsupported content type: '" + r.Header.Get("Content-Type") + "'. This API method only accepts 'application/json' requests.",
			}
		}
		if refused != nil {
			x.fail(refused)
			return
		}
		e.do(x)
	}
}

// admit checks who sends a request.
func (s *Server) admit(f *family, r *http.Request, place keyPlace, body []byte) *failure {
	if place >= inAPIKey {
		return s.admitCloud(f, r, place, body)
	}
	return f.admit(r, place)
}

// unread refuses a body that couldn't be read.
func (x *exchange) unread(err error) {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		x.fail(scripted(http.StatusRequestEntityTooLarge))
		return
	}
	x.fail(refuse("", "", "The body of the request could not be read."))
}

func sendsJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// lost answers at a path that the vendor doesn't have.
func (x *exchange) lost() {
	x.fail(&failure{
		status: http.StatusNotFound, kind: notFound,
		message: "Invalid URL (" + x.r.Method + " " + x.r.URL.Path + ")",
	})
}

// json answers with a value.
func (x *exchange) json(v any) {
	x.w.Header().Set("Content-Type", "application/json")
	x.format.headers(x, x.w.Header())
	x.status = http.StatusOK
	_, _ = x.w.Write(encode(v))
}

// timestamp writes a time as vendors do in JSON.
func timestamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
