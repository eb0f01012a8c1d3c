package httpapi

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
)

// modelRow is a model at a connected provider.
type modelRow struct {
	Name        string   `json:"name" doc:"provider/model-id"`
	Provider    string   `json:"provider"`
	Model       string   `json:"model"`
	Tier        string   `json:"tier"`
	Context     *int     `json:"context"`
	MaxOutput   *int     `json:"max_output"`
	In          []string `json:"in"`
	Tools       *bool    `json:"tools"`
	Reasoning   *bool    `json:"reasoning"`
	Input       *string  `json:"input_usd_per_million"`
	Output      *string  `json:"output_usd_per_million"`
	CacheRead   *string  `json:"cache_read_usd_per_million"`
	CacheWrite  *string  `json:"cache_write_usd_per_million"`
	Free        *string  `json:"free"`
	Listed      bool     `json:"listed" doc:"whether the provider's own list has it; else it is declared, or known of the catalog"`
	Available   bool     `json:"available"`
	WhyNot      *string  `json:"why_not"`
	Ends        *string  `json:"ends"`
	Replacement *string  `json:"replacement"`
}

// modelsInput narrows the list of models. Its conditions are strings, since no
// condition is something else than false.
type modelsInput struct {
	Provider   string `query:"provider"`
	Tier       string `query:"tier" enum:"frontier,balanced,fast,specialist"`
	Name       string `query:"q" doc:"only names that hold this text"`
	In         string `query:"in" doc:"only models that read this: text, image, pdf, audio, video"`
	MinContext int    `query:"min_context" minimum:"0" doc:"only models known to take so many tokens"`
	Available  string `query:"available" enum:"true,false"`
	Free       string `query:"free" enum:"true,false"`
	Priced     string `query:"priced" enum:"true,false" doc:"whether the price is known"`
	Tools      string `query:"tools" enum:"true,false" doc:"unknown is neither"`
	Reasoning  string `query:"reasoning" enum:"true,false" doc:"unknown is neither"`
	Limit      int    `query:"limit" default:"500" minimum:"1" maximum:"1000"`
	Cursor     string `query:"cursor" maxLength:"512"`
}

func (in *modelsInput) passes(r *modelRow) bool {
	is := func(asked string, v *bool) bool { return asked == "" || v != nil && *v == (asked == "true") }
	free, priced := r.Free != nil, r.Input != nil || r.Output != nil
	return (in.Provider == "" || in.Provider == r.Provider) && (in.Tier == "" || in.Tier == r.Tier) &&
		(in.Name == "" || strings.Contains(strings.ToLower(r.Name), strings.ToLower(in.Name))) && (in.In == "" || slices.Contains(r.In, in.In)) &&
		(in.MinContext == 0 || r.Context != nil && *r.Context >= in.MinContext) &&
		is(in.Available, &r.Available) && is(in.Free, &free) && is(in.Priced, &priced) && is(in.Tools, r.Tools) && is(in.Reasoning, r.Reasoning)
}

func (m *Management) models(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/models", "list-models", "The models of the connected providers"), func(ctx context.Context, in *modelsInput) (*struct{ Body Page[modelRow] }, error) {
		c, err := caller(ctx, identity.UseModels, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		st, now := m.Gateway.State(), m.Now()
		out := Page[modelRow]{Data: []modelRow{}}
		begun := in.Cursor == ""
		for _, e := range st.View.All() {
			if !begun {
				begun = e.Name() == in.Cursor
				continue
			}
			a := st.Accounts[e.Account]
			if a == nil || !a.May(c.Org) || !e.Generates() || !c.MayUseModel(e.Name()) {
				continue
			}
			row := modelOf(e, now)
			if !in.passes(&row) {
				continue
			}
			if len(out.Data) == in.Limit {
				out.Next = &out.Data[in.Limit-1].Name
				break
			}
			out.Data = append(out.Data, row)
		}
		if !begun {
			return nil, huma.Error400BadRequest("cursor: the list has changed since; begin again without one")
		}
		return &struct{ Body Page[modelRow] }{out}, nil
	})
}

func modelOf(e *catalog.Entry, now time.Time) modelRow {
	r := modelRow{
		Name: e.Name(), Provider: e.Account, Model: e.ID, Tier: string(e.Tier), Context: known(e.Context), MaxOutput: known(e.MaxOutput),
		In: e.In, Tools: e.Caps.Tools, Reasoning: e.Caps.Reasoning, Free: orNull(e.Free), Listed: e.Listed, Available: true,
	}
	if r.In == nil {
		r.In = []string{}
	}
	if p := e.PriceAt(now); p != nil {
		r.Input, r.Output = costOf((*llm.NanoUSD)(p.Input)), costOf((*llm.NanoUSD)(p.Output))
		r.CacheRead, r.CacheWrite = costOf((*llm.NanoUSD)(p.CacheRead)), costOf((*llm.NanoUSD)(p.CacheWrite))
	}
	if l := e.Lifecycle; l != nil {
		r.Ends, r.Replacement = orNull(l.Shutdown), orNull(l.Replacement)
	}
	switch {
	case e.Lifecycle.Retired(now):
		r.Available, r.WhyNot = false, orNull("it is retired")
	case e.Gone:
		r.Available, r.WhyNot = false, orNull("its provider lists it no longer")
	}
	return r
}

func known(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// providerRow is a connected account.
type providerRow struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	ListedAt *time.Time `json:"models_listed_at"`
	Problem  *string    `json:"problem"`
	Models   int        `json:"models"`
	Added    bool       `json:"added" doc:"whether it was added by API; else it is of the configuration or the environment"`
}

func (m *Management) providers(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/providers", "list-providers", "The connected providers"), func(ctx context.Context, _ *struct{}) (*struct{ Body Page[providerRow] }, error) {
		c, err := caller(ctx, identity.ManageOrg)
		if err != nil {
			return nil, err
		}
		st := m.Gateway.State()
		count := map[string]int{}
		var order []string
		for _, e := range st.View.All() {
			if count[e.Account] == 0 {
				order = append(order, e.Account)
			}
			count[e.Account]++
		}
		for _, name := range slices.Sorted(maps.Keys(st.Accounts)) {
			if count[name] == 0 {
				order = append(order, name)
			}
		}
		added := map[string]bool{}
		clash := map[string]bool{}
		var off []providerRow
		for _, a := range m.storedAccounts() {
			if added[a.Name], clash[a.Name] = !a.Clash, a.Clash; a.Off != "" && !a.Clash && (a.Org == c.Org || c.Role.May(identity.Operate)) {
				off = append(off, providerRow{Name: a.Name, Type: a.Type, Problem: orNull("off: " + a.Off), Added: true})
			}
		}
		out := Page[providerRow]{Data: []providerRow{}}
		for _, name := range order {
			a := st.Accounts[name]
			if a == nil || !a.May(c.Org) && !c.Role.May(identity.Operate) {
				continue
			}
			at, problem := m.Lists(name)
			if problem == "" && clash[name] {
				problem = "another account of this name was added by API; that of the configuration is used"
			}
			row := providerRow{Added: added[name], Name: name, Type: a.Profile.Type, Problem: orNull(problem), Models: count[name]}
			if !at.IsZero() {
				row.ListedAt = &at
			}
			out.Data = append(out.Data, row)
		}
		out.Data = append(out.Data, off...)
		return &struct{ Body Page[providerRow] }{out}, nil
	})
}

func (m *Management) storedAccounts() []StoredAccount {
	if m.Accounts == nil {
		return nil
	}
	return m.Accounts.Stored()
}
