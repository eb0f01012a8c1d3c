package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Usage is the answer of the usage API, in its shape.
type Usage struct {
	Last7      Totals     `json:"last_7_days"`
	Last30     Totals     `json:"last_30_days"`
	Totals     Totals     `json:"totals" doc:"of the asked window"`
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
	// RowsFrom is set where the filters had to be answered from single turns,
	// which are not kept for ever, and the windows reach back further.
	RowsFrom *string `json:"rows_from,omitzero" doc:"the first day that is counted here: single turns from before are not kept"`
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
	CostUSD            string `json:"cost_usd" doc:"the known part"`
	UnknownCostTurns   int64  `json:"unknown_cost_turns" doc:"turns of which at least a part could not be priced"`
}

// UsageRow is one key of a list: its Name, null for work without one, and the
// same under the list's own word; a model's row names its provider, too. Other
// is instead how many keys did not get a row of their own.
type UsageRow struct {
	Name     *string  `json:"name"`
	Model    *string  `json:"model,omitzero"`
	Provider *string  `json:"provider,omitzero"`
	Agent    **string `json:"agent,omitzero"`
	User     **string `json:"user,omitzero"`
	Session  **string `json:"session,omitzero"`
	Workload **string `json:"workload,omitzero"`
	Purpose  **string `json:"purpose,omitzero"`
	Key      **string `json:"key,omitzero"`
	Other    int      `json:"other,omitzero"`
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
	From, To string      // YYYY-MM-DD, inclusive
	By       []Dimension // the lists to give
	Filter   Filter
	Zone     *time.Location
	Now      time.Time
	RowDays  int // for how many days single turns are kept; 0: for ever
}

// rollup returns the one dimension by which a query can be answered from the
// roll-ups, and its key; false: single turns must be read.
func (q *Query) rollup() (Dimension, string, bool) {
	switch len(q.Filter) {
	case 0:
		return DimTotal, "", true
	case 1:
		for d, key := range q.Filter {
			other := func(by Dimension) bool { return by != d }
			return d, key, !slices.ContainsFunc(q.By, other)
		}
	}
	return "", "", false
}

// rowsFrom is the first day of which all single turns are there.
func (q *Query) rowsFrom() string {
	if q.RowDays <= 0 {
		return ""
	}
	return q.Now.In(q.Zone).AddDate(0, 0, 1-q.RowDays).Format(time.DateOnly)
}

