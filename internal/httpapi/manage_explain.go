package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// dryRun is a request that isn't sent, and how the world is taken to be.
type dryRun struct {
	Request  jsontext.Value `json:"request"`
	Format   string         `json:"format"`
	Model    string         `json:"model"`
	Workload string         `json:"workload"`
	Class    string         `json:"class"`
	Agent    string         `json:"agent"`
	Session  string         `json:"session"`
	Pretend  struct {
		Down []string  `json:"down"`
		At   time.Time `json:"at"`
	} `json:"pretend"`
}

// explainRow is what would become of a request.
type explainRow struct {
	decisionRow
	Refused *refusalRow `json:"refused" doc:"what the request would be answered where no model can serve it; null where one can"`
}

type refusalRow struct {
	Status  int    `json:"status" doc:"of the answer"`
	Kind    string `json:"kind"`
	Message string `json:"message" doc:"with a line for each model, why it can't serve"`
}

// bodyKey is under what a context has a body that is read within the bounds of the
// wire APIs.
type bodyKey struct{}

// maxDown bounds what may be taken to be down.
const maxDown = 100

func (m *Management) dryRun(api huma.API) {
	o := op("POST", "/api/v1/route/explain", "explain-route", "Dry run: which models a request would be sent to in which order, and why not to the others")
	o.Description = "Nothing is sent and nothing kept. The body is `{\"request\": {…}}` with what is below, or a bare Chat request. A request that nothing can serve is `refused` in the answer."
	text := func(doc string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: doc} }
	o.Middlewares = huma.Middlewares{m.bounded(api)}
	huma.Register(api, o, func(ctx context.Context, _ *struct{}) (*struct{ Body explainRow }, error) {
		c, err := caller(ctx, identity.UseModels)
		if err != nil {
			return nil, err
		}
		body, _ := ctx.Value(bodyKey{}).([]byte)
		run, err := dryRunOf(c, body)
		if err != nil {
			return nil, err
		}
		if err := m.checkDown(c, run.Pretend.Down); err != nil {
			return nil, err
		}
		return &struct{ Body explainRow }{m.explain(ctx, c, run)}, nil
	})
	api.OpenAPI().Paths[o.Path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			"request":  {Type: huma.TypeObject, AdditionalProperties: true, Description: "the body of a request"},
			"format":   {Type: huma.TypeString, Enum: []any{"chat", "messages", "responses", "gemini"}, Description: "whose body it is; chat when absent"},
			"model":    text("in the place of the request's; where Gemini requests have theirs"),
			"workload": text("as in X-Oido-Workload"), "class": text("as in X-Oido-Class"),
			"agent": text("as in X-Oido-Agent"), "session": text("as in X-Oido-Session"),
			"pretend": {Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"down": {Type: huma.TypeArray, Items: text("a provider, or a model as provider/model-id"), Description: "is taken to be down"},
				"at":   {Type: huma.TypeString, Format: "date-time", Description: "the time is taken to be this"},
			}},
		},
	}}}}
}

// bounded reads an operation's body as the wire APIs read theirs.
func (m *Management) bounded(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		refuse := func(status int, msg string) {
			if err := huma.WriteErr(api, hc, status, msg); err != nil {
				m.Log.Debug("answer not delivered", "error", err)
			}
		}
		if _, err := caller(r.Context(), identity.UseModels); err != nil {
			next(hc) // which refuses it
			return
		}
		req := &request{ResponseWriter: w, Request: r, ctl: http.NewResponseController(w)}
		body, release, e := m.Inference.readBody(req)
		if e != nil {
			status := http.StatusBadRequest
			switch e.Kind {
			case llm.KindTooLarge:
				status = http.StatusRequestEntityTooLarge
			case llm.KindUnavailable:
				status = http.StatusServiceUnavailable
			}
			refuse(status, e.Message)
			return
		}
		defer release()
		m.Inference.writeDeadline(req)
		next(huma.WithValue(hc, bodyKey{}, body))
	}
}

// dryRunOf reads what is to be explained to a caller.
func dryRunOf(c identity.Caller, body []byte) (*dryRun, error) {
	var run dryRun
	var probe struct {
		Request jsontext.Value `json:"request"`
	}
	if err := json.Unmarshal(body, &probe, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, huma.Error400BadRequest("the body is no JSON object: send a Chat request, or {\"request\": {…}}")
	}
	if probe.Request == nil {
		run.Request = body
	} else if err := json.Unmarshal(body, &run, json.RejectUnknownMembers(true)); err != nil {
		return nil, huma.Error422UnprocessableEntity(where(err) + `beside request there may stand format, model, workload, class, agent and session, and pretend like {"down": ["openai"], "at": "2027-01-01T00:00:00Z"}`)
	}
	if run.Format == "" {
		run.Format = string(llm.FormatChat)
	}
	if _, ok := pathsOf[llm.Format(run.Format)]; !ok {
		return nil, huma.Error422UnprocessableEntity("format: give chat, messages, responses or gemini")
	}
	for field, v := range map[string]string{"workload": run.Workload, "class": run.Class, "agent": run.Agent, "session": run.Session} {
		if v == "" {
			continue
		}
		if err := identity.CheckName(v); err != nil {
			return nil, huma.Error422UnprocessableEntity(field + ": " + err.Error())
		}
	}
	if len(run.Pretend.Down) > maxDown {
		return nil, huma.Error422UnprocessableEntity("pretend.down: there are too many")
	}
	if run.Agent != "" && !c.MayClaimAgent(run.Agent) {
		return nil, huma.Error403Forbidden("agent: this key may not work as this agent")
	}
	return &run, nil
}

