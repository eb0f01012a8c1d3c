package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/quota"
	"github.com/oidostudio/oido/internal/router"
)

// modelRow is a model at a connected provider.
type modelRow struct {
	Name       string   `json:"name" doc:"provider/model-id"`
	Provider   string   `json:"provider"`
	Model      string   `json:"model"`
	Tier       string   `json:"tier"`
	Class      *string  `json:"class" doc:"the class of requests that its tier is for"`
	Context    *int     `json:"context"`
	MaxOutput  *int     `json:"max_output"`
	In         []string `json:"in"`
	Out        []string `json:"out"`
	Tools      *bool    `json:"tools"`
	Reasoning  *bool    `json:"reasoning"`
	Structured *bool    `json:"structured_output"`
	modelRates
	Tiers       []tierRow   `json:"price_tiers" doc:"other rates for large inputs"`
	Windows     []windowRow `json:"price_windows" doc:"other rates in some hours"`
	Changes     []changeRow `json:"price_changes" doc:"other rates from a day on"`
	Free        *string     `json:"free" doc:"always: costs nothing; tier: its vendor has a free tier for it; trial: an endpoint to try it on, without a price"`
	Quota       *quotaRow   `json:"free_quota" doc:"how much is free, as far as it is known"`
	Listed      bool        `json:"listed" doc:"whether the provider's own list has it; else it is declared, or known of the catalog"`
	Available   bool        `json:"available"`
	WhyNot      *string     `json:"why_not"`
	State       *string     `json:"state" enum:"deprecated,retired" doc:"null: nothing is said of an end"`
	Ends        *string     `json:"ends"`
	Replacement *string     `json:"replacement"`
	RedirectsTo *string     `json:"redirects_to" doc:"the model that answers under the name once it has ended"`
	Warning     *string     `json:"warning" doc:"which places of the configuration name it although it has ended, left its list or ends within 30 days; null: none, or replace is off"`
}

// modelRates are prices; null is unknown.
type modelRates struct {
	Input        *string `json:"input_usd_per_million"`
	Output       *string `json:"output_usd_per_million"`
	CacheRead    *string `json:"cache_read_usd_per_million"`
	CacheWrite   *string `json:"cache_write_usd_per_million"`
	CacheWrite1h *string `json:"cache_write_1h_usd_per_million"`
}

type tierRow struct {
	Above int64 `json:"above_input_tokens"`
	modelRates
}

type windowRow struct {
	From string `json:"utc_from" doc:"HH:MM"`
	To   string `json:"utc_to" doc:"HH:MM"`
	Days string `json:"days" doc:"mon-fri, or empty for all"`
	modelRates
}

type changeRow struct {
	From string `json:"from" format:"date"`
	modelRates
}

type quotaRow struct {
	RequestsPerMinute *int64  `json:"requests_per_minute"`
	RequestsPerDay    *int64  `json:"requests_per_day"`
	TokensPerMinute   *int64  `json:"tokens_per_minute"`
	TokensPerDay      *int64  `json:"tokens_per_day"`
	Note              *string `json:"note"`
	leftRow
}

// leftRow is how much of a quota is left now; what has no known limit is null.
type leftRow struct {
	RequestsMinute *int64     `json:"requests_left_this_minute"`
	RequestsDay    *int64     `json:"requests_left_today"`
	TokensMinute   *int64     `json:"tokens_left_this_minute"`
	TokensDay      *int64     `json:"tokens_left_today"`
	Resets         *time.Time `json:"resets_at" doc:"when more is free: of today's quota, else of the minute's, or of what the provider refused"`
	Refused        bool       `json:"refused" doc:"whether the provider has refused for want of quota, until resets_at"`
	Shared         bool       `json:"shared" doc:"whether all free models of the account share it"`
	Source         *string    `json:"source" enum:"configured,catalog,learned" doc:"where the limits are from; learned: answers of the provider told at least one"`
}

