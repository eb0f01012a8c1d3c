package httpapi

import (
	"context"
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
	Free        *string  `json:"free"`
	Available   bool     `json:"available"`
	WhyNot      *string  `json:"why_not"`
	Ends        *string  `json:"ends"`
	Replacement *string  `json:"replacement"`
}

func (m *Management) models(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/models", "list-models", "The models of the connected providers"), func(ctx context.Context, _ *struct{}) (*struct{ Body Page[modelRow] }, error) {
		c, err := caller(ctx, identity.UseModels, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		st, now := m.Gateway.State(), m.Now()
		out := Page[modelRow]{Data: []modelRow{}}
		for _, e := range st.View.All() {
			if a := st.Accounts[e.Account]; a != nil && a.May(c.Org) && e.Generates() {
				out.Data = append(out.Data, modelOf(e, now))
			}
		}
		return &struct{ Body Page[modelRow] }{out}, nil
	})
}

func modelOf(e *catalog.Entry, now time.Time) modelRow {
	r := modelRow{
		Name: e.Name(), Provider: e.Account, Model: e.ID, Tier: string(e.Tier), Context: known(e.Context), MaxOutput: known(e.MaxOutput),
		In: e.In, Tools: e.Caps.Tools, Reasoning: e.Caps.Reasoning, Free: orNull(e.Free), Available: true,
	}
	if r.In == nil {
		r.In = []string{}
	}
	if p := e.PriceAt(now); p != nil {
		r.Input, r.Output = costOf((*llm.NanoUSD)(p.Input)), costOf((*llm.NanoUSD)(p.Output))
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
		for name := range st.Accounts {
			if count[name] == 0 {
				order = append(order, name)
			}
		}
		out := Page[providerRow]{Data: []providerRow{}}
		for _, name := range order {
			a := st.Accounts[name]
			if a == nil || !a.May(c.Org) {
				continue
			}
			at, problem := m.Lists(name)
			row := providerRow{Name: name, Type: a.Profile.Type, Problem: orNull(problem), Models: count[name]}
			if !at.IsZero() {
				row.ListedAt = &at
			}
			out.Data = append(out.Data, row)
		}
		return &struct{ Body Page[providerRow] }{out}, nil
	})
}
