package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Dimension is what usage is broken down by.
type Dimension string

// The dimensions. DimTotal has one key, "".
const (
	DimTotal    Dimension = "total"
	DimModel    Dimension = "model" // key: provider/model
	DimProvider Dimension = "provider"
	DimAgent    Dimension = "agent"
	DimUser     Dimension = "user"
	DimSession  Dimension = "session"
	DimWorkload Dimension = "workload"
	DimPurpose  Dimension = "purpose"
	DimKey      Dimension = "key"
)

// Dimensions are all but the total, in the order of the API.
var Dimensions = []Dimension{DimModel, DimAgent, DimUser, DimSession, DimWorkload, DimProvider, DimPurpose, DimKey}

// Sums are what is added up for a day and a key of a dimension.
type Sums struct {
	Input, CacheRead, CacheWrite, CacheWrite1h, Output, Reasoning int64
	Turns                                                         int64
	Cost                                                          llm.NanoUSD // the known part
	UnknownCostTurns                                              int64
}

// TotalInput is all input, cached included.
func (s Sums) TotalInput() int64 { return s.Input + s.CacheRead + s.CacheWrite + s.CacheWrite1h }

// Total is all tokens.
func (s Sums) Total() int64 { return s.TotalInput() + s.Output }

// Add adds another day or key.
func (s *Sums) Add(o Sums) {
	s.Input += o.Input
	s.CacheRead += o.CacheRead
	s.CacheWrite += o.CacheWrite
	s.CacheWrite1h += o.CacheWrite1h
	s.Output += o.Output
	s.Reasoning += o.Reasoning
	s.Turns += o.Turns
	s.Cost += o.Cost
	s.UnknownCostTurns += o.UnknownCostTurns
}

// Share is what one turn adds to one key of a dimension.
type Share struct {
	Dimension Dimension
	Key       string
	Sums      Sums
}

// AppendShares breaks a turn down and appends its shares to dst. Models and providers get tokens and cost where they
// were spent, and the turn where the answer came from; the sums over the keys of
// each dimension are the turn's own.
func AppendShares(dst []Share, t *Turn) []Share {
	whole := Sums{Turns: 1}
	for i := range t.Attempts {
		whole.Add(spent(&t.Attempts[i]))
	}
	if _, all := t.Cost(); !all {
		whole.UnknownCostTurns = 1
	}
	from := len(dst)
	dst = append(dst,
		Share{DimTotal, "", whole},
		Share{DimAgent, t.Agent, whole},
		Share{DimUser, t.User, whole},
		Share{DimSession, t.Session, whole},
		Share{DimWorkload, t.Workload, whole},
		Share{DimPurpose, t.Purpose, whole},
		Share{DimKey, t.Key, whole},
	)
	for i := range t.Attempts {
		a := &t.Attempts[i]
		s := spent(a)
		if i == len(t.Attempts)-1 {
			s.Turns, s.UnknownCostTurns = 1, whole.UnknownCostTurns
		}
		dst = addShare(dst, from, DimModel, a.Provider+"/"+a.Model, s)
		dst = addShare(dst, from, DimProvider, a.Provider, s)
	}
	return dst
}

// addShare adds to the share of the same key, if there is one behind from.
func addShare(shares []Share, from int, d Dimension, key string, s Sums) []Share {
	for i := from; i < len(shares); i++ {
		if shares[i].Dimension == d && shares[i].Key == key {
			shares[i].Sums.Add(s)
			return shares
		}
	}
	return append(shares, Share{d, key, s})
}

func spent(a *Attempt) Sums {
	s := Sums{
		Input: a.Usage.Input, CacheRead: a.Usage.CacheRead, CacheWrite: a.Usage.CacheWrite, CacheWrite1h: a.Usage.CacheWrite1h,
		Output: a.Usage.Output, Reasoning: a.Usage.ReasoningOfOutput,
	}
	if a.Cost != nil {
		s.Cost = *a.Cost
	}
	return s
}

// KeySums are the sums of one key.
type KeySums struct {
	Key  string
	Sums Sums
}

