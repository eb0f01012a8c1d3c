package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// shownWorkload is what a line on a workload is made of.
type shownWorkload struct {
	Name     string   `json:"name"`
	Class    *string  `json:"class"`
	Prefer   string   `json:"prefer"`
	Inherit  bool     `json:"inherit"`
	Models   []string `json:"models"`
	Escalate []string `json:"escalate"`
	Switch   []string `json:"switch"`
	Default  bool     `json:"default"`
	Warnings []string `json:"warnings"`
}

func workloads() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "workloads",
		Short: "List the workloads and the models that they lead to now",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &r, "/api/v1/workloads", func(s screen, v listOf[shownWorkload]) error {
				return workloadsTable(v.Data).print(s)
			})
		},
	}
	r.add(c)
	r.addJSON(c)
	return c
}

func workloadsTable(rows []shownWorkload) *table {
	t := &table{columns: []column{
		{title: "WORKLOAD"},
		{title: "CLASS", spare: 2},
		{title: "PREFER", spare: 3},
		{title: "MODELS NOW"},
		{title: "ESCALATES TO", spare: 4},
		{title: "SWITCH TO", spare: 5},
		{title: "FROM", spare: 1},
		{title: "WARNINGS"},
	}}
	listed := func(names []string) any {
		if len(names) == 0 {
			return cell{"-", faint}
		}
		return strings.Join(names, ", ")
	}
	warned := false
	for _, w := range rows {
		from := "configuration"
		if w.Default {
			from = "default"
		}
		prefer := w.Prefer
		if w.Inherit {
			prefer = "session"
		}
		warned = warned || len(w.Warnings) > 0
		t.row(w.Name, said(w.Class), prefer, listed(w.Models), listed(w.Escalate), listed(w.Switch), from, cell{strings.Join(w.Warnings, "; "), yellow})
	}
	if !warned {
		t.drop(len(t.columns) - 1)
	}
	return t
}