// modelsInput narrows the list of models. Its conditions are strings, since no
// condition is something else than false.
type modelsInput struct {
	Names      []string `query:"name,explode" maxItems:"16" doc:"only what these names stand for, in their order: provider/model-id, a bare id at all its providers, an alias or a described name; other conditions don't count then"`
	Provider   string   `query:"provider"`
	Tier       string   `query:"tier" enum:"frontier,balanced,fast,specialist"`
	Name       string   `query:"q" doc:"only names that hold this text"`
	In         string   `query:"in" doc:"only models that read this: text, image, pdf, audio, video"`
	Out        string   `query:"out" doc:"only models that write this: text, image, audio, video; or embedding, for those that make embeddings and write nothing"`
	MinContext int      `query:"min_context" minimum:"0" doc:"only models known to take so many tokens"`
	EndsWithin int      `query:"ends_within" minimum:"0" maximum:"3650" doc:"only models known to end within so many days, or that have ended"`
	Available  string   `query:"available" enum:"true,false"`
	Free       string   `query:"free" enum:"true,false,always,tier,trial"`
	Priced     string   `query:"priced" enum:"true,false" doc:"whether the price is known"`
	Tools      string   `query:"tools" enum:"true,false" doc:"unknown is neither"`
	Reasoning  string   `query:"reasoning" enum:"true,false" doc:"unknown is neither"`
	Structured string   `query:"structured_output" enum:"true,false" doc:"unknown is neither"`
	Limit      int      `query:"limit" default:"500" minimum:"1" maximum:"1000"`
	Cursor     string   `query:"cursor" maxLength:"512"`
}

// kind says whether a model is of the kind that is listed: one that writes text,
// unless others are asked for.
func (in *modelsInput) kind(e *catalog.Entry) bool {
	return e.Generates() || in.Out == catalog.OutEmbedding && e.Gives(catalog.OutEmbedding)
}

func (in *modelsInput) passes(r *modelRow, now time.Time) bool {
	is := func(asked string, v *bool) bool { return asked == "" || v != nil && *v == (asked == "true") }
	free, priced := r.Free != nil, r.Input != nil || r.Output != nil
	freeAs := is(in.Free, &free)
	if in.Free != "true" && in.Free != "false" && in.Free != "" {
		freeAs = free && *r.Free == in.Free
	}
	ends := in.EndsWithin == 0 || !r.Available || r.Ends != nil && *r.Ends <= now.UTC().AddDate(0, 0, in.EndsWithin).Format(time.DateOnly)
	return (in.Provider == "" || in.Provider == r.Provider) && (in.Tier == "" || in.Tier == r.Tier) &&
		(in.Name == "" || strings.Contains(strings.ToLower(r.Name), strings.ToLower(in.Name))) &&
		(in.In == "" || slices.Contains(r.In, in.In)) && (in.Out == "" || slices.Contains(r.Out, in.Out)) &&
		(in.MinContext == 0 || r.Context != nil && *r.Context >= in.MinContext) && ends && freeAs &&
		is(in.Available, &r.Available) && is(in.Priced, &priced) && is(in.Tools, r.Tools) && is(in.Reasoning, r.Reasoning) && is(in.Structured, r.Structured)
}

// rowsOf are the rows of what names stand for. A model that has ended is shown
// where its provider is named.
func rowsOf(st *gateway.State, quotas *quota.Tracker, c identity.Caller, names []string, now time.Time) ([]modelRow, error) {
	rows, warn := []modelRow{}, warnings(st, c.Org, now)
	add := func(e *catalog.Entry) {
		if c.MayUseModel(e.Name()) && !slices.ContainsFunc(rows, func(r modelRow) bool { return r.Name == e.Name() }) {
			row := modelOf(st.View(), quotas, e, now)
			row.Warning = warn[e.Name()]
			rows = append(rows, row)
		}
	}
	for _, name := range names {
		if len(name) > maxModelName {
			return nil, huma.Error400BadRequest("name: too long for a model's")
		}
		account, id, _ := strings.Cut(name, "/")
		if a := st.Accounts[account]; a != nil && a.May(c.Org) {
			if e := st.View().Lookup(account, id); e != nil {
				add(e)
				continue
			}
		}
		res, err := st.Resolve(name, c.Org, now)
		if err != nil {
			return nil, huma.Error404NotFound(llm.AsError(err).Message)
		}
		before := len(rows)
		for _, cand := range res.Candidates {
			if e := st.View().Lookup(cand.Account, cand.Model); e != nil {
				add(e)
			}
		}
		if len(rows) == before && !slices.ContainsFunc(res.Candidates, func(cand router.Candidate) bool {
			return slices.ContainsFunc(rows, func(r modelRow) bool { return r.Name == cand.Name() })
		}) {
			return nil, huma.Error404NotFound("nothing is known of the model " + strconv.Quote(name))
		}
	}
	return rows, nil
}

