package httpapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
)

type usageInput struct {
	Window string `query:"window" default:"7d" doc:"7d, 30d or FROM,TO as YYYY-MM-DD, both included"`
	By     string `query:"by" doc:"lists to give, separated by commas: model, agent, user, session, workload, provider, purpose, key; all when absent"`
}

func (m *Management) usage(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/usage", "usage", "What was used and what it cost"), func(ctx context.Context, in *usageInput) (*struct{ Body *ledger.Usage }, error) {
		c, err := caller(ctx, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		q := ledger.Query{Org: c.Org, Zone: m.Zone, Now: m.Now()}
		if q.From, q.To, err = window(in.Window, m.Now().In(m.Zone)); err != nil {
			return nil, huma.Error400BadRequest(err.Error())
		}
		for name := range strings.SplitSeq(in.By, ",") {
			if name == "" {
				continue
			}
			d := ledger.Dimension(name)
			if !slices.Contains(ledger.Dimensions, d) {
				return nil, huma.Error400BadRequest("by: there is no list of that name; use model, agent, user, session, workload, provider, purpose or key")
			}
			q.By = append(q.By, d)
		}
		u, err := ledger.ReadUsage(ctx, m.Reader, q)
		if err != nil {
			return nil, m.failed("the usage can't be read", err)
		}
		return &struct{ Body *ledger.Usage }{u}, nil
	})
}

// window reads what span of days is asked for.
func window(s string, now time.Time) (from, to string, err error) {
	today := now.Format(time.DateOnly)
	switch s {
	case "", "7d":
		return now.AddDate(0, 0, -6).Format(time.DateOnly), today, nil
	case "30d":
		return now.AddDate(0, 0, -29).Format(time.DateOnly), today, nil
	}
	from, to, ok := strings.Cut(s, ",")
	a, errA := time.Parse(time.DateOnly, from)
	b, errB := time.Parse(time.DateOnly, to)
	if !ok || errA != nil || errB != nil || b.Before(a) {
		return "", "", errors.New("window: use 7d, 30d or two days like 2026-06-01,2026-06-30")
	}
	return from, to, nil
}

// turnRow is a turn as the API shows it.
type turnRow struct {
	ID                 string       `json:"id"`
	Org                string       `json:"org"`
	User               string       `json:"user"`
	EndUser            *string      `json:"end_user"`
	Agent              *string      `json:"agent"`
	Session            *string      `json:"session"`
	SessionSource      string       `json:"session_source"`
	Workload           *string      `json:"workload"`
	Class              *string      `json:"class"`
	Purpose            *string      `json:"purpose"`
	RequestedModel     string       `json:"requested_model"`
	Provider           string       `json:"provider"`
	Model              string       `json:"model"`
	ServedModel        string       `json:"served_model"`
	Format             string       `json:"format"`
	Stream             bool         `json:"stream"`
	Status             string       `json:"status"`
	StartedAt          time.Time    `json:"started_at"`
	TTFT               *int64       `json:"ttft_ms"`
	Duration           int64        `json:"duration_ms"`
	InputTokens        int64        `json:"input_tokens"`
	CacheReadTokens    int64        `json:"cache_read_tokens"`
	CacheWriteTokens   int64        `json:"cache_write_tokens"`
	CacheWrite1hTokens int64        `json:"cache_write_1h_tokens"`
	OutputTokens       int64        `json:"output_tokens"`
	ReasoningTokens    int64        `json:"reasoning_tokens"`
	TotalTokens        int64        `json:"total_tokens"`
	UsageQuality       string       `json:"usage_quality"`
	CostUSD            *string      `json:"cost_usd"`
	Attempts           int          `json:"attempts"`
	AttemptList        []attemptRow `json:"attempt_list,omitzero" doc:"only where one turn was asked for"`
}

