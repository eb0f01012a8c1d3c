package httpapi

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
)

func (m *Management) models(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/models", "list-models", "The models of the connected providers"), func(ctx context.Context, in *modelsInput) (*struct{ Body Page[modelRow] }, error) {
		c, err := caller(ctx, identity.UseModels, identity.SeeOrgUsage)
		if err != nil {
			return nil, err
		}
		st, now := m.Gateway.State(), m.Now()
		if len(in.Names) > 0 {
			rows, err := rowsOf(st, m.Gateway.Quotas, c, in.Names, now)
			if err != nil {
				return nil, err
			}
			return &struct{ Body Page[modelRow] }{Page[modelRow]{Data: rows}}, nil
		}
		out := Page[modelRow]{Data: []modelRow{}}
		begun := in.Cursor == ""
		warn := warnings(st, c.Org, now)
		for _, e := range st.View().All() {
			if !begun {
				begun = e.Name() == in.Cursor
				continue
			}
			a := st.Accounts[e.Account]
			if a == nil || !a.May(c.Org) || !in.kind(e) || !c.MayUseModel(e.Name()) {
				continue
			}
			row := modelOf(st.View(), m.Gateway.Quotas, e, now)
			row.Warning = warn[row.Name]
			if !in.passes(&row, now) {
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
		for _, e := range st.View().All() {
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