// DaySums are the sums of one day.
type DaySums struct {
	Day  string // YYYY-MM-DD in the ledger's time zone
	Sums Sums
}

// Reader reads what the writer wrote. Every method reads one org alone.
type Reader interface {
	// UsageByKey sums a dimension over days from–to (inclusive), largest total
	// first; at most limit keys, and the sums of all the others with how many.
	UsageByKey(ctx context.Context, org string, d Dimension, from, to string, limit int) (top []KeySums, others int, rest Sums, err error)
	// UsageDaily sums the total of each day that has any.
	UsageDaily(ctx context.Context, org, from, to string) ([]DaySums, error)
	// Turns lists turns, newest first, that come after the cursor.
	Turns(ctx context.Context, org string, f TurnFilter) ([]Turn, error)
	// Turn returns one turn with its attempts; nil when there is none.
	Turn(ctx context.Context, org, id string) (*Turn, error)
	// RawSums sums the rows of a dimension, for comparison with the roll-ups.
	RawSums(ctx context.Context, org string, d Dimension) ([]KeySums, error)
}

// TurnFilter narrows a list of turns; empty fields don't.
type TurnFilter struct {
	Before string // id of the turn that the page before ended with
	Limit  int

	User, Agent, Session, Workload, Model, Provider, Status, Key string
}

// Usage is the answer of the usage API, in its shape.
type Usage struct {
	Last7      Totals     `json:"last_7_days"`
	Last30     Totals     `json:"last_30_days"`
	ByModel    []UsageRow `json:"by_model,omitzero"`
	ByAgent    []UsageRow `json:"by_agent,omitzero"`
	ByUser     []UsageRow `json:"by_user,omitzero"`
	BySession  []UsageRow `json:"by_session,omitzero"`
	ByWorkload []UsageRow `json:"by_workload,omitzero"`
	ByProvider []UsageRow `json:"by_provider,omitzero"`
	ByPurpose  []UsageRow `json:"by_purpose,omitzero"`
	ByKey      []UsageRow `json:"by_key,omitzero"`
	Daily      []DayRow   `json:"daily"`
	AsOf       time.Time  `json:"as_of"`
	TimeZone   string     `json:"time_zone"`
	From       string     `json:"from"`
	To         string     `json:"to"`
}

// Totals are the sums of a window.
type Totals struct {
	InputTokens        int64  `json:"input_tokens"`
	CacheReadTokens    int64  `json:"cache_read_tokens"`
	CacheWriteTokens   int64  `json:"cache_write_tokens"`
	CacheWrite1hTokens int64  `json:"cache_write_1h_tokens"`
	OutputTokens       int64  `json:"output_tokens"`
	ReasoningTokens    int64  `json:"reasoning_tokens"`
	TotalTokens        int64  `json:"total_tokens"`
	Turns              int64  `json:"turns"`
	CostUSD            string `json:"cost_usd"`
	UnknownCostTurns   int64  `json:"unknown_cost_turns"`
}

// UsageRow is one key of a list. Exactly one of the names is set, or none for
// work without one, or Other for all that did not get a row of its own.
type UsageRow struct {
	Model    *string `json:"model,omitzero"`
	Provider *string `json:"provider,omitzero"`
	Name     *string `json:"name"`
	Other    int     `json:"other,omitzero"`
	Totals
}

// DayRow is one day.
type DayRow struct {
	Date string `json:"date"`
	Totals
}

func totals(s Sums) Totals {
	return Totals{
		InputTokens: s.TotalInput(), CacheReadTokens: s.CacheRead, CacheWriteTokens: s.CacheWrite, CacheWrite1hTokens: s.CacheWrite1h,
		OutputTokens: s.Output, ReasoningTokens: s.Reasoning, TotalTokens: s.Total(), Turns: s.Turns,
		CostUSD: s.Cost.String(), UnknownCostTurns: s.UnknownCostTurns,
	}
}

// topKeys is how many keys a list shows before the rest is summed up.
const topKeys = 100