type attemptRow struct {
	Number       int       `json:"number"`
	Provider     string    `json:"provider"`
	Model        string    `json:"model"`
	ServedModel  string    `json:"served_model"`
	Key          string    `json:"key"`
	Format       string    `json:"format"`
	Status       string    `json:"status"`
	StartedAt    time.Time `json:"started_at"`
	Duration     int64     `json:"duration_ms"`
	ErrorKind    *string   `json:"error_kind"`
	ErrorStatus  int       `json:"error_status,omitzero"`
	ErrorText    string    `json:"error_text,omitzero"`
	Finish       *string   `json:"finish"`
	InputTokens  int64     `json:"input_tokens"`
	OutputTokens int64     `json:"output_tokens"`
	CostUSD      *string   `json:"cost_usd"`
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func costOf(n *llm.NanoUSD) *string {
	if n == nil {
		return nil
	}
	s := n.String()
	return &s
}

func rowOf(t *ledger.Turn, attempts bool) turnRow {
	u := t.Usage()
	r := turnRow{
		ID: t.ID, Org: t.Org, User: t.User, EndUser: orNull(t.EndUser), Agent: orNull(t.Agent), Session: orNull(t.Session),
		SessionSource: t.SessionSource, Workload: orNull(t.Workload), Class: orNull(t.Class), Purpose: orNull(t.Purpose),
		RequestedModel: t.RequestedModel, Format: t.Format, Stream: t.Stream, Status: string(t.Status), StartedAt: t.Started,
		Duration: t.Duration.Milliseconds(), InputTokens: u.TotalInput(), CacheReadTokens: u.CacheRead, CacheWriteTokens: u.CacheWrite,
		CacheWrite1hTokens: u.CacheWrite1h, OutputTokens: u.Output, ReasoningTokens: u.ReasoningOfOutput, TotalTokens: u.Total(),
		UsageQuality: u.Quality.String(), Attempts: len(t.Attempts),
	}
	if t.FirstToken > 0 {
		ms := t.FirstToken.Milliseconds()
		r.TTFT = &ms
	}
	if known, all := t.Cost(); all {
		r.CostUSD = costOf(&known)
	}
	if a := t.Answered(); a != nil {
		r.Provider, r.Model, r.ServedModel = a.Provider, a.Model, a.ServedModel
	}
	if !attempts {
		return r
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		r.AttemptList = append(r.AttemptList, attemptRow{
			Number: a.Number, Provider: a.Provider, Model: a.Model, ServedModel: a.ServedModel, Key: a.KeyHint, Format: a.Format,
			Status: string(a.Status), StartedAt: a.Started, Duration: a.Duration.Milliseconds(), ErrorKind: orNull(a.ErrorKind),
			ErrorStatus: a.ErrorStatus, ErrorText: a.ErrorText, Finish: orNull(a.Finish), InputTokens: a.Usage.TotalInput(),
			OutputTokens: a.Usage.Output, CostUSD: costOf(a.Cost),
		})
	}
	return r
}

type turnsInput struct {
	Limit    int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor   string `query:"cursor" maxLength:"64"`
	User     string `query:"user"`
	Agent    string `query:"agent"`
	Session  string `query:"session"`
	Workload string `query:"workload"`
	Model    string `query:"model"`
	Provider string `query:"provider"`
	Status   string `query:"status"`
	Key      string `query:"key"`
}

// page is one page of a list.
type page[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

func (m *Management) turns(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/turns", "list-turns", "Single turns, newest first"), func(ctx context.Context, in *turnsInput) (*struct{ Body page[turnRow] }, error) {
		c, err := caller(ctx, identity.SeeOrgTurns, identity.SeeOwnWork)
		if err != nil {
			return nil, err
		}
		f := ledger.TurnFilter{
			Before: in.Cursor, Limit: in.Limit + 1, User: in.User, Agent: in.Agent, Session: in.Session, Workload: in.Workload,
			Model: in.Model, Provider: in.Provider, Status: in.Status, Key: in.Key,
		}
		if !c.Role.May(identity.SeeOrgTurns) {
			f.User = c.User
		}
		list, err := m.Reader.Turns(ctx, c.Org, f)
		if err != nil {
			return nil, m.failed("the turns can't be read", err)
		}
		out := page[turnRow]{Data: []turnRow{}}
		if len(list) > in.Limit {
			list = list[:in.Limit]
			out.Next = &list[in.Limit-1].ID
		}
		for i := range list {
			out.Data = append(out.Data, rowOf(&list[i], false))
		}
		return &struct{ Body page[turnRow] }{out}, nil
	})
	huma.Register(api, op("GET", "/api/v1/turns/{id}", "get-turn", "One turn with its attempts"), func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"64"`
	},
	) (*struct{ Body turnRow }, error) {
		c, err := caller(ctx, identity.SeeOrgTurns, identity.SeeOwnWork)
		if err != nil {
			return nil, err
		}
		t, err := m.Reader.Turn(ctx, c.Org, in.ID)
		if err != nil {
			return nil, m.failed("the turn can't be read", err)
		}
		if t == nil || !c.Role.May(identity.SeeOrgTurns) && t.User != c.User {
			return nil, huma.Error404NotFound("there is no such turn")
		}
		return &struct{ Body turnRow }{rowOf(t, true)}, nil
	})
}
