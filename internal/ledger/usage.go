package ledger

import (
	"context"
	"fmt"
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

// TimeSums are the sums of a short time.
type TimeSums struct {
	From time.Time
	Sums Sums
}

// Reader reads what the writer wrote. Every method reads one org alone.
type Reader interface {
	// UsageByKey sums a dimension over days from–to (inclusive) from the
	// roll-ups, largest total first; at most limit keys, and the sums of all the
	// others with how many. only narrows it to one key; "" doesn't.
	UsageByKey(ctx context.Context, org string, d Dimension, only, from, to string, limit int) (top []KeySums, others int, rest Sums, err error)
	// UsageDaily sums each day that has any from the roll-ups of one key; that of
	// DimTotal is "".
	UsageDaily(ctx context.Context, org string, d Dimension, key, from, to string) ([]DaySums, error)
	// RowsByKey is UsageByKey from the single turns that started in [from, to)
	// and pass a filter, as far as they are still kept.
	RowsByKey(ctx context.Context, org string, d Dimension, f Filter, from, to time.Time, limit int) (top []KeySums, others int, rest Sums, err error)
	// RowsByTime sums those turns by when they started, in steps so small that
	// each lies in one day of every time zone; in order.
	RowsByTime(ctx context.Context, org string, f Filter, from, to time.Time) ([]TimeSums, error)
	// Turns lists turns, newest first, that come after the cursor. Cursors are
	// ids of turns, whose order is that in which turns started.
	Turns(ctx context.Context, org string, f TurnFilter) ([]Turn, error)
	// Turn returns one turn with its attempts; nil when there is none.
	Turn(ctx context.Context, org, id string) (*Turn, error)
	// Sessions lists sessions, those used last first.
	Sessions(ctx context.Context, org string, f SessionFilter) ([]Session, error)
	// Session returns one session; nil when there is none.
	Session(ctx context.Context, org, id string) (*Session, error)
	// RawSums sums the rows of a dimension, for comparison with the roll-ups.
	RawSums(ctx context.Context, org string, d Dimension) ([]KeySums, error)
}

// Filter narrows usage to one key of each dimension that is in it. A model may
// be said with its provider or without. Where it names a model or a provider,
// tokens and cost count where they were spent, and turns where the answer came
// from.
type Filter map[Dimension]string

// TurnFilter narrows a list of turns; zero fields don't.
type TurnFilter struct {
	Before   string // id of the turn that the page before ended with
	Limit    int
	From, To time.Time // started in [From, To)

	User, Agent, Session, Workload, Purpose, Model, Provider, Status, Key string
}

// Passes says whether a turn is among those that a filter asks for; where the
// page begins is no part of that.
func (f *TurnFilter) Passes(t *Turn) bool {
	var provider, model string
	if a := t.Answered(); a != nil {
		provider, model = a.Provider, a.Model
	}
	for _, c := range [...][2]string{
		{f.User, t.User},
		{f.Agent, t.Agent},
		{f.Session, t.Session},
		{f.Workload, t.Workload},
		{f.Purpose, t.Purpose},
		{f.Provider, provider},
		{f.Status, string(t.Status)},
		{f.Key, t.Key},
	} {
		if c[0] != "" && c[0] != c[1] {
			return false
		}
	}
	if f.Model != "" && f.Model != model && f.Model != provider+"/"+model {
		return false
	}
	return (f.From.IsZero() || !t.Started.Before(f.From)) && (f.To.IsZero() || t.Started.Before(f.To))
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
		rollups, _, _, err := r.UsageByKey(ctx, org, d, "", "0000-00-00", "9999-99-99", 1<<30)
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