// warnings are what an org is told of models that its configuration names and that
// end, by their names.
func warnings(st *gateway.State, org string, now time.Time) map[string]*string {
	if st.QuietEnds {
		return nil
	}
	places, says := map[string][]string{}, map[string]string{}
	for _, e := range st.Endings(org, now, router.EndsSoon) {
		places[e.Model], says[e.Model] = append(places[e.Model], e.Path), e.String()
	}
	out := map[string]*string{}
	for model, at := range places {
		text := says[model] + "; named by " + strings.Join(at[:min(len(at), maxPlaces)], ", ")
		if more := len(at) - maxPlaces; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		out[model] = &text
	}
	return out
}

// maxPlaces is how many places a warning names.
const maxPlaces = 8

func modelOf(v *catalog.View, quotas *quota.Tracker, e *catalog.Entry, now time.Time) modelRow {
	// Under a redirected name the other model's abilities and prices count.
	does := v.Answering(e, now)
	r := modelRow{
		Name: e.Name(), Provider: e.Account, Model: e.ID, Tier: string(does.Tier), Class: orNull(does.Tier.Class()), Context: known(does.Context), MaxOutput: known(does.MaxOutput),
		In: orNone(does.In), Out: orNone(does.Out), Tools: does.Caps.Tools, Reasoning: does.Caps.Reasoning, Structured: does.Caps.StructuredOutput,
		Tiers: []tierRow{}, Windows: []windowRow{}, Changes: []changeRow{},
		Free: orNull(does.Free), Quota: quotaOf(quotas, quota.Place{Account: e.Account, Model: e.ID}, does.Quota), Listed: e.Listed, Available: true,
	}
	if p := does.PriceAt(now); p != nil {
		r.modelRates = ratesOf(p)
		for _, t := range p.Tiers {
			r.Tiers = append(r.Tiers, tierRow{t.Above, ratesOf(&t.Price)})
		}
	}
	for _, w := range does.Windows {
		r.Windows = append(r.Windows, windowRow{w.From, w.To, w.Days, ratesOf(&w.Price)})
	}
	for _, f := range does.Future {
		if f.From > now.UTC().Format(time.DateOnly) {
			r.Changes = append(r.Changes, changeRow{f.From, ratesOf(&f.Price)})
		}
	}
	ended := e.Ended(now)
	if l := e.Lifecycle; l != nil {
		r.Replacement, r.RedirectsTo = orNull(l.Replacement), orNull(l.RedirectsTo)
		if ended || e.Redirected(now) || !l.Retired(now) { // else the list has it beyond the date
			r.Ends, r.State = orNull(l.Shutdown), orNull(l.State)
			switch {
			case ended || e.Redirected(now):
				r.State = orNull("retired")
			case l.Shutdown != "": // still to come
				r.State = orNull("deprecated")
			}
		}
	}
	switch {
	case ended:
		r.Available, r.WhyNot = false, orNull("it is retired")
	case e.Gone:
		r.Available, r.WhyNot = false, orNull("its provider lists it no longer")
	}
	return r
}

func ratesOf(p *catalog.Price) modelRates {
	usd := func(r *catalog.Rate) *string { return costOf((*llm.NanoUSD)(r)) }
	return modelRates{usd(p.Input), usd(p.Output), usd(p.CacheRead), usd(p.CacheWrite), usd(p.CacheWrite1h)}
}

// quotaOf is what is known of how much is free, and how much of it is left; nil:
// nothing.
func quotaOf(quotas *quota.Tracker, at quota.Place, q *catalog.Quota) *quotaRow {
	if q == nil {
		return nil
	}
	l := quotas.Left(at, q)
	r := &quotaRow{Note: orNull(q.Note), leftRow: leftRow{Shared: q.Per != catalog.PerModel, Source: orNull(string(l.Source))}}
	for _, s := range []struct {
		of          quota.Share
		limit, left **int64
	}{
		{l.RequestsMinute, &r.RequestsPerMinute, &r.RequestsMinute},
		{l.TokensMinute, &r.TokensPerMinute, &r.TokensMinute},
		{l.RequestsDay, &r.RequestsPerDay, &r.RequestsDay},
		{l.TokensDay, &r.TokensPerDay, &r.TokensDay},
	} {
		if s.of.Limit > 0 {
			at := s.of.Resets.UTC()
			*s.limit, *s.left, r.Resets = &s.of.Limit, &s.of.Left, &at
		}
	}
	if !l.Dry.IsZero() {
		until := l.Dry.UTC()
		r.Refused, r.Resets = true, &until
	}
	if r.Source == nil && r.Note == nil && !r.Refused {
		return nil
	}
	return r
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// known is a number that is unknown when it is zero.
func known[T int | int64](n T) *T {
	if n == 0 {
		return nil
	}
	return &n
}
