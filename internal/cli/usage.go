package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oidostudio/oido/internal/ledger"
)

func usage() *cobra.Command {
	var r remote
	var window, by string
	var asCSV bool
	filter := narrowing{}
	c := &cobra.Command{
		Use:   "usage",
		Short: "Show what was used and what it cost",
		Example: `  oido usage --window 30d --by model,agent
  oido usage --by day --agent support
  oido usage --window 2026-06-01,2026-06-30 --by user --csv > june.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asCSV && r.json {
				return mistake("--csv and --json are two forms of one answer: give one of them")
			}
			path := "/api/v1/usage?" + query(filter.with(map[string]string{"window": window, "by": by}))
			if asCSV {
				u, _, err := fetch[ledger.Usage](c.Context(), &r, path)
				if err != nil {
					return err
				}
				return usageCSV(c.OutOrStdout(), by, &u)
			}
			return show(c, &r, path, func(s screen, u ledger.Usage) error {
				return errors.Join(usageTables(s, by, &u), notice(c.ErrOrStderr(), &u))
			})
		},
	}
	r.add(c)
	r.addJSON(c)
	c.Flags().StringVar(&window, "window", "7d", "7d, 30d or FROM,TO as YYYY-MM-DD, both included")
	c.Flags().StringVar(&by, "by", "model", "lists to show, separated by commas: "+strings.Join(usageLists, ", "))
	c.Flags().BoolVar(&asCSV, "csv", false, "print the lists as comma-separated values, for spreadsheets")
	filter.add(c)
	return c
}

// usageLists are the values of --by.
var usageLists = []string{"model", "agent", "user", "session", "workload", "provider", "purpose", "key", "day"}

// notice says what the numbers leave out.
func notice(w io.Writer, u *ledger.Usage) error {
	if u.RowsFrom == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "Counted from %s on: these filters need single turns, and older ones are not kept.\n", *u.RowsFrom)
	return err
}

// usageList is one list with its rows.
type usageList struct {
	by   string
	rows []ledger.UsageRow
}

// listsOf are the lists that were asked for, in the order of --by.
func listsOf(by string, u *ledger.Usage) []usageList {
	all := map[string][]ledger.UsageRow{
		"model": u.ByModel, "provider": u.ByProvider, "agent": u.ByAgent, "user": u.ByUser, "session": u.BySession,
		"workload": u.ByWorkload, "purpose": u.ByPurpose, "key": u.ByKey,
	}
	for _, d := range u.Daily {
		all["day"] = append(all["day"], ledger.UsageRow{Name: &d.Date, Totals: d.Totals})
	}
	var out []usageList
	for name := range strings.SplitSeq(by, ",") {
		name = strings.TrimSpace(name)
		out = append(out, usageList{name, all[name]})
	}
	return out
}

func usageTables(s screen, by string, u *ledger.Usage) error {
	t := usageTable("")
	addTotals(&t, cell{"last 7 days", plain}, u.Last7)
	addTotals(&t, cell{"last 30 days", plain}, u.Last30)
	err := t.print(s)
	for _, list := range listsOf(by, u) {
		t := usageTable(strings.ToUpper(list.by))
		for _, row := range list.rows {
			addTotals(&t, nameOf(row), row.Totals)
		}
		addTotals(&t, cell{u.From + " to " + u.To, bold}, u.Totals)
		_, e := fmt.Fprintln(s.w)
		err = errors.Join(err, e, t.print(s))
	}
	return err
}

func usageTable(name string) table {
	return table{columns: []column{
		{title: name},
		{title: "INPUT", right: true, spare: 1},
		{title: "CACHED", right: true, spare: 3},
		{title: "OUTPUT", right: true, spare: 1},
		{title: "TOTAL", right: true},
		{title: "TURNS", right: true},
		{title: "COST USD", right: true},
		{title: "UNPRICED TURNS", right: true, spare: 2},
	}}
}

func addTotals(t *table, name cell, v ledger.Totals) {
	unpriced := cell{strconv.FormatInt(v.UnknownCostTurns, 10), plain}
	if v.UnknownCostTurns > 0 {
		unpriced.look = yellow
	}
	t.row(name, v.InputTokens, v.CacheReadTokens, v.OutputTokens, v.TotalTokens, v.Turns, knownCost(v), unpriced)
}

// noCost is what the API says where no part of a cost is known, too.
const noCost = "0.000000000"

// knownCost shows a sum of which a part may not be known: what is not known at
// all is no 0.
func knownCost(v ledger.Totals) cell {
	switch {
	case v.UnknownCostTurns == 0:
		return cell{v.CostUSD, plain}
	case v.CostUSD == noCost:
		return cell{"unknown", yellow}
	}
	return cell{"≥ " + v.CostUSD, yellow}
}

func nameOf(r ledger.UsageRow) cell {
	switch {
	case r.Other > 0:
		return cell{fmt.Sprintf("(%d others)", r.Other), faint}
	case r.Name == nil:
		return cell{"(none)", faint}
	}
	return cell{*r.Name, plain}
}

// usageCSV writes the lists below one another, each row with its list's name. A
// cost of which nothing is known is empty.
func usageCSV(w io.Writer, by string, u *ledger.Usage) error {
	c := csv.NewWriter(w)
	err := c.Write([]string{
		"from", "to", "by", "name", "input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
		"output_tokens", "reasoning_tokens", "total_tokens", "turns", "cost_usd", "unknown_cost_turns",
	})
	for _, list := range listsOf(by, u) {
		for _, row := range list.rows {
			name := ""
			switch {
			case row.Other > 0:
				name = fmt.Sprintf("(%d others)", row.Other)
			case row.Name != nil:
				name = inert(*row.Name)
			}
			cost := row.CostUSD
			if row.UnknownCostTurns > 0 && cost == noCost {
				cost = ""
			}
			n := func(v int64) string { return strconv.FormatInt(v, 10) }
			err = errors.Join(err, c.Write([]string{
				u.From, u.To, list.by, name, n(row.InputTokens), n(row.CacheReadTokens), n(row.CacheWriteTokens), n(row.CacheWrite1hTokens),
				n(row.OutputTokens), n(row.ReasoningTokens), n(row.TotalTokens), n(row.Turns), cost, n(row.UnknownCostTurns),
			}))
		}
	}
	c.Flush()
	return errors.Join(err, c.Error())
}

// inert keeps a name that a client chose from being run as a formula by the
// spreadsheet that opens the file.
func inert(name string) string {
	if name != "" && strings.ContainsRune("=+-@\t\r", rune(name[0])) {
		return "'" + name
	}
	return name
}