// ReadUsage answers a query: from the roll-ups where they can, from single turns
// where a filter crosses dimensions.
func ReadUsage(ctx context.Context, r Reader, q Query) (*Usage, error) {
	today := q.Now.In(q.Zone)
	day := func(ago int) string { return today.AddDate(0, 0, -ago).Format(time.DateOnly) }
	u := &Usage{AsOf: q.Now.UTC().Truncate(time.Second), TimeZone: q.Zone.String(), From: q.From, To: q.To}
	days, rowsFrom, err := readDays(ctx, r, &q, min(q.From, day(29)), max(q.To, day(0)))
	if err != nil {
		return nil, err
	}
	u.RowsFrom = rowsFrom
	for _, w := range []struct {
		from, to string
		days     *[]DayRow
		totals   *Totals
	}{{q.From, q.To, &u.Daily, &u.Totals}, {day(6), day(0), new([]DayRow), &u.Last7}, {day(29), day(0), new([]DayRow), &u.Last30}} {
		if *w.days, *w.totals, err = between(days, w.from, w.to, rowsFrom); err != nil {
			return nil, err
		}
	}
	lists := map[Dimension]*[]UsageRow{
		DimModel: &u.ByModel, DimAgent: &u.ByAgent, DimUser: &u.ByUser, DimSession: &u.BySession,
		DimWorkload: &u.ByWorkload, DimProvider: &u.ByProvider, DimPurpose: &u.ByPurpose, DimKey: &u.ByKey,
	}
	for _, d := range Dimensions {
		if !slices.Contains(q.By, d) {
			continue
		}
		top, others, rest, err := readKeys(ctx, r, &q, d)
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

// ReadDays answers a query day by day, oldest first; rowsFrom is as in Usage.
func ReadDays(ctx context.Context, r Reader, q Query) (days []DayRow, rowsFrom *string, err error) {
	sums, rowsFrom, err := readDays(ctx, r, &q, q.From, q.To)
	if err != nil {
		return nil, nil, err
	}
	days, _, err = between(sums, q.From, q.To, rowsFrom)
	return days, rowsFrom, err
}

func readDays(ctx context.Context, r Reader, q *Query, from, to string) (days []DaySums, rowsFrom *string, err error) {
	if d, key, ok := q.rollup(); ok {
		if days, err = r.UsageDaily(ctx, q.Org, d, key, from, to); err != nil {
			return nil, nil, fmt.Errorf("read usage: %w", err)
		}
		return days, nil, nil
	}
	if first := q.rowsFrom(); from < first {
		from, rowsFrom = first, &first
	}
	begin, end, err := Span(from, to, q.Zone)
	if err != nil {
		return nil, nil, err
	}
	steps, err := r.RowsByTime(ctx, q.Org, q.Filter, begin, end)
	if err != nil {
		return nil, nil, fmt.Errorf("read usage: %w", err)
	}
	for _, s := range steps {
		day := s.From.In(q.Zone).Format(time.DateOnly)
		if len(days) == 0 || days[len(days)-1].Day != day {
			days = append(days, DaySums{Day: day})
		}
		days[len(days)-1].Sums.Add(s.Sums)
	}
	return days, rowsFrom, nil
}

func readKeys(ctx context.Context, r Reader, q *Query, d Dimension) (top []KeySums, others int, rest Sums, err error) {
	if _, key, ok := q.rollup(); ok {
		return r.UsageByKey(ctx, q.Org, d, key, q.From, q.To, topKeys)
	}
	begin, end, err := Span(max(q.From, q.rowsFrom()), q.To, q.Zone)
	if err != nil {
		return nil, 0, rest, err
	}
	return r.RowsByKey(ctx, q.Org, d, q.Filter, begin, end, topKeys)
}

// Span is the time from the beginning of a day to the end of another, both
// YYYY-MM-DD in a time zone.
func Span(from, to string, zone *time.Location) (begin, end time.Time, err error) {
	if begin, err = time.ParseInLocation(time.DateOnly, from, zone); err != nil {
		return begin, end, fmt.Errorf("a window from %q: %w", from, err)
	}
	if end, err = time.ParseInLocation(time.DateOnly, to, zone); err != nil {
		return begin, end, fmt.Errorf("a window to %q: %w", to, err)
	}
	return begin, end.AddDate(0, 0, 1), nil
}

// between lists the days from–to (inclusive), those without any turn included,
// and sums them. What is before first, if that is set, isn't known and not there.
func between(sums []DaySums, from, to string, first *string) ([]DayRow, Totals, error) {
	if first != nil {
		from = max(from, *first)
	}
	rows, all := []DayRow{}, Sums{}
	if from > to {
		return rows, totals(all), nil
	}
	at, end, err := Span(from, to, time.UTC)
	if err != nil {
		return nil, Totals{}, err
	}
	for ; at.Before(end); at = at.AddDate(0, 0, 1) {
		day := at.Format(time.DateOnly)
		for len(sums) > 0 && sums[0].Day < day {
			sums = sums[1:]
		}
		var s Sums
		if len(sums) > 0 && sums[0].Day == day {
			s = sums[0].Sums
		}
		rows = append(rows, DayRow{day, totals(s)})
		all.Add(s)
	}
	return rows, totals(all), nil
}

func rowOf(d Dimension, k KeySums) UsageRow {
	row := UsageRow{Totals: totals(k.Sums)}
	if k.Key != "" {
		row.Name = &k.Key
	}
	switch d {
	case DimModel:
		if provider, model, ok := strings.Cut(k.Key, "/"); ok {
			row.Provider, row.Model = &provider, &model
		}
	case DimProvider:
		row.Provider = row.Name
	case DimAgent:
		row.Agent = &row.Name
	case DimUser:
		row.User = &row.Name
	case DimSession:
		row.Session = &row.Name
	case DimWorkload:
		row.Workload = &row.Name
	case DimPurpose:
		row.Purpose = &row.Name
	case DimKey:
		row.Key = &row.Name
	}
	return row
}