// Query asks for usage.
type Query struct {
	Org      string
	From, To string // YYYY-MM-DD, inclusive
	By       []Dimension
	Zone     *time.Location
	Now      time.Time
}

// ReadUsage answers a query.
func ReadUsage(ctx context.Context, r Reader, q Query) (*Usage, error) {
	today := q.Now.In(q.Zone)
	day := func(ago int) string { return today.AddDate(0, 0, -ago).Format(time.DateOnly) }
	u := &Usage{AsOf: q.Now.UTC().Truncate(time.Second), TimeZone: q.Zone.String(), From: q.From, To: q.To, Daily: []DayRow{}}
	for _, w := range []struct {
		days int
		to   *Totals
	}{{7, &u.Last7}, {30, &u.Last30}} {
		days, err := r.UsageDaily(ctx, q.Org, day(w.days-1), day(0))
		if err != nil {
			return nil, fmt.Errorf("read usage: %w", err)
		}
		var s Sums
		for _, d := range days {
			s.Add(d.Sums)
		}
		*w.to = totals(s)
	}
	days, err := r.UsageDaily(ctx, q.Org, q.From, q.To)
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	for _, d := range days {
		u.Daily = append(u.Daily, DayRow{d.Day, totals(d.Sums)})
	}
	lists := map[Dimension]*[]UsageRow{
		DimModel: &u.ByModel, DimAgent: &u.ByAgent, DimUser: &u.ByUser, DimSession: &u.BySession,
		DimWorkload: &u.ByWorkload, DimProvider: &u.ByProvider, DimPurpose: &u.ByPurpose, DimKey: &u.ByKey,
	}
	for _, d := range Dimensions {
		if len(q.By) > 0 && !slices.Contains(q.By, d) {
			continue
		}
		top, others, rest, err := r.UsageByKey(ctx, q.Org, d, q.From, q.To, topKeys)
		if err != nil {
			return nil, fmt.Errorf("read usage by %s: %w", d, err)
		}
		rows := make([]UsageRow, 0, len(top)+1)
		for _, k := range top {
			rows = append(rows, rowOf(d, k))
		}
		if others > 0 {
			rows = append(rows, UsageRow{Other: others, Totals: totals(rest)})
		}
		*lists[d] = rows
	}
	return u, nil
}

func rowOf(d Dimension, k KeySums) UsageRow {
	row := UsageRow{Totals: totals(k.Sums)}
	if k.Key == "" {
		return row
	}
	row.Name = &k.Key
	if d == DimModel {
		for i := range len(k.Key) {
			if k.Key[i] == '/' {
				provider, model := k.Key[:i], k.Key[i+1:]
				row.Provider, row.Model = &provider, &model
				break
			}
		}
	}
	if d == DimProvider {
		row.Provider = &k.Key
	}
	return row
}

// Difference is a key whose roll-up isn't the sum of its rows.
type Difference struct {
	Dimension Dimension
	Key       string
	Rows      Sums
	Rollup    Sums
}

// Verify compares all roll-ups of an org with its rows. Where old rows were
// removed, roll-ups are larger by design.
func Verify(ctx context.Context, r Reader, org string) ([]Difference, error) {
	var out []Difference
	for _, d := range append([]Dimension{DimTotal}, Dimensions...) {
		rows, err := r.RawSums(ctx, org, d)
		if err != nil {
			return nil, fmt.Errorf("sum the rows by %s: %w", d, err)
		}
		rollups, _, _, err := r.UsageByKey(ctx, org, d, "0000-00-00", "9999-99-99", 1<<30)
		if err != nil {
			return nil, fmt.Errorf("read usage by %s: %w", d, err)
		}
		sums := map[string][2]Sums{}
		for _, k := range rows {
			sums[k.Key] = [2]Sums{k.Sums}
		}
		for _, k := range rollups {
			s := sums[k.Key]
			s[1] = k.Sums
			sums[k.Key] = s
		}
		for key, s := range sums {
			if s[0] != s[1] {
				out = append(out, Difference{d, key, s[0], s[1]})
			}
		}
	}
	return out, nil
}
