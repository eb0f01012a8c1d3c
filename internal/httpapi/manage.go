package httpapi

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
)

// Management serves /api/v1: what people and the command line ask about the
// gateway's work.
type Management struct {
	Gateway   *gateway.Gateway
	Inference *Inference // whose formats and bounds a dry run has
	Directory *identity.Directory
	Reader    ledger.Reader
	Zone      *time.Location
	RowDays   int // for how many days single turns are kept; 0: for ever
	Version   string
	Log       *slog.Logger
	Now       func() time.Time
	// Follow is the live tail of turns; see ledger.Broadcast.
	Follow func(buffer int, pass func(*ledger.Turn) bool) (<-chan ledger.Turn, func(), error)
	// Stopping is closed when the server is told to stop: live tails end then.
	Stopping <-chan struct{}
	// Lists says of an account when its model list was read, and why the last
	// reading failed; "" when it went well.
	Lists func(account string) (at time.Time, problem string)
	// Check tries an account, step by step; it stops when ctx ends.
	Check func(ctx context.Context, account string) func(func(Step) bool)

	// Accounts are those that were added by API.
	Accounts Accounts
	Policies Policies

	checking sync.Mutex // held while an account is tried
}

type callerKey struct{}

// stillKnown is the context's word on whether the caller's key is good yet, for
// answers that take long.
type stillKnown struct{}

// Register adds the management API to a mux.
func (m *Management) Register(mux *http.ServeMux) error {
	problems()
	cfg := huma.DefaultConfig("OIDO", m.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
	cfg.Security = []map[string][]string{{"key": {}}}
	inner := http.NewServeMux()
	api := humago.New(inner, cfg)
	m.usage(api)
	m.turns(api)
	m.tail(api)
	m.sessions(api)
	m.models(api)
	m.providers(api)
	m.check(api)
	m.accounts(api)
	m.why(api)
	m.dryRun(api)
	m.workloads(api)
	m.policies(api)
	spec, err := api.OpenAPI().MarshalJSON()
	if err != nil {
		return err
	}
	inner.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if takes := methodsAt(r, mux, inner); len(takes) > 0 {
			w.Header().Set("Allow", strings.Join(takes, ", "))
			m.problem(w, http.StatusMethodNotAllowed, r.URL.Path+" takes "+strings.Join(takes, ", ")+" and not "+r.Method)
			return
		}
		m.problem(w, http.StatusNotFound, "there is nothing at "+r.Method+" "+r.URL.Path+"; /api/openapi.json lists what there is")
	})
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = jsonType
		if _, err := w.Write(spec); err != nil {
			m.Log.Debug("answer not delivered", "error", err)
		}
	})
	mux.Handle("/api/", m.authorised(inner))
	return nil
}

// methodsAt are the methods that one of the muxes takes at a request's path, sorted.
func methodsAt(r *http.Request, muxes ...*http.ServeMux) []string {
	var out []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut} {
		for _, mux := range muxes {
			_, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
			if pattern != "" && pattern != "/api/" && !slices.Contains(out, method) {
				out = append(out, method)
			}
		}
	}
	return out
}

// problems makes huma's errors fit to be shown: without what the caller sent, and
// without the causes of failures of ours. It changes huma for the whole process.
var problems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if status >= http.StatusInternalServerError {
			errs = nil
		}
		e := huma.NewError(status, msg, errs...)
		if model, ok := e.(*huma.ErrorModel); ok {
			for _, d := range model.Errors {
				d.Value = nil
			}
		}
		return e
	}
})

var jsonFormat = huma.Format{
	// An answer that can't be written would end the connection, and names in old
	// rows may be anything.
	Marshal:   func(w io.Writer, v any) error { return json.MarshalWrite(w, v, jsontext.AllowInvalidUTF8(true)) },
	Unmarshal: func(b []byte, v any) error { return json.Unmarshal(b, v) },
}

// authorised lets only callers with a key through.
func (m *Management) authorised(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := identity.FromRequest(r.Header, nil, false)
		if err != nil {
			m.problem(w, http.StatusUnauthorized, err.Error())
			return
		}
		caller, ok := m.Directory.Lookup(text)
		if !ok {
			m.problem(w, http.StatusUnauthorized, "this API key is not known here")
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			m.Log.Debug("no write deadline", "error", err)
		}
		ctx := context.WithValue(r.Context(), callerKey{}, caller)
		ctx = context.WithValue(ctx, stillKnown{}, func() bool { _, ok := m.Directory.Lookup(text); return ok })
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (m *Management) problem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, detail})
	if err != nil {
		m.Log.Error("a problem can't be written", "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		m.Log.Debug("answer not delivered", "error", err)
	}
}

// caller returns who asks; the error is a problem when its role may do none of
// the actions.
func caller(ctx context.Context, any ...identity.Action) (identity.Caller, error) {
	c, ok := ctx.Value(callerKey{}).(identity.Caller)
	if !ok {
		return c, huma.Error401Unauthorized("no key")
	}
	for _, a := range any {
		if c.Role.May(a) {
			return c, nil
		}
	}
	return c, huma.Error403Forbidden("a key of role " + string(c.Role) + " may not do this")
}

// queryTimeout is how long a question to the database may take: no longer than
// its answer may be waited for, since requests for models read there too.
const queryTimeout = writeTimeout - 5*time.Second

// failed answers a failure of ours; the cause goes to the log alone.
func (m *Management) failed(what string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return huma.Error503ServiceUnavailable(what + " in time: ask for less, or later")
	}
	m.Log.Error(what, "error", err)
	return huma.Error500InternalServerError(what)
}

func op(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{strings.Split(path, "/")[3]}}
}
