package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/oidostudio/oido/internal/ledger"
)

// A reader of the live tail may be tailBuffer turns behind. tailPing is how often it hears that nothing was,
// and how often its key is looked up again.
const (
	tailBuffer = 256
	tailPing   = 15 * time.Second
)

func (m *Management) tail(api huma.API) {
	o := op("GET", "/api/v1/turns/stream", "follow-turns", "Turns as they end, as server-sent events")
	o.Description = "Each turn is an event `turn` with a row of the list of turns, once it is in the database. " +
		"The event `dropped` says that the reader was too slow and missed turns, `end` that the server stops or the key was revoked; nothing follows either."
	o.Responses = map[string]*huma.Response{"200": {Description: "Events", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(api, o, func(ctx context.Context, in *TurnFilter) (*huma.StreamResponse, error) {
		_, org, f, err := in.filter(ctx)
		if err != nil {
			return nil, err
		}
		turns, end, err := m.Follow(tailBuffer, func(t *ledger.Turn) bool { return t.Org == org && f.Passes(t) })
		if errors.Is(err, ledger.ErrTooManyFollowers) {
			return nil, huma.Error503ServiceUnavailable("too many follow the turns already; try again later")
		}
		if err != nil {
			return nil, m.failed("the turns can't be followed", err)
		}
		known, _ := ctx.Value(stillKnown{}).(func() bool)
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			defer end()
			_, w := humago.Unwrap(hc)
			s := newEventStream(w)
			if err := s.tail(ctx, turns, m.Stopping, known); err != nil {
				m.Log.Debug("live tail ended", "error", err)
			}
		}}, nil
	})
}

// tail writes one live tail.
func (s *eventStream) tail(ctx context.Context, turns <-chan ledger.Turn, stopping <-chan struct{}, known func() bool) error {
	if err := s.begin(); err != nil {
		return err
	}
	ping := time.NewTicker(tailPing)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stopping:
			return s.last("end", "the server stops")
		case <-ping.C:
			if known != nil && !known() {
				return s.last("end", "the API key is not known here any more")
			}
			if err := s.send(": ping\n\n"); err != nil {
				return err
			}
		case t, ok := <-turns:
			if !ok {
				return s.last("dropped", fmt.Sprintf("more than %d turns were waiting to be read: some were missed; list the turns for those, and follow anew", tailBuffer))
			}
			if err := s.event("turn", t.ID, rowOf(&t)); err != nil {
				return err
			}
		}
	}
}

// last sends the event that nothing follows.
func (s *eventStream) last(event, detail string) error {
	return s.event(event, "", struct {
		Detail string `json:"detail"`
	}{detail})
}