// where says at which place a body can't be taken.
func where(err error) string {
	if s, ok := errors.AsType[*json.SemanticError](err); ok && s.JSONPointer != "" {
		return string(s.JSONPointer) + " can't be taken: "
	}
	return ""
}

// checkDown refuses names that nothing bears: a slip would pass for a world in which
// all is well.
func (m *Management) checkDown(c identity.Caller, down []string) error {
	accounts := m.Gateway.State().Accounts
	var there []string
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		if accounts[name].May(c.Org) {
			there = append(there, name)
		}
	}
	for _, name := range down {
		if account, _, _ := strings.Cut(name, "/"); !slices.Contains(there, account) {
			return huma.Error422UnprocessableEntity(fmt.Sprintf("pretend.down: no provider %q is connected: there are %s", account, strings.Join(there, ", ")))
		}
	}
	return nil
}

// pathsOf are where requests of the formats are sent; Gemini's has the model in it.
var pathsOf = map[llm.Format]string{
	llm.FormatChat: "/v1/chat/completions", llm.FormatMessages: "/v1/messages", llm.FormatResponses: "/v1/responses", llm.FormatGemini: "/v1beta/models/",
}

// explain says what would become of a request, by what decides it when it is sent.
func (m *Management) explain(ctx context.Context, c identity.Caller, run *dryRun) explainRow {
	name := llm.Format(run.Format)
	f := map[llm.Format]wire.Format{
		llm.FormatChat: m.Inference.Chat, llm.FormatMessages: m.Inference.Messages, llm.FormatResponses: m.Inference.Responses, llm.FormatGemini: m.Inference.Gemini,
	}[name]
	raw := wire.RawRequest{Method: http.MethodPost, Path: pathsOf[name], Header: http.Header{}, Body: bytes.TrimSpace(run.Request)}
	if name == llm.FormatGemini {
		raw.Path += run.Model + ":generateContent"
	}
	refused := func(e *llm.Error) *refusalRow {
		status, _ := f.EncodeError(e)
		return &refusalRow{Status: status, Kind: string(e.Kind), Message: e.Message}
	}
	if run.Model != "" && name != llm.FormatGemini {
		raw.Body = withModel(raw.Body, run.Model)
	}
	peeked, err := f.Peek(raw)
	if err != nil {
		e := llm.AsError(err)
		return explainRow{
			decisionRow{RequestedModel: run.Model, Explanation: "It would be refused: " + e.Message, Candidates: []candidateRow{}, Stronger: []candidateRow{}, Excluded: []exclusionRow{}, Later: []exclusionRow{}, WouldChange: []string{}},
			refused(e),
		}
	}
	x := m.Gateway.Explain(ctx, gateway.Call{
		Format: f, Raw: raw, Peeked: peeked, Caller: c,
		Labels: gateway.Labels{Workload: run.Workload, Class: run.Class, Agent: run.Agent, Session: run.Session},
	}, gateway.Pretend{Down: run.Pretend.Down, At: run.Pretend.At})
	asked := router.Asked{Model: peeked.Model, Workload: x.Workload, Class: x.Class}
	row := explainRow{decisionRow: decisionOf(&x.Told, asked, m.Gateway.State().View(), x.Input, x.Output, x.At)}
	row.Session = orNull(x.Session)
	if x.Refused != nil {
		row.Refused = refused(x.Refused)
		if len(x.Told.Excluded) > 0 {
			row.Explanation = "No model can answer it, so it would be refused. " + row.Explanation
		} else {
			row.Explanation = "It would be refused: " + x.Refused.Message
		}
	}
	return row
}

// withModel names another model in a request; one that can't be read stays as it is.
func withModel(body []byte, model string) []byte {
	var all map[string]jsontext.Value
	if json.Unmarshal(body, &all) != nil || all == nil {
		return body
	}
	name, err := json.Marshal(model)
	if err != nil {
		return body
	}
	all["model"] = name
	out, err := json.Marshal(all, json.Deterministic(true))
	if err != nil {
		return body
	}
	return out
}
