package httpapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/router"
)

// workloadRow is a workload with its names led to the models that they stand for now.
type workloadRow struct {
	Name       string         `json:"name"`
	Class      *string        `json:"class"`
	Prefer     string         `json:"prefer"`
	Inherit    bool           `json:"inherit" doc:"stays where the session is"`
	When       *string        `json:"when"`
	Chain      []string       `json:"chain" doc:"as configured; empty: the class's"`
	Models     []string       `json:"models" doc:"what the chain, or the class, leads to now, in order"`
	Escalate   []string       `json:"escalate" doc:"the models it moves up to"`
	EscalateOn []string       `json:"escalate_on"`
	After      int            `json:"escalate_after,omitempty" doc:"how many tool calls or steps are a tool_chain; 8 when not said"`
	Switch     []string       `json:"switch" doc:"the models that a user may name in their place"`
	TimeoutMs  int64          `json:"timeout_ms,omitzero"`
	Attempts   int            `json:"attempts,omitzero"`
	Default    bool           `json:"default" doc:"nobody configured it"`
	Lost       []exclusionRow `json:"lost" doc:"names in it that lead nowhere, and why"`
	Warnings   []string       `json:"warnings"`
}

func (m *Management) workloads(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/workloads", "list-workloads", "The workloads, and the models that they lead to now"), func(ctx context.Context, _ *struct{}) (*struct{ Body Page[workloadRow] }, error) {
		c, err := caller(ctx, identity.UseModels, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		st := m.Gateway.State()
		may := func(name string) bool {
			account, _, _ := strings.Cut(name, "/")
			a := st.Accounts[account]
			return a == nil || a.May(c.Org) && c.MayUseModel(name)
		}
		out := Page[workloadRow]{Data: []workloadRow{}}
		warnings := map[string][]string{}
		if !st.QuietEnds {
			for _, e := range st.Endings(c.Org, m.Now(), router.EndsSoon) {
				if e.Section == "workloads" {
					warnings[e.Name] = append(warnings[e.Name], e.Path+": "+e.String())
				}
			}
		}
		for _, l := range st.RoutesOf(c.Org).Led(m.Now()) {
			row := workloadOf(&l, may)
			row.Warnings = append(row.Warnings, warnings[l.Name]...)
			out.Data = append(out.Data, row)
		}
		return &struct{ Body Page[workloadRow] }{out}, nil
	})
}

// workloadOf shows a workload with those of its names that the caller may use: whom
// an account isn't for doesn't learn of it.
func workloadOf(l *router.Led, may func(string) bool) workloadRow {
	chain := []string{}
	for _, name := range l.Chain {
		if may(name) {
			chain = append(chain, name)
		}
	}
	names := func(all []router.Candidate) []string {
		out := []string{}
		for _, c := range all {
			if may(c.Name()) {
				out = append(out, c.Name())
			}
		}
		return out
	}
	row := workloadRow{
		Name: l.Name, Class: orNull(l.Class), Prefer: string(l.Prefer), Inherit: l.Inherit, Chain: chain, Models: names(l.Models),
		Escalate: names(l.Up), EscalateOn: []string{}, After: l.EscalateAfter, Switch: names(l.Other), TimeoutMs: l.Timeout.Total.Milliseconds(),
		Attempts: l.Attempts, Default: l.Default, Lost: []exclusionRow{}, Warnings: []string{},
	}
	for _, on := range l.EscalateOn {
		row.EscalateOn = append(row.EscalateOn, string(on))
	}
	if s, ok := l.When.(fmt.Stringer); ok {
		row.When = orNull(s.String())
	}
	switch {
	case len(row.Models) > 0:
	case len(l.Chain) == 0:
		row.Warnings = append(row.Warnings, "it "+router.LeadsNowhere)
	default:
		row.Warnings = append(row.Warnings, "it leads to no model: connect a provider, or name models for it in the configuration")
	}
	for _, x := range l.Lost {
		if !may(x.Name) {
			continue
		}
		row.Lost = append(row.Lost, exclusionOf(x))
		row.Warnings = append(row.Warnings, x.Name+": "+x.Sentence())
	}
	return row
}
