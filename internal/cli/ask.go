package cli

import (
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/ledger"
)

func usage() *cobra.Command {
	var r remote
	var window, by string
	c := &cobra.Command{
		Use:   "usage",
		Short: "Show what was used and what it cost",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{"window": {window}, "by": {by}}
			return show(c, &r, "/api/v1/usage?"+q.Encode(), usageTable)
		},
	}
	r.add(c)
	c.Flags().StringVar(&window, "window", "7d", "7d, 30d or FROM,TO as YYYY-MM-DD")
	c.Flags().StringVar(&by, "by", "model", "lists to show, separated by commas: model, agent, user, session, workload, provider, purpose, key")
	return c
}

func usageTable(w io.Writer, u ledger.Usage) {
	line(w, "", "INPUT", "OUTPUT", "TOTAL", "TURNS", "COST USD", "UNPRICED TURNS")
	total := func(name string, t ledger.Totals) {
		line(w, name, t.InputTokens, t.OutputTokens, t.TotalTokens, t.Turns, t.CostUSD, t.UnknownCostTurns)
	}
	total("last 7 days", u.Last7)
	total("last 30 days", u.Last30)
	for _, list := range []struct {
		name string
		rows []ledger.UsageRow
	}{
		{"MODEL", u.ByModel},
		{"PROVIDER", u.ByProvider},
		{"AGENT", u.ByAgent},
		{"USER", u.ByUser},
		{"SESSION", u.BySession},
		{"WORKLOAD", u.ByWorkload},
		{"PURPOSE", u.ByPurpose},
		{"KEY", u.ByKey},
	} {
		if len(list.rows) == 0 {
			continue
		}
		line(w)
		line(w, list.name+" ("+u.From+" to "+u.To+")", "INPUT", "OUTPUT", "TOTAL", "TURNS", "COST USD", "UNPRICED TURNS")
		for _, row := range list.rows {
			total(nameOf(row), row.Totals)
		}
	}
}

func nameOf(r ledger.UsageRow) string {
	switch {
	case r.Other > 0:
		return fmt.Sprintf("(%d others)", r.Other)
	case r.Model != nil && r.Provider != nil:
		return *r.Provider + "/" + *r.Model
	case r.Model != nil:
		return *r.Model
	case r.Provider != nil:
		return *r.Provider
	case r.Name != nil:
		return *r.Name
	}
	return "(none)"
}

type listOf[T any] struct {
	Data []T     `json:"data"`
	Next *string `json:"next_cursor"`
}

type shownTurn struct {
	ID       string    `json:"id"`
	Started  time.Time `json:"started_at"`
	Status   string    `json:"status"`
	Provider string    `json:"provider"`
	Model    string    `json:"model"`
	Input    int64     `json:"input_tokens"`
	Output   int64     `json:"output_tokens"`
	Cost     *string   `json:"cost_usd"`
	Duration int64     `json:"duration_ms"`
}

func turns() *cobra.Command {
	var r remote
	var limit int
	c := &cobra.Command{
		Use:   "turns",
		Short: "List single turns, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &r, fmt.Sprintf("/api/v1/turns?limit=%d", limit), func(w io.Writer, v listOf[shownTurn]) {
				line(w, "TURN", "STARTED", "STATUS", "MODEL", "INPUT", "OUTPUT", "COST USD", "MS")
				for _, t := range v.Data {
					line(w, t.ID, t.Started.Local().Format(time.DateTime), t.Status, t.Provider+"/"+t.Model, t.Input, t.Output, said(t.Cost), t.Duration)
				}
			})
		},
	}
	r.add(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many turns, at most 500")
	return c
}

type shownModel struct {
	Name      string  `json:"name"`
	Tier      string  `json:"tier"`
	Context   *int    `json:"context"`
	Input     *string `json:"input_usd_per_million"`
	Output    *string `json:"output_usd_per_million"`
	Available bool    `json:"available"`
	WhyNot    *string `json:"why_not"`
}

func models() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "models",
		Short: "List the models of the connected providers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &r, "/api/v1/models", func(w io.Writer, v listOf[shownModel]) {
				line(w, "MODEL", "TIER", "CONTEXT", "INPUT USD/M", "OUTPUT USD/M", "NOT AVAILABLE BECAUSE")
				for _, m := range v.Data {
					why := ""
					if !m.Available {
						why = fmt.Sprint(said(m.WhyNot))
					}
					line(w, m.Name, m.Tier, said(m.Context), said(m.Input), said(m.Output), why)
				}
			})
		},
	}
	r.add(c)
	return c
}

type shownProvider struct {
	Name    string     `json:"name"`
	Type    string     `json:"type"`
	Models  int        `json:"models"`
	Listed  *time.Time `json:"models_listed_at"`
	Problem *string    `json:"problem"`
}

func providers() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "providers",
		Short: "List the connected providers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &r, "/api/v1/providers", func(w io.Writer, v listOf[shownProvider]) {
				line(w, "PROVIDER", "TYPE", "MODELS", "LIST READ", "PROBLEM")
				for _, p := range v.Data {
					read := "never"
					if p.Listed != nil {
						read = p.Listed.Local().Format(time.DateTime)
					}
					line(w, p.Name, p.Type, p.Models, read, said(p.Problem))
				}
			})
		},
	}
	r.add(c)
	return c
}
