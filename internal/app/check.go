package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/provider"
)

// Check is how one provider does.
type Check struct {
	Provider string
	Says     string // for people
	Err      error  // nil when it is well
}

// CheckProviders tries the address, the key and the model list of every provider
// of a configuration, one after the other.
func CheckProviders(ctx context.Context, cfg *config.Config) func(func(Check) bool) {
	return func(yield func(Check) bool) {
		accounts, err := connect(cfg, time.Now)
		if err != nil {
			yield(Check{Provider: "(configuration)", Says: err.Error(), Err: err})
			return
		}
		for _, c := range accounts {
			ok := yield(check(ctx, c.account))
			c.account.Close()
			if !ok {
				return
			}
		}
	}
}

func check(ctx context.Context, a *provider.Account) Check {
	r := provider.NewRefresher([]*provider.Account{a}, listers(), nil, slog.New(slog.DiscardHandler), func() {})
	start := time.Now()
	out := Check{Provider: a.Name, Err: r.Refresh(ctx, a)}
	took := time.Since(start).Round(time.Millisecond)
	if out.Err != nil {
		out.Says = fmt.Sprintf("its model list can't be read (%v): %v", took, out.Err)
		return out
	}
	out.Says = fmt.Sprintf("its key is good, its list has %d models (%v)", len(r.List(a.Name).Models), took)
	return out
}
