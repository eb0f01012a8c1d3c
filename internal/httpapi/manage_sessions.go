package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

// sessionRow is a conversation without its turns.
type sessionRow struct {
	ID        string     `json:"id"`
	Source    string     `json:"source" doc:"how it was recognised"`
	User      string     `json:"user"`
	Agent     *string    `json:"agent"`
	Workload  *string    `json:"workload" doc:"of its first turn"`
	Provider  string     `json:"provider"`
	Model     string     `json:"model" doc:"which answered its last turn"`
	FirstSeen time.Time  `json:"first_seen_at"`
	LastSeen  time.Time  `json:"last_seen_at"`
	Turns     int64      `json:"turns"`
	Chosen    *chosenRow `json:"chosen" doc:"the model that it stays on until told otherwise; null: none was chosen"`
}

type chosenRow struct {
	Model string    `json:"model" doc:"provider/model-id"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

// sessionPage is a session with a page of its turns.
type sessionPage struct {
	sessionRow
	Page[turnRow]
}

// seen says what of sessions a caller sees: the user whose they are, "" for all.
func seen(ctx context.Context, asked string) (c identity.Caller, org, user string, err error) {
	if c, err = caller(ctx, identity.SeeOrgTurns, identity.SeeOwnWork); err != nil {
		return c, "", "", err
	}
	if org, err = orgOf(c, asked); err == nil && !c.Role.May(identity.SeeOrgTurns) {
		user = c.User
	}
	return c, org, user, err
}

// How often, and after which pause, a session is looked for whose first turn is on
// its way to the database.
const (
	lookAgain = 20
	lookPause = 100 * time.Millisecond
)

// session finds a session that a caller may see.
func (m *Management) session(ctx context.Context, org, user, id string) (*ledger.Session, error) {
	s, err := m.Reader.Session(ctx, org, id)
	for n := 0; n < lookAgain && s == nil && err == nil && m.Gateway.Places.Known(org, id); n++ {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(lookPause):
			s, err = m.Reader.Session(ctx, org, id)
		}
	}
	if err != nil {
		return nil, m.failed("the session can't be read", err)
	}
	if s == nil || user != "" && s.User != user {
		return nil, huma.Error404NotFound("there is no such session; GET /api/v1/sessions lists them. A session is there from its first turn on")
	}
	return s, nil
}

// row shows a session.
func (m *Management) row(ctx context.Context, org string, s *ledger.Session) (sessionRow, error) {
	r := sessionRow{
		ID: s.ID, Source: s.Source, User: s.User, Agent: orNull(s.Agent), Workload: orNull(s.Workload), Provider: s.Provider, Model: s.Model,
		FirstSeen: s.First, LastSeen: s.Last, Turns: s.Turns,
	}
	if m.Gateway.Choices == nil {
		return r, nil
	}
	c, err := m.Gateway.Choices.Of(ctx, org, s.User, s.ID)
	if err != nil {
		return r, m.failed("the sessions' models can't be read", err)
	}
	if c != nil {
		r.Chosen = &chosenRow{c.Name(), c.By, c.At}
	}
	return r, nil
}

type sessionsInput struct {
	Org      string `query:"org" doc:"an operator may look at another org than the key's"`
	User     string `query:"user"`
	Agent    string `query:"agent"`
	Workload string `query:"workload"`
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor   string `query:"cursor" maxLength:"512"`
}

// A cursor of sessions is when the last one was used, and its id.
func sessionCursor(s *ledger.Session) *string {
	c := strconv.FormatInt(s.Last.UnixMicro(), 10) + " " + s.ID
	return &c
}

func (m *Management) sessions(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/sessions", "list-sessions", "Conversations of any client, those used last first"), func(ctx context.Context, in *sessionsInput) (*struct{ Body Page[sessionRow] }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		c, org, user, err := seen(ctx, in.Org)
		if err != nil {
			return nil, err
		}
		if user == "" {
			user = in.User
		} else if user, err = ownOnly(c, in.User); err != nil {
			return nil, err
		}
		f := ledger.SessionFilter{Limit: in.Limit + 1, User: user, Agent: in.Agent, Workload: in.Workload}
		if in.Cursor != "" {
			at, id, _ := strings.Cut(in.Cursor, " ")
			micros, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				return nil, huma.Error400BadRequest("cursor: this is none of this list; begin again without one")
			}
			f.Before, f.BeforeID = time.UnixMicro(micros), id
		}
		list, err := m.Reader.Sessions(ctx, org, f)
		if err != nil {
			return nil, m.failed("the sessions can't be read", err)
		}
		out := Page[sessionRow]{Data: []sessionRow{}}
		if len(list) > in.Limit {
			list = list[:in.Limit]
			out.Next = sessionCursor(&list[in.Limit-1])
		}
		for i := range list {
			r, err := m.row(ctx, org, &list[i])
			if err != nil {
				return nil, err
			}
			out.Data = append(out.Data, r)
		}
		return &struct{ Body Page[sessionRow] }{out}, nil
	})
	huma.Register(api, op("GET", "/api/v1/sessions/{session}", "get-session", "One conversation with its turns, newest first"), func(ctx context.Context, in *struct {
		Session string `path:"session" maxLength:"512"`
		Org     string `query:"org" doc:"an operator may look at another org than the key's"`
		Limit   int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
		Cursor  string `query:"cursor" maxLength:"64"`
	},
	) (*struct{ Body sessionPage }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		_, org, user, err := seen(ctx, in.Org)
		if err != nil {
			return nil, err
		}
		s, err := m.session(ctx, org, user, in.Session)
		if err != nil {
			return nil, err
		}
		var out sessionPage
		if out.sessionRow, err = m.row(ctx, org, s); err != nil {
			return nil, err
		}
		list, err := m.Reader.Turns(ctx, org, ledger.TurnFilter{Session: s.ID, User: user, Before: in.Cursor, Limit: in.Limit + 1})
		if err != nil {
			return nil, m.failed("the turns can't be read", err)
		}
		out.Page = pageOf(list, in.Limit)
		return &struct{ Body sessionPage }{out}, nil
	})
	m.choose(api)
}

type sessionAnswer struct{ Body sessionRow }

func (m *Management) choose(api huma.API) {
	put := op("PUT", "/api/v1/sessions/{session}/model", "choose-session-model", "Have a conversation stay on a model until told otherwise")
	put.Description = "The model is provider/model-id, an id or an alias; null takes the choice back. Requests that name a model themselves still get that one."
	put.MaxBodyBytes = 4 << 10
	huma.Register(api, put, func(ctx context.Context, in *struct {
		Session string `path:"session" maxLength:"512"`
		Org     string `query:"org" doc:"an operator may change another org than the key's"`
		Body    struct {
			Model *string `json:"model" nullable:"true" maxLength:"512"`
		}
	},
	) (*sessionAnswer, error) {
		return m.switchTo(ctx, in.Org, in.Session, in.Body.Model)
	})
	remove := op("DELETE", "/api/v1/sessions/{session}/model", "clear-session-model", "Let a conversation go by its workload again")
	remove.DefaultStatus = http.StatusOK
	huma.Register(api, remove, func(ctx context.Context, in *struct {
		Session string `path:"session" maxLength:"512"`
		Org     string `query:"org" doc:"an operator may change another org than the key's"`
	},
	) (*sessionAnswer, error) {
		return m.switchTo(ctx, in.Org, in.Session, nil)
	})
}

// switchTo has a session stay on a model; nil: on none.
func (m *Management) switchTo(ctx context.Context, askedOrg, id string, model *string) (*sessionAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	c, org, user, err := seen(ctx, askedOrg)
	if err != nil {
		return nil, err
	}
	s, err := m.session(ctx, org, user, id)
	if err != nil {
		return nil, err
	}
	choices := m.Gateway.Choices
	if model == nil {
		if err := choices.Clear(ctx, org, s.User, s.ID); err != nil {
			return nil, m.failed("the session's model can't be taken back", err)
		}
	} else {
		place, err := m.Gateway.State().Choosable(*model, org, c, m.Now())
		if err != nil {
			return nil, problemOf(err)
		}
		choices.Choose(ctx, org, s.User, s.ID, place.Account, place.Model, c.User)
	}
	r, err := m.row(ctx, org, s)
	if err != nil {
		return nil, err
	}
	return &sessionAnswer{r}, nil
}

// problemOf is a problem of a model's name.
func problemOf(err error) error {
	e := llm.AsError(err)
	switch e.Kind {
	case llm.KindNotFound:
		return huma.Error404NotFound(e.Message)
	case llm.KindPermission:
		return huma.Error403Forbidden(e.Message)
	}
	return huma.Error422UnprocessableEntity(e.Message)
}
