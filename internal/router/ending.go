package router

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
)

// Ending is a model that an alias names and that has ended, or soon will.
type Ending struct {
	Alias, Target string
	// Ends is the day, YYYY-MM-DD; "" when the model has ended, which Why says.
	Ends, Why   string
	Replacement string // "" when none is named
}

// Endings says which of the policy's own names lead to models that have ended or
// will before a time has passed, by alias.
func (p Policy) Endings(view *catalog.View, now time.Time, within time.Duration) []Ending {
	plain := p
	plain.Aliases, plain.Replace = nil, false
	limit := now.Add(within).UTC().Format(time.DateOnly)
	var out []Ending
	for alias, chain := range p.Aliases {
		for _, target := range chain {
			res, err := Resolve(target, plain, view, now)
			if errors.Is(err, ErrRetired) {
				out = append(out, Ending{Alias: alias, Target: target, Why: llm.AsError(err).Message})
			}
			for _, c := range res.Candidates {
				m := view.Lookup(c.Account, c.Model)
				if m == nil || m.Lifecycle == nil || m.Lifecycle.Shutdown == "" || m.Lifecycle.Retired(now) || m.Lifecycle.Shutdown > limit {
					continue
				}
				out = append(out, Ending{Alias: alias, Target: c.Name(), Ends: m.Lifecycle.Shutdown, Replacement: m.Lifecycle.Replacement})
			}
		}
	}
	slices.SortFunc(out, func(a, b Ending) int { return cmp.Or(cmp.Compare(a.Alias, b.Alias), cmp.Compare(a.Target, b.Target)) })
	return out
}
