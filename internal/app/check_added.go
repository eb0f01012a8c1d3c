package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/policy"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

// AddedNames are the names of the accounts that were added while a gateway served
// on a configuration's data folder.
func AddedNames(ctx context.Context, cfg *config.Config) ([]string, error) {
	rows, err := sqlite.InspectAccounts(ctx, cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("read the accounts that were added: %w", err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, r.Name)
	}
	return out, nil
}

// CheckInstallation tries the providers of a configuration as CheckProviders does,
// and after them the accounts that were added. It changes nothing in the data
// folder, on which a gateway may be serving.
func CheckInstallation(ctx context.Context, cfg *config.Config, o CheckOptions) func(func(Check) bool) {
	return func(yield func(Check) bool) {
		clocked := false
		pass := func(checks func(func(Check) bool)) bool {
			for c := range checks {
				if c.Step == stepClock {
					if clocked {
						continue
					}
					clocked = true
				}
				if !yield(c) {
					return false
				}
			}
			return true
		}
		entries, err := sqlite.InspectRouting(ctx, cfg.DataDir)
		if err != nil {
			yield(Check{What: "added aliases, classes and workloads", Says: err.Error(), Err: err})
			return
		}
		with := o
		with.orgs = policy.Lay(cfg, entries)
		if !pass(CheckProviders(ctx, cfg, with)) {
			return
		}
		added, err := addedTo(ctx, cfg)
		if err != nil {
			yield(Check{What: "added providers", Says: err.Error(), Err: err})
			return
		}
		for _, st := range added {
			if o.Only == "" || o.Only == st.Name {
				if !pass(checkAdded(ctx, cfg, st, o)) {
					return
				}
			}
		}
	}
}

// addedTo are the accounts that were added to what a configuration serves.
func addedTo(ctx context.Context, cfg *config.Config) ([]stored, error) {
	rows, err := sqlite.InspectAccounts(ctx, cfg.DataDir)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	secret, err := seal.Kept(cfg.SecretKey.Reveal(), cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("the secret that their keys are sealed with can't be read: %w; run this with the server's secret_key, as the user that it runs as", err)
	}
	keys, err := seal.New(secret, sealedKeys)
	if err != nil {
		return nil, err
	}
	var out []stored
	for _, o := range provider.OpenAll(rows, keys) {
		st, c := admit(cfg, nil, o, time.Now)
		if c != nil {
			c.account.Close()
		}
		out = append(out, st)
	}
	return out, nil
}

// checkAdded tries one account that was added, under the bounds that it has where
// it serves.
func checkAdded(ctx context.Context, cfg *config.Config, st stored, o CheckOptions) func(func(Check) bool) {
	if st.off != "" {
		c := Check{What: "provider " + st.Name, Step: "account", Says: "was added and is off: " + st.off, Err: fmt.Errorf("it is off")}
		return slices.Values([]Check{c})
	}
	one := *cfg
	one.Providers, one.ProvidersFromEnv = config.Named[config.Provider]{{Name: st.Name, Value: st.options}}, false
	o.public = st.Org != ""
	return CheckProviders(ctx, &one, o)
}
