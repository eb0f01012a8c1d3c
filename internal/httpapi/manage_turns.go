package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
)

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
	Number             int       `json:"number"`
	Provider           string    `json:"provider"`
	Model              string    `json:"model"`
	ServedModel        string    `json:"served_model"`
	Key                string    `json:"key,omitzero" doc:"names the provider's key without telling it; for those who manage it"`
	Format             string    `json:"format"`
	Status             string    `json:"status"`
	StartedAt          time.Time `json:"started_at"`
	TTFT               *int64    `json:"ttft_ms"`
	Duration           int64     `json:"duration_ms"`
	ErrorKind          *string   `json:"error_kind"`
	ErrorStatus        int       `json:"error_status,omitzero"`
	ErrorText          string    `json:"error_text,omitzero"`
	ErrorInWords       *string   `json:"error_in_words"`
	Downgrades         []string  `json:"downgrades" doc:"what translation had to leave out"`
	Finish             *string   `json:"finish"`
	InputTokens        int64     `json:"input_tokens"`
	CacheReadTokens    int64     `json:"cache_read_tokens"`
	CacheWriteTokens   int64     `json:"cache_write_tokens"`
	CacheWrite1hTokens int64     `json:"cache_write_1h_tokens"`
	OutputTokens       int64     `json:"output_tokens"`
	ReasoningTokens    int64     `json:"reasoning_tokens"`
	TotalTokens        int64     `json:"total_tokens"`
	UsageQuality       string    `json:"usage_quality"`
	CostUSD            *string   `json:"cost_usd"`
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

func rowOf(t *ledger.Turn) turnRow {
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
	return r
}

// attemptsOf shows a turn's attempts. What a provider says of the account itself
// is for those who manage accounts.
func attemptsOf(t *ledger.Turn, manages bool) []attemptRow {
	var out []attemptRow
	for i := range t.Attempts {
		a := &t.Attempts[i]
		row := attemptRow{
			Number: a.Number, Provider: a.Provider, Model: a.Model, ServedModel: a.ServedModel, Format: a.Format,
			Status: string(a.Status), StartedAt: a.Started, Duration: a.Duration.Milliseconds(), ErrorKind: orNull(a.ErrorKind),
			ErrorInWords: orNull(router.InWords(llm.Kind(a.ErrorKind))), Downgrades: downgradesOf(a),
			ErrorStatus: a.ErrorStatus, Finish: orNull(a.Finish), InputTokens: a.Usage.TotalInput(), CacheReadTokens: a.Usage.CacheRead,
			CacheWriteTokens: a.Usage.CacheWrite, CacheWrite1hTokens: a.Usage.CacheWrite1h, OutputTokens: a.Usage.Output,
			ReasoningTokens: a.Usage.ReasoningOfOutput, TotalTokens: a.Usage.Total(), UsageQuality: a.Usage.Quality.String(), CostUSD: costOf(a.Cost),
		}
		if a.FirstToken > 0 {
			ms := a.FirstToken.Milliseconds()
			row.TTFT = &ms
		}
		if manages {
			row.Key = a.KeyHint
		}
		switch llm.Kind(a.ErrorKind) {
		case llm.KindAuth, llm.KindPermission, llm.KindQuota:
			if manages {
				row.ErrorText = a.ErrorText
			}
		default:
			row.ErrorText = a.ErrorText
		}
		out = append(out, row)
	}
	return out
}

// downgradesOf are what translation left out of an attempt; never nil.
func downgradesOf(a *ledger.Attempt) []string {
	if a.Downgrades == "" {
		return []string{}
	}
	return strings.Split(a.Downgrades, ", ")
}

// TurnFilter is what the list and the live tail of turns take.
type TurnFilter struct {
	Org      string `query:"org" doc:"an operator may look at another org than the key's"`
	User     string `query:"user"`
	Agent    string `query:"agent"`
	Session  string `query:"session"`
	Workload string `query:"workload"`
	Purpose  string `query:"purpose"`
	Model    string `query:"model" doc:"the model that answered, with its provider or without"`
	Provider string `query:"provider"`
	Status   string `query:"status" enum:"ok,error,cut,canceled,interrupted"`
	Key      string `query:"key" doc:"the id of a key, not the key"`
}

type turnsInput struct {
	TurnFilter
	Window string `query:"window" doc:"7d, 30d or FROM,TO as YYYY-MM-DD, both included; all turns that are kept when absent"`
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500"`
	Cursor string `query:"cursor" maxLength:"64"`
}

// Page is one page of a list.
type Page[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

// filter reads who asks for which turns. Who may only see their own work gets
// that.
func (in *TurnFilter) filter(ctx context.Context) (c identity.Caller, org string, f ledger.TurnFilter, err error) {
	if c, err = caller(ctx, identity.SeeOrgTurns, identity.SeeOwnWork); err != nil {
		return c, "", f, err
	}
	if org, err = orgOf(c, in.Org); err != nil {
		return c, "", f, err
	}
	f = ledger.TurnFilter{
		User: in.User, Agent: in.Agent, Session: in.Session, Workload: in.Workload, Purpose: in.Purpose,
		Model: in.Model, Provider: in.Provider, Status: in.Status, Key: in.Key,
	}
	if !c.Role.May(identity.SeeOrgTurns) {
		f.User, err = ownOnly(c, in.User)
	}
	return c, org, f, err
}

// pageOf is a page of turns, of which one more than fit were asked for.
func pageOf(list []ledger.Turn, limit int) Page[turnRow] {
	out := Page[turnRow]{Data: []turnRow{}}
	if len(list) > limit {
		list = list[:limit]
		out.Next = &list[limit-1].ID
	}
	for i := range list {
		out.Data = append(out.Data, rowOf(&list[i]))
	}
	return out
}

func (m *Management) turns(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/turns", "list-turns", "Single turns, newest first"), func(ctx context.Context, in *turnsInput) (*struct{ Body Page[turnRow] }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		_, org, f, err := in.filter(ctx)
		if err != nil {
			return nil, err
		}
		if in.Cursor != "" {
			last, err := m.Reader.Turn(ctx, org, in.Cursor)
			if err != nil {
				return nil, m.failed("the turns can't be read", err)
			}
			if last == nil {
				return nil, huma.Error400BadRequest("cursor: this is none of this list, or its turn is no longer kept; begin again without one")
			}
		}
		if in.Window != "" {
			from, to, err := days(in.Window, m.Now().In(m.Zone))
			if err != nil {
				return nil, huma.Error400BadRequest(err.Error())
			}
			if f.From, f.To, err = ledger.Span(from, to, m.Zone); err != nil {
				return nil, huma.Error400BadRequest(err.Error())
			}
		}
		f.Before, f.Limit = in.Cursor, in.Limit+1
		list, err := m.Reader.Turns(ctx, org, f)
		if err != nil {
			return nil, m.failed("the turns can't be read", err)
		}
		return &struct{ Body Page[turnRow] }{pageOf(list, in.Limit)}, nil
	})
	huma.Register(api, op("GET", "/api/v1/turns/{id}", "get-turn", "One turn with its attempts"), func(ctx context.Context, in *turnInput) (*struct{ Body turnRow }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		t, manages, err := m.turn(ctx, in)
		if err != nil {
			return nil, err
		}
		row := rowOf(t)
		row.AttemptList = attemptsOf(t, manages)
		return &struct{ Body turnRow }{row}, nil
	})
}
