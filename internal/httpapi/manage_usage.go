package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
)

// UsageFilter is what both operations on usage take. It is exported, as all that
// is embedded in inputs, so that its fields are found.
type UsageFilter struct {
	Window   string `query:"window" doc:"7d, 30d or FROM,TO as YYYY-MM-DD, both included"`
	Org      string `query:"org" doc:"an operator may look at another org than the key's"`
	Model    string `query:"model" doc:"only this model, with its provider or without"`
	Provider string `query:"provider"`
	Agent    string `query:"agent"`
	User     string `query:"user"`
	Session  string `query:"session"`
	Workload string `query:"workload"`
	Purpose  string `query:"purpose"`
	Key      string `query:"key" doc:"the id of a key, not the key"`
}

type usageByInput struct {
	UsageFilter
	By string `query:"by" doc:"lists to give, separated by commas: model, agent, user, session, workload, provider, purpose, key, day; all when absent"`
}

type usageDaysInput struct {
	UsageFilter
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor string `query:"cursor" maxLength:"10"`
}

// usageDays is a list of days.
type usageDays struct {
	Page[ledger.DayRow]
	TimeZone string  `json:"time_zone"`
	RowsFrom *string `json:"rows_from,omitzero" doc:"the first day that is counted here: single turns from before are not kept"`
}

func (m *Management) usage(api huma.API) {
	huma.Register(api, op("GET", "/api/v1/usage", "usage", "What was used and what it cost"), func(ctx context.Context, in *usageByInput) (*struct{ Body *ledger.Usage }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		q, c, err := m.usageQuery(ctx, &in.UsageFilter, "7d")
		if err != nil {
			return nil, err
		}
		if q.By, err = lists(in.By, c); err != nil {
			return nil, err
		}
		u, err := ledger.ReadUsage(ctx, m.Reader, q)
		if err != nil {
			return nil, m.failed("the usage can't be read", err)
		}
		return &struct{ Body *ledger.Usage }{u}, nil
	})
	huma.Register(api, op("GET", "/api/v1/usage/daily", "usage-daily", "What was used day by day, oldest first"), func(ctx context.Context, in *usageDaysInput) (*struct{ Body usageDays }, error) {
		ctx, cancel := context.WithTimeout(ctx, queryTimeout)
		defer cancel()
		q, _, err := m.usageQuery(ctx, &in.UsageFilter, "30d")
		if err != nil {
			return nil, err
		}
		if in.Cursor != "" {
			last, err := time.Parse(time.DateOnly, in.Cursor)
			if err != nil {
				return nil, huma.Error400BadRequest("cursor: this is none of this list; begin again without one")
			}
			q.From = max(q.From, last.AddDate(0, 0, 1).Format(time.DateOnly))
		}
		out := usageDays{Page: Page[ledger.DayRow]{Data: []ledger.DayRow{}}, TimeZone: m.Zone.String()}
		if q.From > q.To {
			return &struct{ Body usageDays }{out}, nil
		}
		days, rowsFrom, err := ledger.ReadDays(ctx, m.Reader, q)
		if err != nil {
			return nil, m.failed("the usage can't be read", err)
		}
		if len(days) > in.Limit {
			days = days[:in.Limit]
			out.Next = &days[in.Limit-1].Date
		}
		out.Data, out.RowsFrom = append(out.Data, days...), rowsFrom
		return &struct{ Body usageDays }{out}, nil
	})
}

// usageQuery reads who asks for what. Who may only see their own work gets that.
func (m *Management) usageQuery(ctx context.Context, in *UsageFilter, window string) (q ledger.Query, c identity.Caller, err error) {
	c, err = caller(ctx, identity.SeeOrgUsage, identity.SeeOwnWork)
	if err != nil {
		return q, c, err
	}
	now := m.Now()
	q = ledger.Query{Zone: m.Zone, Now: now, RowDays: m.RowDays, Filter: ledger.Filter{}}
	if q.Org, err = orgOf(c, in.Org); err != nil {
		return q, c, err
	}
	if !c.Role.May(identity.SeeOrgUsage) {
		if in.User, err = ownOnly(c, in.User); err != nil {
			return q, c, err
		}
	}
	if in.Key != "" && !seesKeys(c) {
		return q, c, huma.Error403Forbidden("key: a key of role " + string(c.Role) + " may not see keys")
	}
	for d, name := range map[ledger.Dimension]string{
		ledger.DimModel: in.Model, ledger.DimProvider: in.Provider, ledger.DimAgent: in.Agent, ledger.DimUser: in.User,
		ledger.DimSession: in.Session, ledger.DimWorkload: in.Workload, ledger.DimPurpose: in.Purpose, ledger.DimKey: in.Key,
	} {
		if name != "" {
			q.Filter[d] = name
		}
	}
	if in.Window != "" {
		window = in.Window
	}
	if q.From, q.To, err = days(window, now.In(m.Zone)); err != nil {
		return q, c, huma.Error400BadRequest(err.Error())
	}
	return q, c, nil
}

// lists reads which lists are asked for.
func lists(by string, c identity.Caller) ([]ledger.Dimension, error) {
	if by == "" {
		if seesKeys(c) {
			return ledger.Dimensions, nil
		}
		return slices.DeleteFunc(slices.Clone(ledger.Dimensions), func(d ledger.Dimension) bool { return d == ledger.DimKey }), nil
	}
	var out []ledger.Dimension
	for name := range strings.SplitSeq(by, ",") {
		d := ledger.Dimension(strings.TrimSpace(name))
		switch {
		case d == "day": // the days are always there
		case !slices.Contains(ledger.Dimensions, d):
			return nil, huma.Error400BadRequest("by: there is no list of that name; use model, agent, user, session, workload, provider, purpose, key or day")
		case d == ledger.DimKey && !seesKeys(c):
			return nil, huma.Error403Forbidden("by: a key of role " + string(c.Role) + " may not see keys")
		default:
			out = append(out, d)
		}
	}
	return out, nil
}

// seesKeys says whether usage by key is for the caller.
func seesKeys(c identity.Caller) bool {
	return c.Role.May(identity.ManageOrg) || c.Role.May(identity.ManageOwnKeys)
}

// orgOf is the org that a request is about: the key's, unless an operator says
// another.
func orgOf(c identity.Caller, asked string) (string, error) {
	if asked == "" || asked == c.Org {
		return c.Org, nil
	}
	if !c.Role.May(identity.Operate) {
		return "", huma.Error403Forbidden("org: only an operator's key may look at another org")
	}
	return asked, nil
}

// ownOnly is the user of a request by a caller that sees its own work alone.
func ownOnly(c identity.Caller, asked string) (string, error) {
	if asked == "" || asked == c.User {
		return c.User, nil
	}
	return "", huma.Error403Forbidden("user: a key of role " + string(c.Role) + " sees its own user's work alone")
}

// maxWindow is how many days an answer may list.
const maxWindow = 3660

// days reads what span of days is asked for.
func days(s string, now time.Time) (from, to string, err error) {
	today := now.Format(time.DateOnly)
	switch s {
	case "7d":
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
	if b.Sub(a) >= maxWindow*24*time.Hour {
		return "", "", fmt.Errorf("window: at most %d days", maxWindow)
	}
	return from, to, nil
}
