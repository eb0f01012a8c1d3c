package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/oidostudio/oido/internal/identity"
)

// Step is one thing that was tried at a provider.
type Step struct {
	What string `json:"what"`
	Says string `json:"says"`
	OK   bool   `json:"ok"`
	// Step is clock, auth, list or call; Refused says that the key isn't taken, or
	// that nothing is there to take it.
	Step    string `json:"step"`
	Took    int64  `json:"took_ms"`
	Refused bool   `json:"refused"`
}

func (m *Management) check(api huma.API) {
	o := op("POST", "/api/v1/providers/{provider}/test", "test-provider", "Try a provider: its key, its list, and a small streamed request")
	o.Description = "Each thing tried is an event `step`, the last event is `done`. The request to a model may cost a fraction of a cent and is no turn. With a body like that of adding a provider, that one is tried and not added."
	described := takesAccount(&o)
	o.Responses = map[string]*huma.Response{"200": {Description: "Events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(api, o, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"128"`
		RawBody  []byte `contentType:"application/json"`
	},
	) (*huma.StreamResponse, error) {
		c, err := caller(ctx, identity.ManageOrg)
		if err != nil {
			return nil, err
		}
		steps, err := m.draft(ctx, c, in.Provider, in.RawBody)
		if err != nil {
			return nil, err
		}
		a := m.Gateway.State().Accounts[in.Provider]
		if steps == nil && (a == nil || !a.May(c.Org) && !c.Role.May(identity.Operate)) {
			return nil, huma.Error404NotFound("there is no provider " + in.Provider + " that is on; GET /api/v1/providers lists them")
		}
		if !m.checking.TryLock() {
			return nil, huma.Error409Conflict("a provider is being tested already; try again when that is done")
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer m.checking.Unlock()
			_, w := humago.Unwrap(hc)
			s := newEventStream(w)
			if steps == nil {
				steps = m.Check(ctx, in.Provider)
			}
			if err := s.steps(steps); err != nil {
				m.Log.Debug("test of a provider not told", "error", err)
			}
		}}, nil
	})
	described(false)
}

func (s *eventStream) steps(steps func(func(Step) bool)) error {
	if err := s.begin(); err != nil {
		return err
	}
	well, refused := true, false
	for step := range steps {
		well, refused = well && step.OK, refused || step.Refused
		if err := s.event("step", "", step); err != nil {
			return err
		}
	}
	return s.event("done", "", struct {
		OK      bool `json:"ok"`
		Refused bool `json:"refused"`
	}{well, refused})
}
