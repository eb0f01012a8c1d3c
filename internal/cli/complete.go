package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/ledger"
)

// complete gives flags and arguments the values that a shell offers for them:
// those that are fixed, and names that the running gateway knows. With no gateway
// or no key there are none of the latter, and no message either.
func complete(root *cobra.Command) {
	fixed := map[string][]string{
		"window": {"7d", "30d"},
		"status": {"ok", "error", "cut", "canceled", "interrupted"},
		"tier":   {"frontier", "balanced", "fast", "specialist"},
		"in":     {"text", "image", "pdf", "audio", "video"},
		"out":    {"text", "image", "audio", "video", "embedding"},
		"free":   {"true", "always", "tier", "trial"},
	}
	for _, s := range config.Scalars() {
		switch {
		case len(s.Enum) > 0:
			fixed[s.Flag] = s.Enum
		case s.Bool:
			fixed[s.Flag] = []string{"true", "false"}
		}
	}
	known := map[string]ledger.Dimension{
		"agent": ledger.DimAgent, "user": ledger.DimUser, "session": ledger.DimSession, "workload": ledger.DimWorkload,
		"purpose": ledger.DimPurpose, "key-id": ledger.DimKey,
	}
	each(root, func(c *cobra.Command) {
		offer := func(flag string, f cobra.CompletionFunc) {
			if c.Flags().Lookup(flag) != nil {
				// The error is that the flag has one already, or isn't there.
				_ = c.RegisterFlagCompletionFunc(flag, f)
			}
		}
		for flag, values := range fixed {
			offer(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
		offer("by", completeList(usageLists))
		offer("data-dir", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		})
		if c.Flags().Lookup("server") == nil {
			return
		}
		offer("model", completeModels)
		offer("provider", completeProviders)
		for flag, d := range known {
			offer(flag, completeUsed(d))
		}
		for _, flag := range []string{"server", "key", "limit", "min-context", "ending", "org"} {
			offer(flag, cobra.NoFileCompletions)
		}
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
	})
}

// each calls f for a command and all below it.
func each(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, child := range c.Commands() {
		each(child, f)
	}
}

// completeList completes a list that is separated by commas.
func completeList(values []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := ""
		if i := strings.LastIndexByte(typed, ','); i >= 0 {
			before = typed[:i+1]
		}
		chosen := strings.Split(before, ",")
		var out []string
		for _, v := range values {
			if !slices.Contains(chosen, v) {
				out = append(out, before+v)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// ask reads an answer of the gateway that the command line names so far.
func ask[T any](c *cobra.Command, path string) (v T, ok bool) {
	var r remote
	r.url, _ = c.Flags().GetString("server")
	r.key, _ = c.Flags().GetString("key")
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	raw, err := r.get(ctx, path)
	if err != nil {
		return v, false
	}
	return v, json.Unmarshal(raw, &v) == nil
}

func completeModels(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	list, _ := ask[listOf[shownModel]](c, "/api/v1/models?"+query(map[string]string{"available": "true", "q": typed, "limit": "1000"}))
	var out []string
	for _, m := range list.Data {
		out = append(out, m.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeProviders takes the names from the models, which every key may list.
func completeProviders(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	list, ok := ask[listOf[shownProvider]](c, "/api/v1/providers")
	var out []string
	for _, p := range list.Data {
		out = append(out, p.Name)
	}
	if !ok {
		models, _ := ask[listOf[struct {
			Provider string `json:"provider"`
		}]](c, "/api/v1/models?limit=1000")
		for _, m := range models.Data {
			if !slices.Contains(out, m.Provider) {
				out = append(out, m.Provider)
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeTurns offers the newest turns.
func completeTurns(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, _ := ask[listOf[shownTurn]](c, "/api/v1/turns?limit=20")
	var out []string
	for _, t := range list.Data {
		out = append(out, t.ID)
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func completeWorkloads(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	list, _ := ask[listOf[shownWorkload]](c, "/api/v1/workloads")
	var out []string
	for _, w := range list.Data {
		out = append(out, w.Name)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeUsed offers names that turns of the last 30 days carry.
func completeUsed(d ledger.Dimension) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		u, _ := ask[ledger.Usage](c, "/api/v1/usage?"+query(map[string]string{"window": "30d", "by": string(d)}))
		var out []string
		for _, list := range listsOf(string(d), &u) {
			for _, row := range list.rows {
				if row.Name != nil {
					out = append(out, *row.Name)
				}
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
